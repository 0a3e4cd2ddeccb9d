"""Whether a parameter takes a value, by what AWS says of it. Called by `plan.redis.parameters`.

ElastiCache describes allowed values as text: `volatile-lru,noeviction`, `0-` or `1-100,-1`
(DescribeCacheParameters). What cannot be read is left to AWS to judge.
"""

from __future__ import annotations

import re

from reconciler.model.observed import ObservedParameter
from reconciler.shapes.botocore_model import suggest

_RANGE = re.compile(r"(-?\d+)-(-?\d*)")
_NUMBER = re.compile(r"-?\d+")


def value_problem(parameter: ObservedParameter, value: str) -> str:
    """Say why AWS would refuse the value, empty when it would not or when that cannot be told."""
    name = parameter.name
    if not parameter.modifiable:
        return f"{name} cannot be changed: AWS sets it to {parameter.value or 'nothing'}"
    allowed = [part.strip() for part in parameter.allowed_values.split(",") if part.strip()]
    if not allowed:
        return ""
    if parameter.data_type == "integer":
        if not _NUMBER.fullmatch(value):
            return f"{name} takes a whole number ({parameter.allowed_values}), not {value!r}"
        readable = all(_NUMBER.fullmatch(p) or _RANGE.fullmatch(p) for p in allowed)
        fits = not readable or any(_holds(part, int(value)) for part in allowed)
        return "" if fits else f"{name} takes {parameter.allowed_values}, not {value}"
    if value in allowed or any(not _is_word(part) for part in allowed):
        return ""
    return f"{name} takes one of {', '.join(allowed)}, not {value!r}{suggest(value, allowed)}"


def _holds(part: str, value: int) -> bool:
    if _NUMBER.fullmatch(part):
        return value == int(part)
    found = _RANGE.fullmatch(part)
    if found is None:
        return False
    return int(found[1]) <= value and (not found[2] or value <= int(found[2]))


def _is_word(part: str) -> bool:
    """Whether a part names one value: patterns and prose (`.*`, `a string of …`) do not."""
    return re.fullmatch(r"[A-Za-z0-9_-]+", part) is not None
