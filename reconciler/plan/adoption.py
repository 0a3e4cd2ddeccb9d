"""Taking over a service that others made: what is left as it is, and when that is no difference at all.

Called by `plan.service_steps` and `plan.redis.existing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reconciler.model.names import dotted
from reconciler.model.plan import Change, Step, Suppressed, Verb
from reconciler.plan.effective import Effective
from reconciler.plan.ownership import is_mark, owner_name
from reconciler.plan.subject import Subject


def of_another(subject: Subject) -> Step:
    """Return the step of a service that another app has taken over: nothing is done to it."""
    owner = owner_name(subject.live.tags)
    name = subject.service.service_name
    return Step(
        subject.service.address,
        Verb.HOLD,
        f"{name} belongs to {owner}: its reconciler:* tags say so",
        notes=(
            f"take it out of {owner} and remove its reconciler:* tags, or choose another serviceName",
        ),
    )


def are_marks(changes: Sequence[Change]) -> bool:
    """Say whether our own tags are all that is missing."""
    return bool(changes) and all(is_mark(change.path) for change in changes)


def taken_over(whole: Step, name: str) -> Step:
    """Return the step that takes over what is as declared: our tags are no difference to anybody."""
    marks = [Suppressed(c.path, c.observed, "our own mark: added on apply") for c in whole.changes]
    return replace(
        whole,
        changes=(),
        suppressed=(*whole.suppressed, *marks),
        summary=f"take over {name} as it is: no difference, apply adds our tags",
    )


def untouched(effective: Effective) -> tuple[Suppressed, ...]:
    """Return what the files leave to the live service: our defaults where it differs, and `${live}`."""
    kept = "a default of ours that adoption did not write over the live value"
    live = "the files say ${live}: it stays as it is"
    return (
        *(Suppressed(dotted(path), None, kept) for path in sorted(effective.kept)),
        *(Suppressed(dotted(path[1:]), None, live) for path in sorted(effective.carried)),
    )
