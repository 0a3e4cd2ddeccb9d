"""Pieces of the files' JSON Schema: what may be written for a type of AWS, or for a model of ours.

Called by `schema`. Wherever a value stands, `null` (it removes) and a text with a reference may stand; so
a type is a list of JSON types, and each keyword speaks of its own. Nothing is required of AWS's
structures: a part of one may stand in one file and the rest in another.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from reconciler.shapes.botocore_model import Shape

Json = dict[str, Any]
REFERENCE = r"\$\{"
_WHOLE, _NUMBER = r"^[+-]?[0-9]+$", r"^[+-]?[0-9.]+([eE][+-]?[0-9]+)?$"
_LONGEST = 280
"""Characters of AWS's own words that are shown beside a field."""
_MANY = 60
"""Enumerations longer than this are left to the validator: they would bury everything else."""


def text(**more: Any) -> Json:
    """Return what stands for a text: any single value, since each stays as it was typed."""
    return {"type": ["string", "number", "boolean", "null"], **more}


def pattern(form: str, said: str = "") -> Json:
    """Return a text of this form, a regular expression for the whole of it, or a reference.

    `said` is the form in words, which editors show in the place of the expression.
    """
    words = {"patternErrorMessage": said} if said else {}
    return text(pattern=f"^({form})$|{REFERENCE}", **words)


IGNORED: Json = {
    "description": "Read-only in AWS: ignored, so that an answer may be pasted.",
    "deprecated": True,
}


def ignored(names: Iterable[str]) -> Json:
    """Return the pattern that takes these keys: allowed, and not offered as a property would be."""
    return {f"^({'|'.join(sorted(names))})$": IGNORED}


def choice(*values: str, may_be_empty: bool = False) -> Json:
    """Return one of these texts; an editor offers them. An empty one is taken and not offered."""
    return {
        "type": ["string", "boolean", "null"],
        "anyOf": [
            {"enum": [*values, None]},
            {"pattern": f"^$|{REFERENCE}" if may_be_empty else REFERENCE},
        ],
    }


def boolean() -> Json:
    """Return true or false; a text in quotes is read as well."""
    return {"type": ["boolean", "string", "null"], "pattern": f"^(true|false)$|{REFERENCE}"}


def integer(least: int | None = None, most: int | None = None) -> Json:
    """Return a whole number."""
    limits = {"minimum": least, "maximum": most}
    found: Json = {"type": ["integer", "string", "null"], "pattern": f"{_WHOLE}|{REFERENCE}"}
    return found | {k: v for k, v in limits.items() if v is not None}


def number() -> Json:
    """Return any number."""
    return {"type": ["number", "string", "null"], "pattern": f"{_NUMBER}|{REFERENCE}"}


def listed(items: Json) -> Json:
    """Return a list."""
    return {"type": ["array", "string", "null"], "items": items, "pattern": REFERENCE}


def mapped(values: Json, **more: Any) -> Json:
    """Return a map with the user's own keys."""
    kinds = ["object", "string", "null"]
    return {"type": kinds, "additionalProperties": values, "pattern": REFERENCE, **more}


def structure(properties: Mapping[str, Json], **more: Any) -> Json:
    """Return a map with known keys, which refuses every other."""
    kinds = ["object", "string", "null"]
    return {
        "type": kinds,
        "properties": dict(properties),
        "additionalProperties": False,
        "pattern": REFERENCE,
        **more,
    }


Short = Callable[["Parts", Shape], Json]
"""Makes the schema of a field that has a short form, of its type in the long one."""


