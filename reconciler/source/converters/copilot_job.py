"""When a Copilot Scheduled Job runs → the words of `jobs:`. Called by `copilot`.

Copilot has EventBridge start a state machine that runs the task: by UTC, and beside an earlier run.
"""

from __future__ import annotations

import re

from reconciler.source.converters.conversion import Conversion
from reconciler.source.imports.tree import Keys
from reconciler.source.nodes import Mapping, Place

JOB = "Scheduled Job"
WORDS = frozenset({"on", "retries", "timeout"})
"""The manifest's keys that are read here."""

_EVERY = re.compile(r"@every (?=\d)(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_NEVER = "none"


def times_of(root: Mapping, conversion: Conversion) -> Keys:
    """Return `schedule`, `concurrency`, `timeout` and `retries`; a schedule of `none` is suspended."""
    on = conversion.mapping(root, "on")
    for key, entry in on.entries.items():
        if key != "schedule":
            conversion.say(entry.place, f"on.{key}: has no counterpart")
    found = _schedule(on, conversion) | {"concurrency": "allow"}
    if timeout := conversion.text(root, "timeout"):
        found["timeout"] = timeout
    if "retries" in root.entries:
        found["retries"] = conversion.number(root.get("retries"), 0)
    return Keys(found)


def _schedule(on: Mapping, conversion: Conversion) -> dict[str, object]:
    text = conversion.text(on, "schedule").strip()
    place = on.entries["schedule"].place if text else on.place
    if text in ("", _NEVER):
        conversion.say(
            place, "on.schedule: none runs it, so it is suspended: write when it is to run"
        )
        return {"schedule": "@daily", "suspend": True}
    every = _EVERY.fullmatch(text)
    return {"schedule": text if every is None else _rate(every, place, conversion)}


def _rate(every: re.Match[str], place: Place, conversion: Conversion) -> str:
    hours, minutes, seconds = (int(part or 0) for part in every.groups())
    whole = max(1, hours * 60 + minutes + (seconds + 30) // 60)
    if seconds:
        conversion.say(place, f"on.schedule: whole minutes only: {whole} is written")
    return f"rate({whole} minute{'' if whole == 1 else 's'})"
