"""`wait`: look until a condition holds, or until it is plain that it never will. Reads only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from reconciler.app.look import preview_in
from reconciler.app.world import World
from reconciler.controller.converge import TimedOut
from reconciler.model.clock import format_duration
from reconciler.model.desired import DesiredApp
from reconciler.model.errors import ReconcilerError
from reconciler.model.events import Event, EventKind
from reconciler.model.names import Address
from reconciler.model.observed import LedgerView
from reconciler.model.status import AppStatus
from reconciler.plan.assess import restricted
from reconciler.plan.outlook import MARKS, Outlook, live_outlook, said_outlook
from reconciler.settings import Settings
from reconciler.store.records import decode_status

PAUSE = timedelta(seconds=2)


class NeverByItself(ReconcilerError):
    """What is waited for cannot come before somebody acts; the exit code says what is in the way."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True)
class WaitFor:
    """A condition: its word, for `revision` and `generation` a value, and of which resources.

    `keep_waiting` also waits where only a person can help.
    """

    word: str = "converged"
    value: str = ""
    addresses: frozenset[Address] = frozenset()
    keep_waiting: bool = False

    def __str__(self) -> str:
        """Spell it as on the command line."""
        return f"{self.word}={self.value}" if self.value else self.word


def wait(
    settings: Settings,
    desired: DesiredApp,
    condition: WaitFor,
    timeout: timedelta,
    on_event: Callable[[Event], None],
) -> AppStatus:
    """Look until the condition holds and return the status. Raises TimedOut, NeverByItself."""
    watch = _Watch(World(settings), desired, condition)
    clock = watch.world.clock
    start = clock.boot_seconds()
    said = ""
    while True:
        outlook, status = watch.look()
        if outlook.holds:
            return status
        if outlook.code and not condition.keep_waiting:
            raise NeverByItself(
                f"{desired.key} will not be {condition} by itself: {outlook.text}", outlook.code
            )
        if outlook.text != said:
            on_event(Event(EventKind.PROGRESS, desired.key, "", outlook.text, clock.now()))
            said = outlook.text
        if clock.boot_seconds() - start >= timeout.total_seconds():
            after = format_duration(timeout)
            raise TimedOut(f"{desired.key} is not {condition} after {after}: {outlook.text}")
        clock.sleep(PAUSE)


@dataclass
class _Watch:
    """Looks again and again at one app. `_generation` is what a commit stands for, once it is known."""

    world: World
    desired: DesiredApp
    condition: WaitFor
    _generation: int | None = None
    _searched: int = -1

    def look(self) -> tuple[Outlook, AppStatus]:
        """Return whether the condition holds, and the status it was judged by."""
        condition = self.condition
        if condition.word in MARKS:
            return self._said(self.world.ledger(self.desired))
        seen = preview_in(self.world, self.desired)
        outlook = live_outlook(
            condition.word, condition.addresses, seen.status, seen.plan, seen.observed.ledger
        )
        return outlook, restricted(seen.status, condition.addresses)

    def _said(self, ledger: LedgerView) -> tuple[Outlook, AppStatus]:
        said = decode_status(ledger.status) if ledger.status else None
        status = said or preview_in(self.world, self.desired).status
        wanted = self._wanted(ledger)
        if wanted is None:
            text = f"no controller has taken up {self.condition.value} yet"
            return Outlook(False, text), status
        return said_outlook(wanted, self.condition.addresses, said, ledger.suspension), status

    def _wanted(self, ledger: LedgerView) -> int | None:
        """Return the generation that is waited for; a later one carries it out as well."""
        if self.condition.word == "generation":
            return int(self.condition.value)
        if self._generation is None and ledger.generation != self._searched:
            self._searched = ledger.generation
            store = self.world.store(self.desired)
            self._generation = store.generation_of(self.condition.value)
        return self._generation
