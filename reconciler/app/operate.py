"""A person's word on one run, of whatever kind: another attempt, its end, how it ended.

Called by the verbs of migrations, jobs and tasks. What each may do to a run is `runs.operate`'s.
"""

from __future__ import annotations

from reconciler.app.known import check_name
from reconciler.app.world import World
from reconciler.model.desired import DesiredApp
from reconciler.model.run import RunKey
from reconciler.runs import operate


def retry(world: World, desired: DesiredApp, key: RunKey, reason: str) -> str:
    """Ask for another attempt of a run that failed; returns what was done."""
    subject, who = _subject(world, desired, key, reason)
    attempt = operate.retry(subject, who)
    return f"{subject.title}: attempt {attempt} is asked for; the controller runs it"


def stop(world: World, desired: DesiredApp, key: RunKey, reason: str) -> str:
    """Ask for the end of a run; returns what was done."""
    subject, who = _subject(world, desired, key, reason)
    if operate.stop(subject, who) is None:
        return f"{subject.title} is not asked for any more: it had not begun"
    return f"{subject.title}: its stop is asked for; the controller carries it out"


def resolve(  # noqa: PLR0913 - which run, and the verb's own arguments
    world: World, desired: DesiredApp, key: RunKey, outcome: str, *, reason: str, force: bool
) -> str:
    """Write down how a run ended; returns what was done."""
    subject, who = _subject(world, desired, key, reason)
    run = operate.resolve(subject, operate.RESOLUTIONS[outcome], who, force=force)
    return f"{subject.title} is {run.state} now, by your word"


def _subject(
    world: World, desired: DesiredApp, key: RunKey, reason: str
) -> tuple[operate.Subject, operate.Operator]:
    """Return the run that a person means, and who that is. Raises UsageError for a name that nothing has."""
    check_name(desired, key.kind, key.name, lambda: world.ledger(desired))
    store, who = world.store(desired), world.place(desired).identity.arn
    subject = operate.Subject(store, desired.cluster, key.name, key.revision, key.kind)
    return subject, operate.Operator(who, reason)
