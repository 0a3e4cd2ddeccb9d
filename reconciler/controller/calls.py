"""Carry out a step that is nothing but calls, each with its intent and its outcome in the journal.

Called by `execute` for every kind but services and runs. What the ledger remembers is written with the
outcome of the last call: a pass that is cut short leaves the memory as it was, and the next plan goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
        memory = self._memory(request)
        if not request.calls and memory:
            address = str(self.address)
            self.session.commit(
                [Entry(EntryKind.RESOURCE, address, "remember", self.cause)], memory
            )
        for number, call in enumerate(request.calls, start=1):
            self._make(call, memory if number == len(request.calls) else ())

    def _make(self, call: ApiCall, memory: Sequence[Write]) -> None:
        verb = kind_named(call.kind).calls[call.operation]
        mutation = Mutation(
            str(self.address), call.operation, self.cause, dict(call.before), dict(call.after)
        )

        def send() -> Answer:
            return verb(self.aws, call.operation, call.parameters)

        journaled(self.session, mutation, send, with_outcome=lambda _: memory)

    def _memory(self, request: ResourceRequest) -> Sequence[Write]:
        """Return the write of what is remembered; none when the ledger says the same already."""
        record = self.record
        if record is not None and record.applied == request.applied:
            return ()
        version = record.version if record else 0
        after = ResourceRecord(str(self.address), request.applied, version)
        return (resource_write(self.session.key, after),)
