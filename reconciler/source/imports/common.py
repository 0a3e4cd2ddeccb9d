"""What several maps have in common, and what is left of each without it. Pure; called by `share`.

Maps are taken apart, everything else is equal or not. Laying the rest over the common part, as
`defaults` and `from` do, gives the whole again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.source.imports.tree import Keys, is_empty


def common(maps: Sequence[dict[str, Any]]) -> Keys:
    """Return the entries that all of the maps have, with the comments of the first."""
    first, *others = maps
    result = Keys()
    for name, value in first.items():
        if not all(name in other for other in others):
            continue
        values = [value, *(other[name] for other in others)]
        if all(isinstance(v, dict) for v in values):
            shared: Any = common(values)
            if is_empty(shared):
                continue
        elif all(type(v) is type(value) and v == value for v in values):
            shared = value
        else:
            continue
        result[name] = shared
        if isinstance(first, Keys) and name in first.comments:
            result.say(name, *first.comments[name])
    return result


def without(whole: dict[str, Any], part: dict[str, Any]) -> Keys:
    """Return what is left of a map without the entries of `part`, which it has all."""
    rest = Keys()
    for name, value in whole.items():
        if name in part:
            if not isinstance(part[name], dict):
                continue
            value = without(value, part[name])  # noqa: PLW2901 - the rest of it
            if is_empty(value):
                continue
        rest[name] = value
        if isinstance(whole, Keys) and name in whole.comments:
            rest.say(name, *whole.comments[name])
    return rest


def leaves(value: Any) -> int:
    """Count the single values of a tree: what sharing it saves."""
    if isinstance(value, dict):
        return sum(leaves(v) for v in value.values())
    return 1


def worth_sharing(maps: Sequence[dict[str, Any]]) -> list[int]:
    """Return the indexes of those maps that save most when they share what they have in common.

    One odd member does not keep the others from sharing. Empty when nothing but one value is shared.
    """
    chosen = list(range(len(maps)))
    best = _saved(maps, chosen)
    while len(chosen) > 2:  # noqa: PLR2004 - two are needed to share
        candidates = [[i for i in chosen if i != odd] for odd in chosen]
        smaller = max(candidates, key=lambda c: _saved(maps, c))
        if _saved(maps, smaller) <= best:
            break
        chosen, best = smaller, _saved(maps, smaller)
    return chosen if best > 0 else []


def _saved(maps: Sequence[dict[str, Any]], chosen: Sequence[int]) -> int:
    if len(chosen) < 2:  # noqa: PLR2004 - as above
        return 0
    # One value, the image, is shared by `images` anyway.
    return (len(chosen) - 1) * (leaves(common([maps[i] for i in chosen])) - 1)
