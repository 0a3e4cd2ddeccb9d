"""What AWS refuses of scheduled actions, beyond what its model says. Called by `source.autoscaling`."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from reconciler.plan.autoscaling.document import CAPACITIES
from reconciler.source.nodes import Mapping
from reconciler.source.report import show
from reconciler.source.scaling_part import Part

_SCHEDULES = (
    re.compile(r"at\(\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?\)"),
    re.compile(r"rate\([1-9]\d* (minute|hour|day)s?\)"),
    re.compile(r"cron\(\S+( \S+){5}\)"),
)
_FORMS = "at(2026-12-24T18:00:00), rate(6 hours) or cron(0 18 ? * MON-FRI *)"


def check_actions(part: Part) -> None:
    """Check schedules, bounds and times; times become UTC, `2026-12-24T18:00:00Z`."""
    for name, document in part.documents.items():
        schedule = document.get("schedule")
        if schedule is None:
            if part.trees[name].get("schedule") is None:
                part.error(name, (), "'schedule' is required", "required")
        elif not any(form.fullmatch(schedule) for form in _SCHEDULES):
            part.error(
                name,
                ("schedule",),
                f"{show(schedule)} is no schedule: write {_FORMS}",
                "invalid-value",
            )
        action = document.get("scalableTargetAction", {})
        if not action and not _present(part, name, "scalableTargetAction"):
            part.error(
                name,
                (),
                "'scalableTargetAction' is required: minCapacity, maxCapacity, or both",
                "required",
            )
        low, high = (action.get(bound) for bound in CAPACITIES)
        if isinstance(low, int) and isinstance(high, int) and low > high:
            message = f"minCapacity {low} is greater than maxCapacity {high}"
            part.error(name, ("scalableTargetAction", "minCapacity"), message, "out-of-range")
        for time in ("startTime", "endTime"):
            if time in document:
                _check_time(part, name, time)


def _present(part: Part, name: str, field_name: str) -> bool:
    inner = part.trees[name].get(field_name)
    return inner is not None and not (isinstance(inner, Mapping) and not inner.entries)


def _check_time(part: Part, name: str, time: str) -> None:
    text = str(part.documents[name][time])
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        part.error(
            name, (time,), f"{show(text)} is no time: write 2026-12-24T18:00:00Z", "invalid-value"
        )
        return
    moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    part.documents[name][time] = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