class Parts:
    """Makes schemas of types and keeps them under `$defs`, each once.

    `shorts` names the short forms: (structure, member) → what to make of it. `prefix` keeps the types of
    two AWS services apart that have the same name.
    """

    def __init__(
        self,
        shorts: Mapping[tuple[str, str], Short],
        defs: dict[str, Json] | None = None,
        prefix: str = "",
    ) -> None:
        self.defs: dict[str, Json] = {} if defs is None else defs
        self._shorts = shorts
        self._prefix = prefix

    def of_service(self, prefix: str, shorts: Mapping[tuple[str, str], Short]) -> Parts:
        """Return the maker for another AWS service's types, with its own short forms."""
        return Parts(shorts, self.defs, prefix)

    def define(self, name: str, make: Callable[[], Json]) -> Json:
        """Return a reference to `name`, which is made when it is asked for the first time."""
        if name not in self.defs:
            self.defs[name] = {}  # a type may hold itself
            self.defs[name] = make()
        return {"$ref": f"#/$defs/{name}"}

    def member(self, name: str, member: str) -> Json:
        """Return a reference to one field of a structure: its words stand in the schema once."""
        return {"$ref": f"#/$defs/{name}/properties/{member}"}

    def model_type(self, name: str) -> Json:
        """Return a single value by its name: boolean, integer, number, duration or text."""
        return self.define(name, _MAKERS[name])

    def shape(self, shape: Shape) -> Json:
        """Return the schema of a type of botocore's model."""
        name = f"{self._prefix}{shape.name}"
        match shape.kind:
            case "structure" if not shape.is_document:
                return self.define(name, lambda: structure(self.members(shape)))
            case "list" if shape.element:
                return listed(self.shape(shape.element))
            case "map" if shape.element:
                return mapped(self.shape(shape.element))
            case "string" if shape.choices and len(shape.choices) <= _MANY:
                return self.define(name, lambda: choice(*shape.choices, may_be_empty=True))
            case _:
                return {} if shape.is_document else self._single(shape)

    def _single(self, shape: Shape) -> Json:
        limits = (shape.minimum, shape.maximum)
        match shape.kind:
            case "integer" | "long" if limits != (None, None):
                return integer(*limits)
            case kind:
                name = _SINGLE.get(kind, "text")
                return self.define(name, _MAKERS[name])

    def members(self, shape: Shape, only: Collection[str] | None = None) -> dict[str, Json]:
        """Return the schema of each field of a structure (of `only` these), with AWS's own words."""
        found: dict[str, Json] = {}
        for name, member in shape.members.items():
            if only is not None and name not in only:
                continue
            short = self._shorts.get((shape.name, name))
            said = first_words(member.documentation)
            schema = short(self, member) if short else self.shape(member)
            found[name] = schema | ({"description": said} if said else {})
        return found

    def model(self, model: type[BaseModel]) -> dict[str, Json]:
        """Return the schema of each field of one of our own sections, from the pydantic model."""
        document = model.model_json_schema()
        inner = document.get("$defs", {})
        return {
            name: self._own(field, inner) for name, field in document.get("properties", {}).items()
        }

    def _own(self, field: Json, inner: Mapping[str, Json]) -> Json:
        """Translate what pydantic says of a field: our texts are typed later than pydantic thinks."""
        if "$ref" in field:
            field = {**inner[field["$ref"].rpartition("/")[2]], **field}
        kept = {"description": field["description"]} if "description" in field else {}
        options = [o for o in field.get("anyOf", ()) if o.get("type") != "null"]
        if len(options) > 1:
            return {"anyOf": [self._own(o, inner) for o in options], **kept}
        if options:
            return {**self._own(options[0], inner), **kept}
        if "const" in field or "enum" in field:
            return {**choice(*map(str, field.get("enum", [field.get("const")]))), **kept}
        return {**self._typed(field, inner), **kept}

    def _typed(self, field: Json, inner: Mapping[str, Json]) -> Json:
        match field.get("type"):
            case "array":
                return listed(self._own(field.get("items", {}), inner))
            case "object" if "properties" in field:
                known = field["properties"]
                return structure({name: self._own(f, inner) for name, f in known.items()})
            case "object":
                return mapped(self._own(field.get("additionalProperties") or {}, inner))
            case "string" if "pattern" in field:
                return pattern(field["pattern"])
            case kind:
                name = "text" if kind == "string" else str(kind)
                name = str(field.get("format", name))
                return self.define(name, _MAKERS[name]) if name in _MAKERS else {}


def duration() -> Json:
    """Return a duration as Go writes it."""
    form = r"([0-9]+(\.[0-9]+)?(h|m|s|ms))+"
    return pattern(form, "a duration, as 30s, 20m or 1h30m") | {"examples": ["30s", "20m", "1h30m"]}


_MAKERS: Mapping[str, Callable[[], Json]] = {
    "boolean": boolean,
    "integer": integer,
    "number": number,
    "duration": duration,
    "text": text,
}
_SINGLE = {
    "boolean": "boolean",
    "integer": "integer",
    "long": "integer",
    "double": "number",
    "float": "number",
}


def first_words(documentation: str) -> str:
    """Return the first paragraph of AWS's words without HTML, cut at the end of a sentence."""
    first, _, _ = documentation.partition("</p>")
    said = " ".join(html.unescape(re.sub(r"<[^>]+>", "", first)).split())
    if len(said) <= _LONGEST:
        return said
    cut = said[:_LONGEST]
    sentence = cut.rfind(". ")
    return cut[: sentence + 1] if sentence > 0 else cut.rpartition(" ")[0] + " …"
