"""Durations as Go writes them: `30s`, `5m`, `1h30m`. Called for the fields of runs."""

from __future__ import annotations

import re
from datetime import timedelta
from fractions import Fraction

LONGEST = timedelta(days=366)

_UNITS = {
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "m": Fraction(60),
    "h": Fraction(3600),
}
_PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h)")


def parse_duration(text: str) -> timedelta:
    """Read a duration; raises ValueError, with the form to write, for anything else and for zero."""
    written = text.strip()
    total, position = Fraction(0), 0
    for part in _PART.finditer(written):
        if part.start() != position:
            break
        total += Fraction(part[1]) * _UNITS[part[2]]
        position = part.end()
    if not written or position != len(written):
        raise ValueError("is not a duration: write 30s, 5m or 1h30m")
    if not 0 < total <= LONGEST.total_seconds():
        raise ValueError(f"must be more than zero and at most {LONGEST.days} days")
    return timedelta(microseconds=int(total * 1_000_000))
