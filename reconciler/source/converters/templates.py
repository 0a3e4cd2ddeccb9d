"""ecspresso's template functions → our references. Pure; called by `ecspresso`."""

from __future__ import annotations

import re
import string
from collections.abc import Callable

from reconciler.source.imports.tree import Reference
from reconciler.source.nodes import Entry, Mapping, Node, Scalar, Sequence

_CONTROL = re.compile(
    r"\{\{-?\s*(?:if|else|end|range|with|define|block|template|break|continue)\b.*"
)
_HIDDEN = {ord(sign): 0xE000 + ord(sign) for sign in string.punctuation}
"""Signs inside a template → characters for private use, which YAML takes as letters."""
_BARE = {hidden: sign for sign, hidden in _HIDDEN.items()}
_TEMPLATE = re.compile(r"\{\{-?\s*(?P<call>.*?)\s*-?\}\}")
_ARGUMENT = re.compile(r"`([^`]*)`|\"([^\"]*)\"|\('([^']*)'\)")


def control_in(text: str) -> tuple[int, str] | None:
    """Return the line and text of the first condition or loop of a template, None when there is none."""
    found = _CONTROL.search(text)
    return None if found is None else (text.count("\n", 0, found.start()) + 1, found[0])


def sheltered(text: str) -> str:
    """Return a text whose templates are plain words to YAML and JSON, at the same places.

    ecspresso fills templates in before it reads the file: they need no quotes, and may hold some.
    """
    return _TEMPLATE.sub(lambda found: found[0].translate(_HIDDEN), text)


def bare(node: Node) -> Node:
    """Return what was read of a sheltered text with its templates as they were written."""
    match node:
        case Scalar(text=text, place=place, plain=plain):
            return Scalar(text.translate(_BARE).replace('\\"', '"'), place, plain)
        case Sequence(place=place, items=items):
            return Sequence(place, [bare(item) for item in items])
        case Mapping(place=place, entries=entries):
            found = {k: Entry(e.place, bare(e.value)) for k, e in entries.items()}
            return Mapping(place, found)
        case _:
            return node


def references(text: str, unknown: Callable[[str], None]) -> str:
    """Return a text with its `{{ … }}` as `${…}`; calls that have no counterpart stay, and are told."""
    if "{{" not in text:
        return text
    parts: list[str] = []
    end = 0
    for found in _TEMPLATE.finditer(text):
        parts.append(text[end : found.start()].replace("${", "$${"))
        reference = _reference(found["call"])
        if reference is None:
            unknown(found[0])
        parts.append(reference or found[0])
        end = found.end()
    return Reference("".join([*parts, text[end:].replace("${", "$${")]))


def _reference(call: str) -> str | None:  # noqa: PLR0911 - one answer per function
    function, _, rest = call.partition(" ")
    if "|" in rest or "(" in rest:
        return None
    arguments = [a or b or c for a, b, c in _ARGUMENT.findall(rest)]
    match function, arguments:
        case "must_env", [name]:
            return f"${{env:{name}}}"
        case "env", [name, *defaults] if name:
            default = defaults[0] if defaults else ""
            return f"${{env:{name}:-{default}}}"
        case "ssm", [path]:
            return f"${{ssm:{path}}}"
        case "cfn_output", [stack, output]:
            return f"${{cfn:{stack}.{output}}}"
        case "tfstate", [address]:
            return f"${{tfstate:{_address(address)}}}"
        case "tfstatef", [form, *values] if form.count("%s") == len(values):
            return f"${{tfstate:{_address(form.replace('%s', '{}').format(*values))}}}"
        case _:
            return None


def _address(text: str) -> str:
    """Return an address as Terraform writes it: keys in double quotes."""
    return text.replace("'", '"')
