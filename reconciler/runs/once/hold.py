"""Holding a key while the command runs: heartbeats, the time limit, the end, and its record.

Called by `start`. One thread: a signal is passed on at any moment, also in the middle of a call.
"""

from __future__ import annotations

import signal

from reconciler.runs.once.calls import ATTEMPT_SECONDS, CallFailed
from reconciler.runs.once.clock import lasting
from reconciler.runs.once.record import DONE, FAILED, RUNNING
from reconciler.runs.once.tell import ATTENTION, BAD, GOOD
from reconciler.runs.once.told import Told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from reconciler.runs.once.clock import Clock
    from reconciler.runs.once.ledger import Ledger
    from reconciler.runs.once.tell import Voice

    class Command(Protocol):
        """What `hold` needs of `child.Child`."""

        @property
        def stopped(self) -> bool:
            """Whether the terminal has stopped it."""

        def wait(self, seconds: float) -> int | None:
            """Return its exit code when it ends in time."""

        def signal(self, number: int) -> None:
            """Signal its group."""

        def allow_until(self, deadline: float) -> bool:
            """Move the moment at which it is killed unless we say otherwise."""

        def pause(self) -> None:
            """Stop with it."""

        def go_on(self) -> None:
            """Let it go on."""

        def end_group(self, grace: float) -> None:
            """End what it has left behind."""


BEATS_PER_LEASE = 6
GRACE_SHARE = 0.2
"""SIGKILL follows SIGTERM within this share of the lease: before anybody may take the key for dead."""
RECORD_SECONDS = 900.0
"""How long the end is tried to be written down."""
TIMED_OUT, LOST = 124, 5
_STUBBORN_SECONDS = 10.0
_SOON = 1.0
_LONGEST_PAUSE = 15.0


class Limits:
    """Seconds: the lease, how long the command may run (0: for ever), between SIGTERM and SIGKILL."""

    def __init__(self, lease: float, timeout: float, kill_after: float) -> None:
        self.lease, self.timeout, self.kill_after = lease, timeout, kill_after


