"""`redis:` → DesiredRedis values. Called by `document`; the short forms are `redis_lift`'s.

Fields are those of CreateReplicationGroup and ModifyReplicationGroup in botocore's model; what they
may be together is checked in `redis_checks`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reconciler.model.desired import DesiredParameterGroup, DesiredRedis
from reconciler.model.diagnostics import Origin
from reconciler.model.names import Address, Path
from reconciler.shapes.botocore_model import input_of, suggest
from reconciler.shapes.redis_tables import (
    ELASTICACHE,
    REFUSED,
    SETS,
    create_fields,
    declared_fields,
)
from reconciler.shapes.tables import SERVICE as LISTS
from reconciler.source.nodes import (
    Broken,
    Entry,
    Mapping,
    Node,
    Null,
    Scalar,
    Sequence,
    describe,
)
from reconciler.source.redis_checks import RedisChecks
from reconciler.source.redis_lift import OWN_WORDS
from reconciler.source.report import Report, show
from reconciler.source.typed import OMIT, Typing

GROUP, PARAMETER_GROUP = "group", "parameterGroup"
_GROUP_WORDS = {
    "cacheParameterGroupName": "name",
    "cacheParameterGroupFamily": "family",
    "description": "description",
}


@dataclass(frozen=True)
class _Written:
    """A parameter group as written: its texts by our words, its parameters, and their places."""

    texts: dict[str, str]
    parameters: dict[str, str]
    origins: dict[Path, Origin]


def redis_groups(document: Mapping, report: Report) -> tuple[DesiredRedis, ...]:
    """Return every group of an app's document. Mistakes are reported."""
    section = document.mapping("redis") or Mapping(document.place)
    built: dict[str, DesiredRedis] = {}
    for name, entry in section.entries.items():
        if isinstance(entry.value, Null | Broken):
            continue
        group = build_redis(name, entry, report)
        if group is None:
            continue
        first = built.setdefault(str(group.group["replicationGroupId"]), group)
        if first is not group:  # each would undo what the other declares
            message = f"has the same replicationGroupId as {first.address}"
            report.error(entry.place, message, "same-name", path=f"redis.{name}")
    return tuple(built.values())


def build_redis(name: str, entry: Entry, report: Report) -> DesiredRedis | None:
    """Return the group; None when it cannot be read at all. Mistakes are reported."""
    label, written = f"redis.{name}", entry.value
    if not isinstance(written, Mapping):
        report.error(
            entry.place, f"must be a map, not {describe(written)}", "wrong-type", path=label
        )
        return None
    _unknown_words(written, label, report)
    typing = Typing(label, GROUP, LISTS, report)
    document = _document(written, typing)
    at_once = _switch(written.get("applyImmediately"), label, report)
    parameters = _parameter_group(written, label, report)
    group = _named(written, document, parameters, label, report)
    made = DesiredRedis(
        address=Address("redis", name),
        group=_canonical(group),
        parameter_group=_made(parameters),
        apply_immediately=at_once,
        origins={**typing.origins, **(parameters.origins if parameters else {})},
    )
    RedisChecks(made, entry.place, written, report).run()
    return made if "replicationGroupId" in group else None


def _unknown_words(written: Mapping, label: str, report: Report) -> None:
    known = declared_fields() | OWN_WORDS
    for word, entry in written.entries.items():
        if word in REFUSED:
            report.error(
                entry.place.without_text(), f"'{word}' {REFUSED[word]}", "managed-field", path=label
            )
        elif word not in known:
            hint = suggest(word, known)
            report.error(entry.place, f"unknown field '{word}'{hint}", "unknown-field", path=label)


def _document(written: Mapping, typing: Typing) -> dict[str, Any]:
    """Return the typed fields of the group; each is typed by the operation that has it."""
    created = create_fields() - REFUSED.keys()
    tags = written.mapping("tags")
    found: dict[str, Any] = {}
    for operation, fields in (
        ("CreateReplicationGroup", created - {"tags"} if tags else created),
        ("ModifyReplicationGroup", declared_fields() - created),
    ):
        shape = input_of(operation, ELASTICACHE)
        found |= typing.convert(written.only(fields), shape)
    if tags is not None:
        found["tags"] = _tags(tags, typing)
    return found


def _tags(tags: Mapping, typing: Typing) -> list[dict[str, str]]:
    found = []
    for key, entry in tags.entries.items():
        value = entry.value
        if key.startswith(("reconciler:", "aws:")):
            typing.error(value, f"the tag {show(key)} is not yours", "managed-field", ("tags", key))
        elif isinstance(value, Scalar):
            found.append({"key": key, "value": value.text})
            typing.origins[GROUP, "tags", key] = entry.place.origin
        else:
            message = f"must be a text, not {describe(value)}"
            typing.error(value, message, "wrong-type", ("tags", key))
    return found


