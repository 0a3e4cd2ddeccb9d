"""What the rows of the table do: from a snapshot, the action with its reason. PURE.

Called by `runs.decide` alone: which row it is stands there.
"""

from __future__ import annotations

from collections.abc import Callable

from reconciler.model.run import RunState, TaskSighting
from reconciler.runs.limits import ABANDONED, look_again
from reconciler.runs.snapshot import Action, Do, Snapshot, TaskFacet

TOOK_TOO_LONG = "it ran longer than its timeout"
_DESERTED = "nobody is left who would launch it again"

Then = Callable[[Snapshot], Action]


def do(what: Do, reason: str = "") -> Then:
    """Do the same whatever the snapshot."""
    return lambda _: Action(what, reason)


def wait(reason: str) -> Then:
    """Look again, the later the longer it has been going on."""

    def then(s: Snapshot) -> Action:
        started = s.state is not None and s.state is not RunState.LAUNCHING
        return Action(Do.WAIT, reason, look_again(s.running_for if started else s.age))

    return then


def backoff(s: Snapshot) -> Action:
    """Wait for the next launch."""
    left = s.backoff_left
    return Action(Do.WAIT, f"next launch in {left.total_seconds():.0f} s", left)


def retry_later(s: Snapshot) -> Action:
    """Wait for the next attempt."""
    left = s.retry_left
    attempt = s.run.attempt + 1 if s.run else 1
    return Action(Do.WAIT, f"attempt {attempt} in {left.total_seconds():.0f} s", left)


def starter_waits(s: Snapshot) -> Action:
    """Leave the next launch to whoever started the task."""
    since = s.run.settled_at if s.run else None
    left = since + ABANDONED - s.now if since else ABANDONED
    return Action(Do.WAIT, "whoever started it may launch it again", left)


def stop(what: Do) -> Then:
    """For the reason that the stop was asked for."""
    return lambda s: Action(what, s.stop_asked)


def no_more(what: Do) -> Then:
    """Because a stop was asked for, or nobody is left."""
    return lambda s: Action(what, s.stop_asked or _DESERTED)


def older(s: Snapshot) -> Action:
    """Nothing, and say which revision is newer."""
    return Action(
        Do.NOTHING,
        f"revision {s.desired_revision} is older than {s.older_than}: it never runs by itself",
    )


def give_up(s: Snapshot) -> Action:
    """Fail for the reason of the last launch."""
    run = s.run
    last = run.reason if run else ""
    number = run.launch + 1 if run else 0
    used_up = run is not None and number >= run.most_launches > 1
    prefix = f"never executed in {number} launches; the last: " if used_up else ""
    return Action(Do.FAIL, prefix + (last or "it never started"))


def claimant(s: Snapshot) -> Action:
    """Follow the task that holds the claim."""
    return Action(Do.RUNNING, "claimed", arn=(s.claim.task_arn or "") if s.claim else "")


def visible(s: Snapshot) -> Action:
    """Follow the task that ECS shows."""
    return Action(Do.RUNNING, "the task is visible", arn=s.sighting.arn if s.sighting else "")


def verdict(what: Do) -> Then:
    """Judge by the task that was seen stopped."""

    def then(s: Snapshot) -> Action:
        seen, run = s.sighting, s.run
        if seen is None or run is None:  # the row's facets exclude it
            return Action(Do.WAIT)
        code = seen.exit_codes.get(run.container)
        reason = _why_stopped(seen, run.container, code)
        if s.stopping:
            reason += f"; {run.stop_asked or TOOK_TOO_LONG}"
        return Action(what, reason, arn=seen.arn, exit_code=code, facts=_task_facts(seen))

    return then


def _why_stopped(seen: TaskSighting, container: str, code: int | None) -> str:
    if code is not None:
        return f"container {container} exited {code}"
    said = "; ".join(filter(None, (seen.stop_code, seen.stopped_reason)))
    return f"container {container} has no exit code{': ' + said if said else ''}"


def _task_facts(seen: TaskSighting) -> dict[str, object]:
    """Boil a stopped task down to what the ledger keeps of it."""
    containers: dict[str, object] = dict(seen.container_reasons)
    containers.update(seen.exit_codes)
    facts: dict[str, object] = {
        "stopCode": seen.stop_code,
        "stoppedReason": seen.stopped_reason,
        "containers": containers,
    }
    return {name: value for name, value in facts.items() if value}


def unknown(reason: str) -> Then:
    """Unknown; for a run that is so already: wait."""

    def then(s: Snapshot) -> Action:
        if s.state is RunState.UNKNOWN:
            return wait(reason)(s)
        facts = (
            _task_facts(s.sighting) if s.sighting and s.task_facet is not TaskFacet.MISSING else {}
        )
        return Action(Do.UNKNOWN, reason, facts=facts)

    return then
