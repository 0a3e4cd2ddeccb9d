"""Brings one `redis:` group as written into its long form. Called by `lift`, before and after layers merge.

Answers of `aws elasticache describe-replication-groups` may be pasted: their spelling, their words for
what the inputs call differently, and what nobody can set. Structure only; doing it twice changes nothing.
"""

from __future__ import annotations

from reconciler.shapes.botocore_model import shape_named, written_name
from reconciler.shapes.redis_tables import (
    ELASTICACHE,
    LOG_ANSWERS,
    RENAMED,
    SWITCHES,
    declared_fields,
)
from reconciler.source.nodes import Entry, Mapping, Node, Scalar, Sequence
from reconciler.source.report import Report

OWN_WORDS = frozenset({"parameterGroup", "family", "parameters", "applyImmediately"})

_SWITCH = {"enabled": "true", "enabling": "true", "disabled": "false", "disabling": "false"}
_USERS_NAMES = frozenset({"parameters", "tags"})


def lift_redis(group: Mapping, path: str, report: Report) -> Mapping:
    """Return the group with fields spelled as in the files and its parameter group as one map."""
    group = _words(_spelled(group, path, report), path, report)
    group = _without_answers(group, path, report)
    return _parameter_group(group, path, report)


def _spelled(group: Mapping, path: str, report: Report) -> Mapping:
    """Return the map with camelCase keys in all depths; the user's own names stay."""
    entries: dict[str, Entry] = {}
    for name, entry in group.entries.items():
        word = written_name(name)
        value: Node = entry.value
        if word not in _USERS_NAMES or isinstance(value, Sequence):
            value = _inside(value, f"{path}.{word}", report)
        if word in entries:
            message = f"'{word}' is there twice, also as '{name}'"
            report.error(entry.place, message, "duplicate-key", path=path)
            continue
        entries[word] = Entry(entry.place, value)
    return Mapping(group.place, entries)


def _inside(value: Node, path: str, report: Report) -> Node:
    match value:
        case Mapping():
            return _spelled(value, path, report)
        case Sequence(place=place, items=items):
            return Sequence(place, [_inside(item, path, report) for item in items])
        case _:
            return value


def _words(group: Mapping, path: str, report: Report) -> Mapping:
    """Return the map with the input's names for what an answer calls differently."""
    for answered, name in {**SWITCHES, **RENAMED}.items():
        entry = group.entries.get(answered)
        if entry is None:
            continue
        if name in group.entries:
            message = f"'{answered}' and '{name}' are one thing: write {name}"
            report.error(entry.place, message, "two-forms", path=path)
        value = entry.value
        if isinstance(value, Scalar) and answered in SWITCHES:
            value = Scalar(_SWITCH.get(value.text, value.text), value.place, value.plain)
        entries = {k: e for k, e in group.entries.items() if k != answered}
        group = Mapping(group.place, entries | {name: Entry(entry.place, value)})
    return group


def _without_answers(group: Mapping, path: str, report: Report) -> Mapping:
    """Return the map without what AWS answers and nobody can set, with one warning for all of it."""
    answers = frozenset(shape_named("ReplicationGroup", ELASTICACHE).members)
    gone = [n for n in group.entries if n in answers - declared_fields() - OWN_WORDS]
    group = group.without(set(gone))
    logs = group.entries.get("logDeliveryConfigurations")
    if logs is not None and isinstance(logs.value, Sequence):
        kept = [i.without(LOG_ANSWERS) if isinstance(i, Mapping) else i for i in logs.value.items]
        place = logs.value.place
        group = group.plus("logDeliveryConfigurations", Entry(logs.place, Sequence(place, kept)))
    if gone:
        message = f"read-only in AWS, ignored: {', '.join(gone)}"
        report.warning(group.place, message, "read-only-field", path=path)
    return group


def _parameter_group(group: Mapping, path: str, report: Report) -> Mapping:
    """Return the map with `parameterGroup`, `family` and `parameters` side by side as one map."""
    named = group.entries.get("parameterGroup")
    beside = {
        word: group.entries[old]
        for old, word in (("family", "cacheParameterGroupFamily"), ("parameters", "parameters"))
        if old in group.entries
    }
    if not beside:
        return group
    first = next(iter(beside.values())).place
    if named is None:
        message = "say whose they are: parameterGroup: NAME"
        report.error(first, message, "required", path=path)
        return group.without({"family", "parameters"})
    inside = named.value
    if isinstance(inside, Mapping):
        for word, entry in beside.items():
            if word in inside.entries:
                message = f"is also set inside parameterGroup, at line {inside.place.line}"
                report.error(entry.place, message, "two-forms", path=f"{path}.{word}")
        merged = {**beside, **inside.entries}
    else:
        merged = {"cacheParameterGroupName": Entry(named.place, inside), **beside}
    whole = Entry(named.place, Mapping(named.place, merged))
    return group.without({"family", "parameters"}).plus("parameterGroup", whole)
