"""--resolve and --show: a person's word about a key, and what its record says.

Called by `command`. A key that runs is settled only after its heartbeat stood still as long as any start
would have to watch it.
"""

from __future__ import annotations

import os
from pwd import getpwuid

from reconciler.runs.once import turn
from reconciler.runs.once.clock import lasting
from reconciler.runs.once.record import DONE, FAILED, RETRY, RUNNING, STARTING, UNKNOWN
from reconciler.runs.once.tell import BAD, GOOD, WAITING, failed, shown, who

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reconciler.runs.once.clock import Clock
    from reconciler.runs.once.ledger import Ledger
    from reconciler.runs.once.record import Record
    from reconciler.runs.once.tell import Voice

REFUSED, ALIVE, UNSETTLED, NEVER = 4, 5, 6, 1
_STATES = {"done": DONE, "failed": FAILED, "retry": RETRY}
_SHARE = 8


def show(ledger: Ledger, say: Callable[[str], None]) -> int:
    """Say what the record says: 0 done, 5 held, 6 failed or unknown, 1 free."""
    seen = ledger.read()
    codes = {DONE: 0, STARTING: ALIVE, RUNNING: ALIVE, FAILED: UNSETTLED, UNKNOWN: UNSETTLED}
    code = codes.get(seen.state, NEVER) if seen else NEVER
    say(shown(seen, ledger.now()))
    return code


class Settlement:
    """A person's word about a key: done, failed or retry, and why."""

    def __init__(self, word: str, reason: str, by: str) -> None:
        self.word, self.reason, self.by = word, reason, by
        self.state = _STATES[word]


def person(environment: Mapping[str, str]) -> str:
    """Say whose word it is; cron and `env -i` set no USER, and a container may have a uid without a name."""
    if name := environment.get("USER") or environment.get("LOGNAME"):
        return name
    try:
        return getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def settle(ledger: Ledger, clock: Clock, voice: Voice, said: Settlement) -> int:
    """Write it down: 0, 4 when it makes no sense for this key, 5 when its holder is alive."""
    watch, noted = turn.Watch(), False
    seen = ledger.read()
    while True:
        if seen is None:
            return _of_nothing(ledger, voice, said)
        if seen.state == DONE:
            fits = said.word == "done"
            voice.say(GOOD if fits else BAD, shown(seen, ledger.now()) + _another_key(fits))
            return 0 if fits else REFUSED
        if seen.state in (STARTING, RUNNING) and not watch.is_stale(seen, clock.boot()):
            if not noted:
                needed = lasting(seen.lease * turn.OBSERVED_LEASES)
                voice.say(
                    WAITING, f"{who(seen, ledger.now())}; watching its heartbeat for {needed}"
                )
                noted = True
            before = seen
            clock.sleep(seen.lease / _SHARE)
            seen = ledger.read()
            if seen is not None and seen.state == RUNNING and seen.version != before.version:
                voice.say(BAD, f"{who(seen, ledger.now())}: its holder is alive; stop it instead")
                return ALIVE
            continue
        written = ledger.settle(seen, said.state, said.reason, said.by)
        if written.landed:
            return _settled(voice, seen, said)
        seen = written.found


def _another_key(fits: bool) -> str:  # noqa: FBT001 - private, read beside its only call
    return "" if fits else ": to run it again, use another key"


def _of_nothing(ledger: Ledger, voice: Voice, said: Settlement) -> int:
    if said.word != "done":
        voice.say(
            BAD, "was never started: there is nothing to settle; done is possible, to adopt it"
        )
        return REFUSED
    if ledger.adopt(said.reason, said.by).landed:
        voice.say(GOOD, f"is done, by {said.by}'s word: no start will run it")
        return 0
    voice.say(BAD, "was started at this moment: look again with --show")
    return ALIVE


def _settled(voice: Voice, seen: Record, said: Settlement) -> int:
    before = failed(seen) if seen.state in (FAILED, UNKNOWN) else f"{seen.state} on {seen.who}"
    results = {"done": "no start will run it", "retry": "the next start runs it"}
    then = results.get(said.word, "--on-failure decides")
    voice.say(GOOD, f"settled as {said.word}: {then}; before: {before}")
    return 0
