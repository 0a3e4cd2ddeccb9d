"""ecspresso's template functions → our references. Pure; called by `ecspresso`."""

from __future__ import annotations

import re
from collections.abc import Callable

from reconciler.source.imports.tree import Reference

_TEMPLATE = re.compile(r"\{\{-?\s*(?P<call>.*?)\s*-?\}\}")
_ARGUMENT = re.compile(r"`([^`]*)`|\"([^\"]*)\"|\('([^']*)'\)")


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
