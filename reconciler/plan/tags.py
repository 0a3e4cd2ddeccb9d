"""Tags by the one rule for all kinds: ours are put right, ours that went are taken off, others' stay.

Called by the kinds whose tags are a map. A tag that we set and somebody changed is theirs now.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

Tags = Mapping[str, str]


class TagDifference(NamedTuple):
    """`put` is to be set, `taken` to be removed; `kept` left the files, but is not what we set."""

    put: dict[str, str]
    taken: tuple[str, ...]
    kept: tuple[str, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """Say what stays."""
        return tuple(
            f"tag {key} is no longer declared, but its value is not what we set: it stays"
            for key in self.kept
        )


OTHERS = "a tag that we never set is somebody else's"
"""The rule by which a live tag is no difference."""

NO_TAGS = TagDifference({}, (), ())
"""Nothing to do."""


def tag_difference(wanted: Tags, before: Tags, live: Tags) -> TagDifference:
    """Compare what is to be there and what was last applied with what is live."""
    gone = {k: v for k, v in before.items() if k not in wanted and k in live}
    taken = tuple(sorted(k for k, v in gone.items() if live[k] == v))
    return TagDifference(
        {k: v for k, v in sorted(wanted.items()) if live.get(k) != v},
        taken,
        tuple(sorted(gone.keys() - set(taken))),
    )
