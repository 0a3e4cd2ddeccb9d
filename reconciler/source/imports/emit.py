"""A tree → YAML text that reads as if a person had written it. Called by `files`.

PyYAML writes it; what is decided here is the style: short lists and maps on one line, texts that look
like something else in quotes, blank lines and comments between keys.
"""

from __future__ import annotations

import io
import re
from typing import Any

import yaml

from reconciler.source.imports.tree import Keys, Reference

FLOW_WIDTH = 72
"""A list or map of single values goes on one line when it is not wider."""
FLOW_ENTRIES = 2
"""A map with more entries is easier to read, and to change, line by line."""

_STR, _INT, _BOOL = "tag:yaml.org,2002:str", "tag:yaml.org,2002:int", "tag:yaml.org,2002:bool"
_FLOAT, _SEQ, _MAP = "tag:yaml.org,2002:float", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map"
# What some YAML reader or other takes for a number, a time or a truth value.
_LOOKS_TYPED = re.compile(
    r"[-+.]?[0-9][0-9_.,:eExXoO+-]*|[-+]?\.(inf|nan)|[-+]?0[xob][0-9a-f_]+|[0-9-]+[tT ][0-9:.Z+-]+"
    r"|(?:y|n|yes|no|on|off|true|false|null|~|)",
    re.IGNORECASE,
)


# No control characters, and no line breaks but one: the others are read as that one.
_PRINTABLE = re.compile(r"[^\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]*")


def as_yaml(tree: Keys) -> str:
    """Return the tree as YAML; read back by `source`, each text is the same to the character."""
    stream = io.StringIO()
    dumper = _Dumper(stream, width=10**9, allow_unicode=True, indent=2)
    dumper.open()
    dumper.serialize(_node(tree, flow=False))
    dumper.close()
    return stream.getvalue()


class _Key(yaml.ScalarNode):
    """A key with what stands above it."""

    comment: tuple[str, ...] = ()
    apart: bool = False


class _KeyEvent(yaml.ScalarEvent):
    """The event of such a key."""

    comment: tuple[str, ...] = ()
    apart: bool = False


class _Dumper(yaml.SafeDumper):
    """PyYAML's writer with list items indented, and with comments and blank lines above keys."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - PyYAML's signature
        super().increase_indent(flow, indentless=False)

    def serialize_node(self, node: yaml.Node, parent: Any, index: Any) -> None:
        if not isinstance(node, _Key):
            super().serialize_node(node, parent, index)
            return
        resolve: Any = self.resolve  # PyYAML's stubs leave it untyped
        plain = resolve(yaml.ScalarNode, node.value, (True, False)) == node.tag
        event = _KeyEvent(None, node.tag, (plain, True), node.value, style=node.style)
        event.comment, event.apart = node.comment, node.apart
        self.emit(event)

    def expect_block_mapping_key(self, first: bool = False) -> None:  # noqa: FBT001, FBT002 - PyYAML's signature
        event = self.event
        if isinstance(event, _KeyEvent):
            if event.apart and not first:
                if self.column:
                    self.write_line_break()
                self.write_line_break()
            for line in event.comment:
                self.write_indent()
                safe = "".join(c if c.isprintable() else "?" for c in line)
                self.write_indicator(f"# {safe}", need_whitespace=False)
        super().expect_block_mapping_key(first)


def _node(value: Any, *, flow: bool) -> yaml.Node:
    match value:
        case dict():
            return _mapping(value, flow=flow or _fits_map(value))
        case list() | tuple():
            inline = flow or _fits_list(value)
            items = [_node(item, flow=inline) for item in value]
            return yaml.SequenceNode(_SEQ, items, flow_style=inline)
        case bool():
            return yaml.ScalarNode(_BOOL, "true" if value else "false")
        case int():
            return yaml.ScalarNode(_INT, str(value))
        case float():
            return yaml.ScalarNode(_FLOAT, repr(value))
        case _:
            return _text(str(value), reference=isinstance(value, Reference))


def _mapping(value: dict[str, Any], *, flow: bool) -> yaml.Node:
    pairs = []
    comments = value.comments if isinstance(value, Keys) else {}
    for name, inner in value.items():
        key = _Key(_STR, name, style=_style(name))
        key.comment = tuple(comments.get(name, ()))
        key.apart = isinstance(value, Keys) and value.apart
        pairs.append((key, _node(inner, flow=flow)))
    return yaml.MappingNode(_MAP, pairs, flow_style=flow)


def _text(text: str, *, reference: bool) -> yaml.Node:
    written = text if reference else text.replace("${", "$${")
    return yaml.ScalarNode(_STR, written, style=_style(written))


def _style(text: str) -> str | None:
    if not _PRINTABLE.fullmatch(text):
        return '"'  # escapes: the other styles fold or lose these
    if "\n" in text:
        # PyYAML quotes what a block cannot hold; blank lines at its end would go on with those behind it.
        return "|" if text.strip() and not text.endswith("\n\n") else '"'
    if _LOOKS_TYPED.fullmatch(text):
        return '"' if text else "'"
    return None


def _fits_list(items: list[Any] | tuple[Any, ...]) -> bool:
    return not items or (all(_is_short(i) for i in items) and _width(items) <= FLOW_WIDTH)


def _fits_map(value: dict[str, Any]) -> bool:
    if not value:
        return True
    if isinstance(value, Keys) and (value.comments or value.apart or value.block):
        return False
    if "image" in value or "from" in value:
        return False  # a container: fields will be added
    inside = [*value.keys(), *value.values()]
    return (
        len(value) <= FLOW_ENTRIES
        and all(_is_short(v) for v in value.values())
        and _width(inside) <= FLOW_WIDTH
    )


def _is_short(value: Any) -> bool:
    return not isinstance(value, dict | list | tuple) and "\n" not in str(value)


def _width(items: list[Any] | tuple[Any, ...]) -> int:
    return sum(len(str(item)) + 2 for item in items)
