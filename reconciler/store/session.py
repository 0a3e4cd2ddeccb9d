"""THE commit primitive: fence, journal and state in one transaction.

Made by `store.ledger` for whoever acts on one app (the controller's worker, `apply`, an operator's
verb). Every commit is a compare-and-set on HEAD: the journal's number, and the epoch and owner for
sessions with a lease. docs/exactly-once.md says what rests on it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reconciler.aws.door import Aws
from reconciler.model.errors import (
    AwsError,
    ConditionFailed,
    LeaseLost,
    OutcomeUnknown,
    Superseded,
    Unsure,
)
from reconciler.model.journal import Entry, EntryKind, JournalRecord
from reconciler.model.names import AppKey
from reconciler.model.observed import LedgerView
from reconciler.store import journal
from reconciler.store.head import Head, head_action, read_head
from reconciler.store.tables import Tables
from reconciler.store.write import KEEP, HeadChange, Write

_ROUNDS = 3
"""How often an unanswered transaction is sent again, each within the door's own deadline."""


@dataclass(frozen=True)
class Lease:
    """The right to act on an app: who holds it, and the epoch that fences everybody before."""

    key: AppKey
    member: str
    epoch: int


@dataclass(frozen=True)
class _Transaction:
    """One prepared commit: what is sent, and what HEAD will be once it has landed."""

    actions: Sequence[Mapping[str, Any]]
    token: str
    after: Head
    writes: Sequence[Write]