class Hold:
    """A key that is ours, RUNNING since `sent` (boot clock, before the confirmation was sent)."""

    def __init__(
        self, ledger: Ledger, command: Command, clock: Clock, voice: Voice, limits: Limits
    ) -> None:
        self._ledger, self._command, self._clock, self._voice = ledger, command, clock, voice
        self._limits = limits
        self._allowed = limits.lease * (1 + GRACE_SHARE)
        self._beat = 0
        self._acknowledged = self._next_beat = self._begun = 0.0
        self._kill_at: float | None = None
        self._killed = 0.0
        self._timed_out = False
        self._lost = ""
        """Why the key is not ours any more."""
        self._given_away = False

    def run(self, beat: int, sent: float, on_end: Callable[[], None]) -> int:
        """Watch the command to its end, write that down, and return the exit code."""
        self._beat, self._acknowledged, self._begun = beat, sent, sent
        self._next_beat = sent + self._limits.lease / BEATS_PER_LEASE
        while True:
            code = self._command.wait(self._until_next())
            if code is not None:
                break
            if self._command.stopped:
                self._command.pause()
                self._renew()
                self._command.allow_until(self._acknowledged + self._allowed)
                self._command.go_on()
            self._look()
        took = self._clock.boot() - self._begun
        self._command.end_group(self._limits.kill_after)
        return self._finish(code, took, on_end)

    def _until_next(self) -> float:
        now = self._clock.boot()
        ends = [] if self._lost else [self._next_beat]
        if self._kill_at is not None:
            ends.append(self._kill_at)
        elif self._limits.timeout and not self._is_ending:
            ends.append(self._begun + self._limits.timeout)
        if self._killed:
            ends.append(self._killed + _STUBBORN_SECONDS)
        return max(0.0, min(ends, default=now + _STUBBORN_SECONDS) - now)

    def _look(self) -> None:
        """Do what is due."""
        now = self._clock.boot()
        limit = self._limits.timeout
        if limit and not self._is_ending and now >= self._begun + limit:
            self._timed_out = True
            self._voice.say(BAD, f"has run for {lasting(limit)}: stopping the command")
            self._end_command(self._limits.kill_after)
        if not self._lost and now >= self._next_beat:
            self._renew()
        now = self._clock.boot()
        if self._kill_at is not None and now >= self._kill_at:
            self._kill_at, self._killed = None, now
            self._command.signal(signal.SIGKILL)
        elif self._killed and now >= self._killed + _STUBBORN_SECONDS:
            self._killed = now
            after = lasting(_STUBBORN_SECONDS)
            self._voice.say(
                BAD, f"could not stop the command: it has not ended {after} after SIGKILL"
            )

    @property
    def _is_ending(self) -> bool:
        return self._kill_at is not None or bool(self._killed)

    def _end_command(self, grace: float) -> None:
        if not self._is_ending:
            self._command.signal(signal.SIGTERM)
            self._kill_at = self._clock.boot() + grace

    def _renew(self) -> None:
        """Move the heartbeat once; the key is lost when it is another's, or after a lease without."""
        lease, sent = self._limits.lease, self._clock.boot()
        left = self._acknowledged + lease - sent
        problem = "no answer"
        try:
            written = self._ledger.renew(self._beat + 1, max(1.0, min(ATTEMPT_SECONDS, left)))
        except CallFailed as error:
            problem = str(error)
        else:
            if not written.landed:
                self._lose(_taken(written.found), given_away=True)
                return
            self._beat += 1
            self._acknowledged = sent
            self._next_beat = sent + lease / BEATS_PER_LEASE
            self._command.allow_until(sent + self._allowed)
            return
        now = self._clock.boot()
        if now >= self._acknowledged + lease:
            self._lose(f"it could not be renewed for {lasting(lease)}: {problem}", given_away=False)
        else:
            self._next_beat = now + min(_SOON, lease / BEATS_PER_LEASE)

    def _lose(self, why: str, *, given_away: bool) -> None:
        self._lost, self._given_away = why, given_away
        beside = ", whose command may run beside ours" if given_away else ""
        self._voice.say(BAD, f"is not ours any more: {why}{beside}; stopping the command")
        self._end_command(min(self._limits.kill_after, self._limits.lease * GRACE_SHARE))

    # -- the end -----------------------------------------------------------------------------------

    def _finish(self, code: int, took: float, on_end: Callable[[], None]) -> int:
        """Write the end down, trying for 15 minutes, and return the exit code.

        `on_end` makes signals ours again: one of them ends the trying, and nothing else.
        """
        if self._timed_out:
            code = TIMED_OUT
        state = DONE if code == 0 else FAILED
        ends, pause, problem, told = self._clock.boot() + RECORD_SECONDS, 0.2, "", False
        try:
            on_end()
            while not self._given_away:
                try:
                    written = self._ledger.finish(state, code, took, ATTEMPT_SECONDS)
                except CallFailed as error:
                    problem = str(error)
                else:
                    if written.landed:
                        return self._ended(code, took)
                    self._lost, self._given_away = _taken(written.found), True
                    break
                if not told:
                    self._voice.say(
                        ATTENTION, f"has ended, which is not written down yet: {problem}"
                    )
                    told = True
                if self._clock.boot() + pause >= ends:
                    break
                self._clock.sleep(self._clock.jittered(pause))
                pause = min(pause * 2, _LONGEST_PAUSE)
        except Told:
            problem = f"interrupted; {problem}"
        return self._not_recorded(code, problem)

    def _ended(self, code: int, took: float) -> int:
        sign, word = (GOOD, "succeeded") if code == 0 else (BAD, "failed")
        self._voice.say(sign, f"{word} (exit {code}, {lasting(took)})")
        return code

    def _not_recorded(self, code: int, problem: str) -> int:
        if self._given_away:
            self._voice.say(BAD, f"ended with {code}, which is not written down: {self._lost}")
            return LOST
        self._voice.say(
            BAD,
            f"ended with {code}, which could not be written down: {problem}; it will "
            f"become UNKNOWN: settle it as {'done' if code == 0 else 'failed'}",
        )
        return code


def _taken(found: object) -> str:
    state = getattr(found, "state", None)
    if found is None or state is None:
        return "its record is gone"
    by = getattr(found, "settled_by", "")
    if by and state != RUNNING:
        return f"{by} settled it as {str(state).lower()}"
    return f"it is {state} on {getattr(found, 'who', '?')}"
