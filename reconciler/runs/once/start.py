"""One start: get the key, or learn why not; run the command while it is ours.

Called by `command`. Straight down: claim → (wait) → fork, held back → confirm → start → `hold`.
"""

from __future__ import annotations

from reconciler.runs.once import evidence, place, turn
from reconciler.runs.once.calls import CallFailed
from reconciler.runs.once.child import CannotStart, Child
from reconciler.runs.once.clock import lasting
from reconciler.runs.once.hold import GRACE_SHARE, Hold, Limits
from reconciler.runs.once.ledger import Written
from reconciler.runs.once.record import STARTING, UNKNOWN
from reconciler.runs.once.tell import (
    ATTENTION,
    BAD,
    BEGUN,
    GOOD,
    WAITING,
    done,
    failed,
    next_step,
    who,
)
from reconciler.runs.once.told import Signals, Told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Protocol

    from reconciler.runs.once.calls import Caller
    from reconciler.runs.once.clock import Clock
    from reconciler.runs.once.flags import Options
    from reconciler.runs.once.hold import Command
    from reconciler.runs.once.ledger import Ledger
    from reconciler.runs.once.record import Record
    from reconciler.runs.once.tell import Voice

    class Prepared(Command, Protocol):
        """What a start needs of `child.Child`."""

        def prepare(self, environment: Mapping[str, str], deadline: float) -> None:
            """Make everything ready and wait."""

        def start(self) -> None:
            """Let it go."""

        def abandon(self) -> None:
            """Let it never start."""


HELD_BY_ANOTHER, UNSETTLED, NOT_STARTED = 5, 6, 125
_FIRST_POLL, _LONGEST_POLL = 0.5, 5.0
_REPEAT_SECONDS = 30.0
_RELEASE_SECONDS = 5.0


