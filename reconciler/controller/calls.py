"""Carry out a step that is nothing but calls, each with its intent and its outcome in the journal.

Called by `execute` for every kind but services and runs. What the ledger remembers as applied is written
with the outcome of the last call: a pass that is cut short leaves that as it was, and the next plan goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reconciler.aws.door import Aws
from reconciler.controller.journaled import Mutation, journaled
from reconciler.model.journal import Entry, EntryKind
from reconciler.model.names import Address
from reconciler.model.observed import ResourceRecord
from reconciler.model.plan import ApiCall, ResourceRequest
from reconciler.resources.kind import Answer
from reconciler.resources.kinds import kind_named
from reconciler.store.records import resource_write
from reconciler.store.session import Session, Write


@dataclass(frozen=True)
class Calls:
    """The calls of one step. `record` is what the ledger knew of the resource, `cause` why they are made."""

    aws: Aws
    session: Session
    address: Address
    cause: str
    record: ResourceRecord | None

    def make(self, request: ResourceRequest) -> None:
        """Make the calls in order and remember what is applied then.

        Raises what a call raises, after its outcome is in the journal; LeaseLost and Superseded from
        the commits.
        """
        before = self._after(self.record, request.intended) if request.calls else self.record
        after = self._after(before, request.applied)
        intended, applied = self._writes(self.record, before), self._writes(before, after)
        if not request.calls and applied:
            address = str(self.address)
            self.session.commit(
                [Entry(EntryKind.RESOURCE, address, "remember", self.cause)], applied
            )
        last = len(request.calls) - 1
        for number, call in enumerate(request.calls):
            first = intended if number == 0 else ()
            self._make(call, first, applied if number == last else ())

    def _make(self, call: ApiCall, first: Sequence[Write], last: Sequence[Write]) -> None:
        verb = kind_named(call.kind).calls[call.operation]
        mutation = Mutation(
            str(self.address), call.operation, self.cause, dict(call.before), dict(call.after)
        )

        def send() -> Answer:
            return verb(self.aws, call.operation, call.parameters)

        journaled(self.session, mutation, send, with_intent=first, with_outcome=lambda _: last)

    def _after(
        self, record: ResourceRecord | None, applied: Mapping[str, Any] | None
    ) -> ResourceRecord | None:
        """Return the record that says so; the same one when it says so already."""
        if applied is None or (record is not None and record.applied == applied):
            return record
        version = record.version if record else 0
        return ResourceRecord(str(self.address), applied, version + 1)

    def _writes(
        self, before: ResourceRecord | None, after: ResourceRecord | None
    ) -> Sequence[Write]:
        if after is None or after == before:
            return ()
        known = replace(after, version=after.version - 1)
        return (resource_write(self.session.key, known),)