def _switch(node: Node | None, label: str, report: Report) -> bool:
    if node is None:
        return False
    if isinstance(node, Scalar) and node.text in ("true", "false"):
        return node.text == "true"
    written = show(node.text) if isinstance(node, Scalar) else describe(node)
    message = f"must be true or false, not {written}"
    report.error(node.place, message, "wrong-type", path=f"{label}.applyImmediately")
    return False


def _parameter_group(written: Mapping, label: str, report: Report) -> _Written | None:
    entry = written.entries.get(PARAMETER_GROUP)
    path = f"{label}.{PARAMETER_GROUP}"
    node = written.get(PARAMETER_GROUP)
    if entry is None or node is None:
        return None
    origins: dict[Path, Origin] = {(PARAMETER_GROUP,): entry.place.origin}
    if isinstance(node, Scalar):
        return _Written({"name": node.text}, {}, origins)
    if not isinstance(node, Mapping):
        message = f"must be a map, or the name of a group, not {describe(node)}"
        report.error(entry.place, message, "wrong-type", path=path)
        return None
    texts: dict[str, str] = {}
    for word, inside in node.entries.items():
        if word == "parameters":
            continue
        if word not in _GROUP_WORDS:
            hint = suggest(word, {*_GROUP_WORDS, "parameters"})
            report.error(inside.place, f"unknown field '{word}'{hint}", "unknown-field", path=path)
        elif isinstance(inside.value, Scalar):
            texts[_GROUP_WORDS[word]] = inside.value.text
            origins[PARAMETER_GROUP, _GROUP_WORDS[word]] = inside.place.origin
        elif node.get(word) is not None:
            message = f"must be a text, not {describe(inside.value)}"
            report.error(inside.place, message, "wrong-type", path=f"{path}.{word}")
    if "name" not in texts:
        report.error(entry.place, "'cacheParameterGroupName' is required", "required", path=path)
        return None
    texts.setdefault("family", "")
    return _Written(texts, _parameters(node, path, origins, report), origins)


def _parameters(
    node: Mapping, path: str, origins: dict[Path, Origin], report: Report
) -> dict[str, str]:
    section = node.get("parameters")
    if section is None:
        return {}
    if not isinstance(section, Mapping):
        message = f"must be a map of names and values, not {describe(section)}"
        report.error(section.place, message, "wrong-type", path=f"{path}.parameters")
        return {}
    found = {}
    for name, entry in section.entries.items():
        if isinstance(entry.value, Scalar):
            found[name] = entry.value.text
            origins[PARAMETER_GROUP, "parameters", name] = entry.place.origin
        elif isinstance(entry.value, Mapping | Sequence):
            message = f"must be a single value, not {describe(entry.value)}"
            report.error(entry.place, message, "wrong-type", path=f"{path}.parameters.{name}")
    return found


def _named(
    written: Mapping,
    document: dict[str, Any],
    parameters: _Written | None,
    label: str,
    report: Report,
) -> dict[str, Any]:
    """Return the document with the parameter group's name in it; naming it twice is an error."""
    if parameters is None:
        return document
    if "cacheParameterGroupName" in document:
        place = written.entries["cacheParameterGroupName"].place
        message = "is also said by parameterGroup: write one of the two"
        report.error(place, message, "two-forms", path=f"{label}.cacheParameterGroupName")
    return {**document, "cacheParameterGroupName": parameters.texts["name"]}


def _made(parameters: _Written | None) -> DesiredParameterGroup | None:
    """Return the group that we look after; a plain name only says which one is attached."""
    if parameters is None or "family" not in parameters.texts:
        return None
    texts = parameters.texts
    return DesiredParameterGroup(
        name=texts["name"].lower(),
        family=texts["family"],
        parameters=parameters.parameters,
        description=texts.get("description", ""),
    )


def _canonical(group: dict[str, Any]) -> dict[str, Any]:
    """Bring a document into the form that AWS answers: small letters, sets sorted."""
    lower = ("replicationGroupId", "cacheParameterGroupName", "preferredMaintenanceWindow")
    result = {k: v for k, v in group.items() if v is not OMIT}
    for name in lower:
        if isinstance(result.get(name), str) and "${" not in result[name]:
            result[name] = result[name].lower()
    for name in SETS & result.keys():
        if isinstance(result[name], list):  # else a look-up yields it
            result[name] = sorted(set(result[name]))
    for name, key in (("tags", "key"), ("logDeliveryConfigurations", "logType")):
        if isinstance(result.get(name), list):
            result[name] = sorted(result[name], key=lambda item: str(item.get(key)))
    return result