class Session:
    """The hand that writes one app's ledger. `head` is what the next commit is conditional on.

    `lease` is None for an operator's session, which is conditional on the journal's number alone.
    Used by one thread at a time.
    """

    def __init__(
        self, aws: Aws, tables: Tables, head: Head, who: str, ids: Callable[[], str]
    ) -> None:
        self.aws = aws
        self.tables = tables
        self.head = head
        self.who = who
        self.lease: Lease | None = None
        self._ids = ids

    @property
    def key(self) -> AppKey:
        """The app."""
        return self.head.key

    def rebase(self, view: LedgerView) -> None:
        """Make the next commits conditional on a newer snapshot; call it before deciding anew.

        Raises LeaseLost when the snapshot shows another owner or epoch.
        """
        self._check_lease(Head.of(view))
        self.head = Head.of(view)

    def commit(
        self,
        entries: Sequence[Entry],
        writes: Sequence[Write] = (),
        change: HeadChange = HeadChange(),  # noqa: B008 - frozen, without content
    ) -> None:
        """Append `entries`, apply `writes` and change HEAD: all or nothing.

        Returns when it is known to have landed, also when the answer was lost. Raises LeaseLost when
        another has the app; Superseded when the journal went on, a write's own condition did not hold
        (its cause is the ConditionFailed) or the outcome stayed unknown: read and decide again;
        AwsError when AWS refused or could not be asked what became of it.
        """
        after = self.head.changed(change)
        self._land(self._prepare(entries, writes, after, require_idle=change.require_idle))

    def intent(self, entry: Entry, writes: Sequence[Write] = ()) -> str:
        """Journal that an AWS call is about to be made and return its operation id.

        The intent stays open in HEAD (`opn`) until `outcome` closes it. Raises as `commit`.
        """
        operation_id = entry.operation_id or self._ids()
        opening = replace(entry, kind=EntryKind.INTENT, operation_id=operation_id)
        opened = {**self.head.open_intents, operation_id: self.head.sequence + 1}
        self._land(self._prepare([opening], writes, replace(self.head, open_intents=opened)))
        return operation_id

    def outcome(self, operation_id: str, entry: Entry, writes: Sequence[Write] = ()) -> None:
        """Journal how the AWS call ended and close its intent. Raises as `commit`."""
        closing = replace(entry, kind=EntryKind.OUTCOME, operation_id=operation_id)
        still = {o: n for o, n in self.head.open_intents.items() if o != operation_id}
        self._land(self._prepare([closing], writes, replace(self.head, open_intents=still)))

    def acquire(self, member: str, cause: str = "") -> None:
        """Take the app for `member` with the next epoch (T3); used by `store.ledger` only.

        The caller has made sure that the owner in `head` is none, itself, or dead. Raises Superseded.
        """
        epoch = self.head.epoch + 1
        entry = Entry(
            EntryKind.LEASE,
            address="",
            action="acquire",
            cause=cause,
            before={"owner": self.head.owner, "epoch": self.head.epoch},
            after={"owner": member, "epoch": epoch},
        )
        self._land(self._prepare([entry], (), replace(self.head, owner=member, epoch=epoch)))
        self.lease = Lease(self.key, member, epoch)

    def release(self) -> None:
        """Give the app back (T4). The epoch stays. Nothing happens when it was lost already."""
        if self.lease is None:
            return
        entry = Entry(EntryKind.RELEASE, address="", action="release", before={"owner": self.who})
        for _ in range(_ROUNDS):
            try:
                self._land(self._prepare([entry], (), replace(self.head, owner=None)))
            except Superseded:
                self.head = self._read_head()
                if not self._holds(self.head):
                    break
            except LeaseLost:
                break
            else:
                break
        self.lease = None

    def _prepare(
        self,
        entries: Sequence[Entry],
        writes: Sequence[Write],
        after: Head,
        *,
        require_idle: bool = False,
    ) -> _Transaction:
        if not entries:
            raise ValueError("a commit without a journal entry is not possible")
        records = self._chain(entries, after)
        last = records[-1]
        after = replace(after, sequence=last.number, chain_hash=last.hash)
        actions = [
            head_action(self.tables.state, self.head, after, require_idle=require_idle),
            *(journal.put_action(self.tables.journal, self.key, r) for r in records),
            *(write.action(self.tables.name(write.table)) for write in writes),
        ]
        fixed = f"{self.key}|{self.head.epoch}|{self.head.sequence}|{last.hash}"
        token = hashlib.sha256(fixed.encode()).hexdigest()[:36]
        return _Transaction(actions, token, after, writes)

    def _chain(self, entries: Sequence[Entry], after: Head) -> list[JournalRecord]:
        stamp = journal.Stamp(
            key=self.key,
            epoch=after.epoch,
            who=self.who,
            at=self.aws.now(),
            generation=after.generation,
            commit=after.commit,
            desired_hash=after.desired_hash,
            nonce=self._ids(),
        )
        return journal.chain(entries, stamp, self.head)

    def _land(self, transaction: _Transaction) -> None:
        """Send the transaction until it is known what became of it."""
        for _ in range(_ROUNDS):
            try:
                self.aws.call(
                    "dynamodb",
                    "TransactWriteItems",
                    TransactItems=transaction.actions,
                    ClientRequestToken=transaction.token,
                )
            except (OutcomeUnknown, ConditionFailed) as error:
                if self._has_landed(transaction, error):
                    break
                lost = error
            else:
                break
        else:
            raise Unsure(
                f"it is not known whether journal entry {transaction.after.sequence} of {self.key} "
                f"was written: {lost}"
            ) from lost
        self.head = transaction.after

    def _has_landed(self, transaction: _Transaction, error: AwsError) -> bool:
        """Return whether it landed, False when it may be sent again; else raise what is known.

        A transaction that has not landed may still do so: whoever reads HEAD now and commits again
        excludes it by the journal's number, and the same transaction sent again carries its token.
        """
        head = self._read_head()
        mine = transaction.after
        if head.chain_hash == mine.chain_hash:
            return True
        if head.sequence >= mine.sequence and mine.chain_hash == journal.read_hash(
            self.aws, self.tables.journal, self.key, mine.sequence
        ):
            return True  # and others have committed after it
        self._check_lease(head)
        if head.sequence != self.head.sequence:
            raise Superseded(
                f"somebody else wrote journal entry {self.head.sequence + 1} of {self.key} first"
            ) from error
        if isinstance(error, ConditionFailed):
            raise self._refusal(transaction, error) from error
        return False

    def _refusal(self, transaction: _Transaction, error: ConditionFailed) -> Exception:
        """Return what a refused condition means while HEAD is as it was."""
        entries = len(transaction.actions) - 1 - len(transaction.writes)
        failed = [i for i, code in enumerate(error.codes) if code == "ConditionalCheckFailed"]
        if any(1 <= i <= entries for i in failed):
            return journal.corrupt_append(self.key, self.head.sequence + 1)
        names = [str(transaction.writes[i - 1 - entries]) for i in failed if i > entries]
        what = ", ".join(names) or "HEAD"
        return Superseded(f"{self.key}: not as expected any more: {what}")

    def _read_head(self) -> Head:
        return read_head(self.aws, self.tables.state, self.key)

    def _holds(self, head: Head) -> bool:
        return self.lease is None or (
            head.owner == self.lease.member and head.epoch == self.lease.epoch
        )

    def _check_lease(self, head: Head) -> None:
        if not self._holds(head):
            raise LeaseLost(
                f"{self.key} is no longer ours: {head.owner or 'nobody'} has it at epoch {head.epoch}"
            )


__all__ = ["KEEP", "HeadChange", "Lease", "Session", "Write"]
