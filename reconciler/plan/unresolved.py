"""Says why look-ups gave no value: each reason once, with all that it is about and where that is used.

Called by whatever makes the steps of a workload, by `doctor` and by `task run`. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reconciler.model.lookups import Unresolved

FAILED = "look-up failed"
"""How a step begins that is held for its look-ups."""


def said(unresolved: tuple[Unresolved, ...]) -> str:
    """Say why a workload's documents are not whole, for the step that is held."""
    reasons = told(one for one in unresolved if not one.blocked_by)
    return f"{FAILED}: {'; '.join(reasons)}" if reasons else ""


def told(unresolved: Iterable[Unresolved]) -> dict[str, list[Unresolved]]:
    """Return each reason in words with those that it is about: one lacking permission is one reason.

    It names every look-up with all of the places where its value is used.
    """
    alike: dict[str, list[Unresolved]] = {}
    for one in unresolved:
        alike.setdefault(one.cause or one.reason, []).append(one)
    reasons: dict[str, list[Unresolved]] = {}
    for why, ones in alike.items():
        reasons.setdefault(_told(why, ones), []).extend(ones)
    return reasons


def _told(why: str, ones: Sequence[Unresolved]) -> str:
    places: dict[str, dict[str, None]] = {}
    for one in ones:
        places.setdefault(one.name, {})[one.place] = None
    where = {name: ", ".join(filter(None, found)) for name, found in places.items()}
    if len(places) == 1:
        ((_, at),) = where.items()
        return ones[0].reason + (f" ({at})" if at else "")
    names = (f"${{{name}}}" + (f" ({at})" if at else "") for name, at in where.items())
    return f"{', '.join(names)}: {why}"


def awaited(unresolved: tuple[Unresolved, ...]) -> tuple[str, ...]:
    """Return the addresses that have to come first, each once."""
    return tuple(dict.fromkeys(one.blocked_by for one in unresolved if one.blocked_by))
