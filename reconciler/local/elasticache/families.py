"""Parameter group families, their parameters and the engine versions they belong to.

`parameters.tsv` holds one row per parameter and range of families, `redis4.0..valkey7` from the first
to the last, an open end meaning all. Sources: the user guide's tables of parameters by version, and
describe-engine-default-parameters in the AWS CLI's examples. Read by the rest of this package.
"""

from __future__ import annotations

import csv
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FAMILIES = (
    "redis2.8",
    "redis3.2",
    "redis4.0",
    "redis5.0",
    "redis6.x",
    "redis7",
    "valkey7",
    "valkey8",
)
"""Oldest first."""
_TABLE = Path(__file__).with_name("parameters.tsv")
IMMEDIATE = "immediate"
CLUSTER_SUFFIX = ".cluster.on"

VERSIONS: Mapping[str, tuple[str, ...]] = {
    "redis": (
        "2.8.24",
        "3.2.10",
        "4.0.10",
        "5.0.6",
        "6.0.5",
        "6.2.6",
        "7.0.7",
        "7.1.0",
    ),
    "valkey": ("7.2.6", "8.0.1", "8.1.0", "8.2.0"),
}
"""Full engine versions, oldest first. Source: the user guide's page on engine versions."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a family. `allowed` is AWS's text: `yes,no`, `0-`, `1-10`, or nothing."""

    name: str
    default: str
    data_type: str
    allowed: str
    change_type: str
    modifiable: bool
    minimum_version: str

    def accepts(self, value: str) -> bool:
        """Whether AWS would take this value."""
        if self.data_type == "integer" and not _is_integer(value):
            return False
        if not self.allowed:
            return True
        return any(_within(value, part) for part in self.allowed.split(","))


def _is_integer(text: str) -> bool:
    return text.removeprefix("-").isdigit()


def _within(value: str, part: str) -> bool:
    """Whether `value` is the word `part`, or in the range `low-`, `low-high`, or any with `-`."""
    if part in (value, "-"):
        return True
    low, dash, high = part.partition("-")
    if not (dash and low.isdigit() and _is_integer(value)):
        return False
    return int(value) >= int(low) and (not high or int(value) <= int(high))


@functools.cache
def parameters_of(family: str) -> Mapping[str, Parameter]:
    """Return the parameters of a family by name, sorted."""
    place = FAMILIES.index(family)
    found = {}
    with _TABLE.open(encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table, delimiter="\t"):
            first, _, last = row["families"].partition("..")
            low = FAMILIES.index(first) if first else 0
            high = FAMILIES.index(last) if last else len(FAMILIES) - 1
            if low <= place <= high:
                found[row["name"]] = _parameter(row)
    return dict(sorted(found.items()))


def _parameter(row: Mapping[str, str]) -> Parameter:
    return Parameter(
        name=row["name"],
        default=row["default"],
        data_type=row["type"],
        allowed=row["allowed"],
        change_type=row["change"],
        modifiable=row["modifiable"] == "yes",
        minimum_version=row["since"],
    )


def family_of(engine: str, version: str) -> str:
    """Return the family of a full engine version."""
    major, minor = version.split(".")[:2]
    if engine == "valkey":
        return f"valkey{major}"
    if int(major) >= 7:  # noqa: PLR2004 - from Redis 7 on a family is a major version
        return f"redis{major}"
    return "redis6.x" if major == "6" else f"redis{major}.{minor}"


def full_version(engine: str, wanted: str) -> str:
    """Return the full version of `7.1`, `6.x` or a full one; the newest for nothing, or '' if unknown."""
    versions = VERSIONS.get(engine, ())
    if not wanted:
        return versions[-1] if versions else ""
    head = wanted.removesuffix("x").removesuffix(".") if wanted.endswith(".x") else wanted
    return next((v for v in reversed(versions) if v == head or v.startswith(f"{head}.")), "")


def version_key(version: str) -> tuple[int, ...]:
    """Return a version as a tuple that sorts."""
    return tuple(int(part) for part in version.split("."))
