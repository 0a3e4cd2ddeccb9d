"""Write what is wanted as live AWS spells it, where both mean the same.

Called by `plan.service_side` and `plan.revision` before comparing. So there is no difference to see,
and what is sent for another reason does not change the spelling either. The data: `shapes.spellings`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.model.names import Path
from reconciler.model.plan import Suppressed
from reconciler.plan.canonical import canonical_service, item_key
from reconciler.plan.compare import shown_path
from reconciler.plan.mask import mask_value
from reconciler.plan.paths import MISSING, lookup, replaced
from reconciler.shapes.controllers import CODE_DEPLOY, controller_of
from reconciler.shapes.spellings import (
    ALTERNATE,
    DAEMON_COUNT,
    LINKED_ROLE,
    PAIRS,
    SERVICE_LINKED,
    SHIFTED,
    SPELLINGS,
    SWAPPED,
    TARGET_GROUP,
)
from reconciler.shapes.tables import SERVICE, Kind, list_rule

Respelled = tuple[dict[str, Any], tuple[Suppressed, ...]]


def respelled(desired: Mapping[str, Any], live: Mapping[str, Any], kind: Kind) -> Respelled:
    """Return the desired document in live AWS's spelling, and each place where that made a change."""
    document, told = dict(desired), []
    for spelling in SPELLINGS[kind]:
        for path in _places(document, kind, spelling.pattern):
            wanted, seen = lookup(document, kind, path), lookup(live, kind, path)
            if seen is MISSING or wanted == seen or not spelling.same(wanted, seen):
                continue
            document = replaced(document, kind, path, seen)
            shown = mask_value(path, seen)
            told.append(Suppressed(shown_path(kind, path), shown, spelling.reason))
    if kind == SERVICE:
        document, more = _target_groups(document, live)
        told += more
        document, more = _left_out(document, live)
        told += more
    return document, tuple(told)


def _places(document: Any, kind: Kind, pattern: Path, walked: Path = ()) -> Iterator[Path]:
    """Yield the paths of the document that the pattern stands for."""
    if not pattern:
        yield walked
        return
    name, rest = pattern[0], pattern[1:]
    if name != "*":
        if isinstance(document, Mapping) and name in document:
            yield from _places(document[name], kind, rest, (*walked, name))
        return
    rule = list_rule(kind, walked)
    for index, item in enumerate(document if isinstance(document, list) else ()):
        step = item_key(rule, item) if rule is not None and rule.key else str(index)
        yield from _places(item, kind, rest, (*walked, step))


def _target_groups(desired: dict[str, Any], live: Mapping[str, Any]) -> Respelled:
    told: list[Suppressed] = []
    document = dict(desired)
    by_code_deploy = controller_of(live) == controller_of(desired) == CODE_DEPLOY
    for field, identity in PAIRS.items():
        items = []
        for item in desired.get(field, ()):
            seen = _counterpart(item, live.get(field, ()), identity)
            reason = _why_same(item, seen, by_code_deploy=by_code_deploy)
            if seen is None or not reason:
                items.append(item)
                continue
            items.append(_as_seen(item, seen))
            told.append(Suppressed(f"{field}.{seen[TARGET_GROUP]}", seen[TARGET_GROUP], reason))
        if field in desired:
            document[field] = canonical_service({field: items})[field]
    return document, tuple(told)


def _counterpart(
    item: Mapping[str, Any], live: Any, identity: tuple[str, ...]
) -> Mapping[str, Any] | None:
    """Return the one live item for the same container and port, None when it is not just one."""
    same = [seen for seen in live if all(seen.get(n) == item.get(n) for n in identity)]
    return same[0] if len(same) == 1 and same[0].get(TARGET_GROUP) else None


def _why_same(
    item: Mapping[str, Any], seen: Mapping[str, Any] | None, *, by_code_deploy: bool
) -> str:
    if seen is None or TARGET_GROUP not in item or seen[TARGET_GROUP] == item[TARGET_GROUP]:
        return ""
    pair = (item[TARGET_GROUP], item.get("advancedConfiguration", {}).get(ALTERNATE))
    other = (seen.get("advancedConfiguration", {}).get(ALTERNATE), seen[TARGET_GROUP])
    if pair == other:
        return SWAPPED
    return SHIFTED if by_code_deploy else ""


def _as_seen(item: Mapping[str, Any], seen: Mapping[str, Any]) -> dict[str, Any]:
    result = {**item, TARGET_GROUP: seen[TARGET_GROUP]}
    if ALTERNATE in item.get("advancedConfiguration", {}):
        alternate = seen.get("advancedConfiguration", {}).get(ALTERNATE)
        result["advancedConfiguration"] = {**item["advancedConfiguration"], ALTERNATE: alternate}
    return result


def _left_out(desired: dict[str, Any], live: Mapping[str, Any]) -> Respelled:
    """Leave out what a pasted answer says of a service and nobody can ask for."""
    reasons = {}
    if "DAEMON" in {d.get("schedulingStrategy") for d in (desired, live)}:
        reasons["desiredCount"] = DAEMON_COUNT
    if SERVICE_LINKED in str(desired.get("role", "")):
        reasons["role"] = LINKED_ROLE
    told = tuple(Suppressed(k, live.get(k), v) for k, v in reasons.items() if k in desired)
    return {k: v for k, v in desired.items() if k not in reasons}, told
