"""What a service's step does, in one line for people.

Called by `plan.service_steps`.
"""

from __future__ import annotations

from typing import Any

from reconciler.model.names import last_part
from reconciler.model.plan import STARTS_TASKS, Change, Verb
from reconciler.plan.subject import Subject

NEW_REVISION = "new task definition"
"""What a step says in place of a revision that is still to be registered."""

_WAYS = {"BLUE_GREEN": "blue/green", "LINEAR": "linear", "CANARY": "canary"}
"""How a deployment strategy brings new tasks, where it is not rolling."""

_NAMED, _SHORT = 2, 40
"""How many fields, and how much of a value, fit into a step's one line."""


def summary(subject: Subject, verb: Verb, changes: tuple[Change, ...], revision: str) -> str:
    """Say what a step does in one line.

    `revision` is NEW_REVISION, the ARN of one that is there, or empty when the live one stays.
    """
    count = subject.live.service.get("desiredCount")
    if subject.service.autoscaling is None:
        count = subject.service.service.get("desiredCount", count)
    if subject.service.service.get("schedulingStrategy") == "DAEMON":
        count = None
    rolls = any(c.effect in STARTS_TASKS for c in changes)
    what = _said(changes)
    if rolls:
        runs = _runs(revision, subject.live.task_definition_arn)
        what = ", ".join(filter(None, (runs, _way(subject), tasks(count))))
    if verb is Verb.ADOPT:
        return f"take over {subject.service.service_name}, {what}"
    return what


def _runs(revision: str, live: str) -> str:
    """Say which revision will run: a newer one that is there, `task run` or a cut-off pass has registered."""
    if not revision or revision == NEW_REVISION:
        return revision
    family, _, number = last_part(revision).rpartition(":")
    before, _, current = last_part(live).rpartition(":")
    newer = family == before and number.isdecimal() and current.isdecimal()
    to = "to" if newer and int(number) > int(current) else "back to"
    return f"{to} {last_part(revision)}"


def _way(subject: Subject) -> str:
    """Say how the new tasks come: the strategy that is declared, else the live one."""
    found = (
        document.get("deploymentConfiguration", {}).get("strategy")
        for document in (subject.service.service, subject.live.service)
    )
    return _WAYS.get(str(next(filter(None, found), "")), "rolling")


def _said(changes: tuple[Change, ...]) -> str:
    """Say what changes where nothing is rolled: the first fields with their values."""
    said = [f"{c.path} {_short(c.observed)} → {_short(c.desired)}" for c in changes[:_NAMED]]
    more = [f"{len(changes) - _NAMED} more"] if len(changes) > _NAMED else []
    return ", ".join([*said, *more, "no rollout"])


def _short(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    scalar = isinstance(value, str | int | float)
    text = "(none)" if value is None else str(value) if scalar else "…"
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"


def tasks(count: Any) -> str:
    """Spell a desired count; None is a daemon's."""
    if count is None:
        return "one task on each instance"
    return f"{count} task" if count == 1 else f"{count} tasks"
