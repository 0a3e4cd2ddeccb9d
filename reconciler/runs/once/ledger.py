"""One start's view of one key: reads and conditional writes, each recognising its own echo.

Called by `start`, `hold` and `settle`. A condition may fail on a write of our own whose answer was lost:
whoever holds our nonce in the state that we wanted is us.
"""

from __future__ import annotations

from reconciler.runs.once import record as records
from reconciler.runs.once.calls import PATIENCE_SECONDS, ConditionFailed, NoTable, Refused
from reconciler.runs.once.record import DONE, RETRY, RUNNING, STARTING, Record, Writer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from reconciler.runs.once.calls import Caller


class Written:
    """What became of a write: `landed`, and otherwise what is there instead (None: nothing)."""

    def __init__(self, landed: bool, found: Record | None = None) -> None:  # noqa: FBT001 - a value
        self.landed, self.found = landed, found


class Ledger:
    """The record of a key, for one start."""

    def __init__(self, caller: Caller, writer: Writer, create_table: Callable[[], None]) -> None:
        self._caller, self.writer, self._create_table = caller, writer, create_table
        self.asked = False
        """Whether a claim may have landed: then it must be let go of."""

    def now(self) -> float | None:
        """Return AWS's time."""
        return self._caller.now()

    def read(self) -> Record | None:
        """Return the record; None when the key was never used."""
        try:
            answer = self._caller.call("GetItem", self.writer.get())
        except NoTable:
            return None
        return self._decode(answer.get("Item"))

    def claim(self) -> Written:
        """Claim a key that was never used; makes the table where there is none."""
        self.asked = True
        request = self.writer.claim()
        try:
            return self._claimed(self._write("PutItem", request, self._is_claim))
        except NoTable:
            self._create_table()
            return self._claimed(self._write("PutItem", request, self._is_claim))

    def take(self, seen: Record) -> Written:
        """Take over what was seen, if it is still so."""
        self.asked = True
        return self._claimed(self._write("UpdateItem", self.writer.take(seen), self._is_claim))

    def confirm(self, beat: int, patience: float) -> Written:
        """Say that the command is started now: the last look before it is."""
        request = self.writer.confirm(beat, self.now() or 0)
        return self._write(
            "UpdateItem", request, lambda r: self._is_ours(r, RUNNING, beat), patience
        )

    def renew(self, beat: int, seconds: float) -> Written:
        """Move the heartbeat in one wire attempt."""
        return self._write(
            "UpdateItem",
            self.writer.renew(beat),
            lambda r: self._is_ours(r, RUNNING, beat),
            attempt=seconds,
        )

    def finish(self, state: str, code: int, took: float, seconds: float) -> Written:
        """Write down how it ended, in one wire attempt."""
        request = self.writer.finish(state, code, took, self.now())
        return self._write(
            "UpdateItem", request, lambda r: self._is_ours(r, state), attempt=seconds
        )

    def release(self, why: str, attempt: int, patience: float) -> Written:
        """Let go of a claim whose command has not been started."""
        request = self.writer.release(why, attempt)
        return self._write("UpdateItem", request, lambda r: self._is_ours(r, RETRY), patience)

    def give_up(self, seen: Record, why: str) -> Written:
        """Make a key UNKNOWN whose heartbeat stands still."""
        return self._write("UpdateItem", self.writer.give_up(seen, why), lambda _: False)

    def settle(self, seen: Record, state: str, why: str, by: str) -> Written:
        """Write down a person's word."""
        request = self.writer.settle(seen, state, why, by, self.now() or 0)

        def is_echo(found: Record) -> bool:
            said = (found.state, found.nonce, found.why, found.settled_by)
            return said == (state, seen.nonce, why, by)

        return self._write("UpdateItem", request, is_echo)

    def adopt(self, why: str, by: str) -> Written:
        """Write down that a key's work was done without us."""
        request = self.writer.adopt(why, by, self.now())
        try:
            return self._write("PutItem", request, lambda r: self._is_ours(r, DONE))
        except NoTable:
            self._create_table()
            return self._write("PutItem", request, lambda r: self._is_ours(r, DONE))

    def _claimed(self, written: Written) -> Written:
        self.asked = written.landed  # a definite no leaves nothing behind
        return written

    def _is_claim(self, found: Record) -> bool:
        return self._is_ours(found, STARTING)

    def _is_ours(self, found: Record, state: str, beat: int | None = None) -> bool:
        same = found.nonce == self.writer.nonce and found.state == state
        return same and (beat is None or found.beat == beat)

    def _write(
        self,
        operation: str,
        request: Mapping[str, Any],
        is_echo: Callable[[Record], bool],
        patience: float = PATIENCE_SECONDS,
        attempt: float | None = None,
    ) -> Written:
        try:
            if attempt is None:
                self._caller.call(operation, request, patience)
            else:
                self._caller.once(operation, request, attempt)
        except ConditionFailed as failed:
            found = self._decode(failed.item) if failed.item else self.read()
            return Written(found is not None and is_echo(found), found)
        return Written(landed=True)

    def _decode(self, item: Mapping[str, Any] | None) -> Record | None:
        try:
            return records.read(item, self.writer.table) if item else None
        except records.Damaged as error:
            raise Refused(str(error)) from error
