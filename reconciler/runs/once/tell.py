"""Everything that `once` says, on stderr; the command's own output is never touched.

Called by `start`, `hold` and `settle`. The messages are listed in docs/once.md.
"""

from __future__ import annotations

import os

from reconciler.runs.once.clock import at, lasting
from reconciler.runs.once.record import DONE, FAILED, RETRY, STARTING, UNKNOWN, Record

_STDERR = 2
BEGUN, WAITING, GOOD, ATTENTION, BAD = "►", "◎", "✔", "!", "✗"


class Voice:
    """Writes lines about a key to stderr; a reader that has gone away is no error of ours."""

    def __init__(self, key: str, *, quiet: bool) -> None:
        self._key, self._quiet = key, quiet

    def say(self, sign: str, text: str) -> None:
        """Write a line whose subject is the key; with --quiet only what needs attention."""
        if not self._quiet or sign in (ATTENTION, BAD):
            write(f"once: {sign} {self._key} {text}")


def write(line: str) -> None:
    """Write a line to stderr, whatever its encoding is; nobody may be reading."""
    try:
        os.write(_STDERR, f"{line}\n".encode("utf-8", "backslashreplace"))
    except OSError:
        pass


def who(seen: Record, now: float | None) -> str:
    """Say who holds a key and since when."""
    if seen.state == STARTING or seen.started is None:
        return f"held by {seen.who}, which is about to start it"
    age = f" ({lasting(now - seen.started)})" if now is not None and now >= seen.started else ""
    return f"held by {seen.who} since {at(seen.started)}{age}, heartbeat {seen.beat}"


def done(seen: Record, now: float | None) -> str:
    """Say who did it, when, and how long it took."""
    when = "" if seen.ended is None else f" at {at(seen.ended)}"
    if seen.ended is not None and now is not None and now >= seen.ended:
        when = f" {lasting(now - seen.ended)} ago ({at(seen.ended)})"
    if seen.settled_by:
        return f"was settled as done{when} by {seen.settled_by} ({seen.why}): nothing to do"
    took = "" if seen.took is None else f", {lasting(seen.took)}"
    return f"already succeeded{when} on {seen.who} (exit 0{took}): nothing to do"


def failed(seen: Record) -> str:
    """Say how it ended when it did not end well, or that nobody knows."""
    when = "" if seen.ended is None else f" at {at(seen.ended)}"
    if seen.state == UNKNOWN:
        since = "" if seen.started is None else f", started {at(seen.started)}"
        return (
            f"nobody knows how it ended: {seen.why} (attempt {seen.attempt} on {seen.who}{since})"
        )
    if seen.settled_by:
        return f"was settled as failed by {seen.settled_by} ({seen.why})"
    code = "" if seen.code is None else f" with exit {seen.code}"
    took = "" if seen.took is None else f" after {lasting(seen.took)}"
    return f"failed{when}{code}{took} (attempt {seen.attempt} on {seen.who})"


def next_step(command: str, seen: Record) -> str:
    """Say what to type next about a key that is held."""
    look = "look at what it did, then" if seen.state == UNKNOWN else "mend the cause, then"
    other = " (or start with --on-failure retry)" if seen.state == FAILED else ""
    return (
        f'{look}: {command} --resolve retry --reason "…" to run it again{other}, '
        f'or {command} --resolve done --reason "…" if its work is done'
    )


def shown(seen: Record | None, now: float | None) -> str:
    """Say the state of a key, for --show."""
    if seen is None:
        return "was never started"
    if seen.state == DONE:
        return done(seen, now).removesuffix(": nothing to do")
    if seen.state in (FAILED, UNKNOWN):
        return failed(seen)
    if seen.state == RETRY:
        return f"is free for the next start: {seen.why}"
    return who(seen, now)