class World:
    """What a start acts on; the tests replace it."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        voice: Voice,
        signals: Signals,
        ecs: Callable[[str], Caller],
    ) -> None:
        self.ledger, self.clock, self.voice, self.signals = ledger, clock, voice, signals
        self.ecs = ecs
        """Makes the door to ECS of a region; for --rerun-if-dead."""

    def child(self, argv: list[str]) -> Prepared:
        """Make the command."""
        return Child(argv, self.signals, self.clock)


class Claim:
    """A claim that is ours: its attempt and its heartbeat."""

    def __init__(self, attempt: int, beat: int) -> None:
        self.attempt, self.beat = attempt, beat


class Start:
    """One start of a command on a key."""

    def __init__(self, world: World, options: Options, environment: Mapping[str, str]) -> None:
        self._world, self._options, self._environment = world, options, environment
        self._ledger, self._clock = world.ledger, world.clock
        self._watch = turn.Watch()
        self._ends = self._clock.boot() + (0.0 if options.no_wait else options.wait)
        self._poll = _FIRST_POLL
        self._said = float("-inf")
        self._claim = Claim(1, 1)
        self._started = False

    def run(self) -> int:
        """Return the exit code: the command's own, or what docs/once.md says."""
        found: Written | None = None
        try:
            while True:
                code = self._obtain(found)
                if code is not None:
                    return code
                result = self._execute()
                if isinstance(result, int):
                    return result
                found = result  # it was taken from us before the command was started
        except Told as told:
            # Once the command was started, what it did is not ours to take back.
            if self._ledger.asked and not self._started:
                self._release("its start was interrupted")
            return 128 + told.number

    # -- getting the key -----------------------------------------------------------------------

    def _obtain(self, written: Written | None) -> int | None:
        """Return None once the key is ours, otherwise the exit code."""
        if written is None:
            written = self._first()
        while not written.landed:
            seen = written.found
            stale = seen is not None and self._watch.is_stale(seen, self._clock.boot())
            step = turn.decide(seen, retry_failed=self._options.retry_failed, is_stale=stale)
            if step == turn.SKIP and seen:
                self._world.voice.say(GOOD, done(seen, self._ledger.now()))
                return 0
            if seen is None:
                written = self._first()
            elif step == turn.TAKE:
                written = self._take(seen)
            else:
                outcome = self._judged(seen, step)
                if isinstance(outcome, int):
                    return outcome
                written = outcome
        return None

    def _first(self) -> Written:
        self._claim = Claim(1, 1)
        return self._ledger.claim()

    def _take(self, seen: Record) -> Written:
        self._claim = Claim(seen.attempt + (seen.state != STARTING), seen.beat + 1)
        return self._ledger.take(seen)

    def _judged(self, seen: Record, step: str) -> int | Written:
        """Do what a key asks for that is not free: wait, leave, or find out about its holder."""
        if step == turn.WAIT:
            return self._later(seen)
        unsure = step == turn.STALE or seen.state == UNKNOWN
        why = f"its heartbeat stood still for {lasting(seen.lease * turn.OBSERVED_LEASES)}"
        if unsure and self._options.rerun_if_dead:
            if place.is_task(seen.who):
                state = evidence.state_of(self._world.ecs(place.region_of(seen.who)), seen.who)
                if state == evidence.STOPPED:
                    self._world.voice.say(
                        ATTENTION, f"{why}, and ECS shows {seen.who} stopped: taken over"
                    )
                    return self._take(seen)
                if state == evidence.ALIVE:
                    return self._later(seen, f", but ECS shows its task alive though {why}")
                why += ", and ECS does not show its task any more"
            else:
                why += ", and its holder is no ECS task"
        if step == turn.HELD:
            self._world.voice.say(BAD, f"{failed(seen)}: {next_step(self._options.again, seen)}")
            return UNSETTLED
        # Not landed: the heartbeat has moved after all, or somebody was faster. Landed: look again.
        written = self._ledger.give_up(seen, why)
        return Written(False, self._ledger.read()) if written.landed else written

    def _later(self, seen: Record, more: str = "") -> int | Written:
        """Wait a little and look again; 5 when there is no time left."""
        now = self._clock.boot()
        text = who(seen, self._ledger.now()) + more
        if now >= self._ends:
            waited = "" if self._options.no_wait else f", waited for {lasting(self._options.wait)}"
            self._world.voice.say(BAD, f"{text}{waited}")
            return HELD_BY_ANOTHER
        if now - self._said >= _REPEAT_SECONDS:
            self._world.voice.say(WAITING, f"{text}; waiting {lasting(self._ends - now)} at most")
            self._said = now
        pause = min(self._clock.jittered(self._poll), self._ends - now)
        self._poll = min(self._poll * 1.5, _LONGEST_POLL, max(_FIRST_POLL, seen.lease / 4))
        self._clock.sleep(pause)
        return Written(False, self._ledger.read())

    # -- using it ------------------------------------------------------------------------------

    def _execute(self) -> int | Written:
        """Run the command; Written when the key was lost before it was started."""
        lease, signals = self._options.lease, self._world.signals
        signals.keep()
        command = self._world.child(self._options.argv)
        claim, beat = self._claim, self._claim.beat + 1
        try:
            sent = self._clock.boot()
            command.prepare(self._child_environment(claim), sent + lease * (1 + GRACE_SHARE))
            signals.raise_kept()
            written = self._ledger.confirm(beat, lease / 2)
            signals.raise_kept()
            if not written.landed or self._clock.boot() > sent + lease / 2:
                command.abandon()
                return self._again(written)
            self._world.voice.say(BEGUN, f"starting, attempt {claim.attempt}")
            self._started = True
            command.start()
        except CannotStart as error:
            self._started = False
            self._release(str(error))
            self._world.voice.say(BAD, f"could not be started: {error}")
            return error.code
        except Told:
            command.abandon()
            raise
        except (CallFailed, OSError) as error:
            command.abandon()
            self._release(f"it could not be started: {error}")
            self._world.voice.say(BAD, f"could not be started: {error}")
            return NOT_STARTED
        limits = Limits(lease, self._options.timeout, self._options.kill_after)
        hold = Hold(self._ledger, command, self._clock, self._world.voice, limits)
        return hold.run(beat, sent, signals.end_by)

    def _again(self, written: Written) -> Written:
        """Go back to the beginning: the claim was taken over, or is too old to be relied on."""
        self._world.signals.end_by()
        if written.landed:
            self._release("it was frozen before its start")
            return Written(False, self._ledger.read())
        return written

    def _child_environment(self, claim: Claim) -> dict[str, str]:
        """Return the command's environment: ours, but nothing that would reach a nested `once`."""
        kept = {k: v for k, v in self._environment.items() if not k.startswith("RECONCILER_ONCE_")}
        return kept | {"ONCE_KEY": self._options.key, "ONCE_ATTEMPT": str(claim.attempt)}

    def _release(self, why: str) -> None:
        """Let the next start have it at once; without that it waits until our claim is stale."""
        try:
            self._ledger.release(why, self._claim.attempt, _RELEASE_SECONDS)
        except (CallFailed, Told) as error:
            said = f"a signal ({error.number})" if isinstance(error, Told) else str(error)
            self._world.voice.say(ATTENTION, f"could not be let go of: {said}")
