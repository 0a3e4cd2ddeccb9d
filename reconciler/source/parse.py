"""Bytes of one YAML file → tree with places. Called by `files`; merging and meaning are others' work.

Built from the C parser's *events*: a tree composed by PyYAML recurses once per level and would
end the process on a deep file; here depth, size and aliases are bounded while reading.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import yaml

from reconciler.source.nodes import (
    Broken,
    Entry,
    Mapping,
    Node,
    Null,
    Place,
    Scalar,
    Sequence,
    SourceFile,
)
from reconciler.source.nodes import size as tree_size
from reconciler.source.report import Report, show

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 50
MAX_NODES = 200_000

_NULLS = frozenset({"~", "null", "Null", "NULL"})
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_FLOW_REFERENCE = re.compile(r"[\[{,:]\s*[^\"'\s\[{,:]*\$\{")
_PARSER_LIMIT = "exceeded maximum nesting depth"
"""What libyaml 0.2.6 and later says by itself, before we have seen our own limit passed."""


class _Stop(Exception):
    """The rest of the file cannot be read; why is in the report."""


@dataclass
class _Frame:
    """A collection that is still open. `key` is the key that waits for its value."""

    node: Mapping | Sequence
    anchor: str | None
    key: Scalar | None = None
    skip: bool = False
    """The key was refused: its value is read and dropped."""
    merges: list[tuple[Place, Node]] = field(default_factory=list)


def parse(  # noqa: PLR0911 - one reason per line
    name: str, data: bytes, report: Report
) -> Mapping | None:
    """Return the file's top-level mapping; None when there is none, with the reason in `report`.

    Duplicate keys, tags and odd keys are reported and read over, so that one pass finds them all.
    """
    file = SourceFile(name)
    if len(data) > MAX_BYTES:
        message = f"the file is larger than {MAX_BYTES // 1024} KiB"
        report.error(Place(file), message, "too-large")
        return None
    text = _decode(name, data, report)
    if text is None:
        return None
    file = SourceFile(name, text)
    builder = _Builder(file, report)
    try:
        root = builder.build()
    except _Stop:
        return None
    except yaml.MarkedYAMLError as broken:
        _syntax_error(file, broken, report)
        return None
    except yaml.reader.ReaderError as broken:
        _bad_character(file, broken, report)
        return None
    if root is None or isinstance(root, Null):
        report.error(Place(file), "the file is empty: delete it if that is meant", "empty-file")
        return None
    if not isinstance(root, Mapping):
        report.error(root.place, "the file must be a map of sections", "wrong-type")
        return None
    return root


def _decode(name: str, data: bytes, report: Report) -> str | None:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as broken:
        start = broken.start + (3 if data.startswith(b"\xef\xbb\xbf") else 0)
        before = data[:start].decode("utf-8-sig", errors="replace")
        file = SourceFile(name, before + "\N{REPLACEMENT CHARACTER}")
        place = _place_of_offset(file, len(before))
        message = f"byte 0x{data[start]:02x} is not UTF-8; save the file as UTF-8"
        report.error(place, message, "not-utf8")
        return None


def _bad_character(file: SourceFile, broken: yaml.reader.ReaderError, report: Report) -> None:
    offset, character = broken.position, broken.character
    if isinstance(character, int):  # the C parser counts bytes of UTF-8, Python's characters
        offset = len(file.text.encode()[:offset].decode(errors="ignore"))
    code = character if isinstance(character, int) else ord(character)
    message = f"the character U+{code:04X} is not allowed in YAML"
    report.error(_place_of_offset(file, offset), message, "yaml-syntax")


def _place_of_offset(file: SourceFile, offset: int) -> Place:
    before = SourceFile(file.name, file.text[:offset]).lines
    return Place(file, len(before), len(before[-1]) + 1)


def _syntax_error(file: SourceFile, broken: yaml.MarkedYAMLError, report: Report) -> None:
    mark = broken.problem_mark or broken.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    if broken.problem == _PARSER_LIMIT:
        message = f"nested deeper than {MAX_DEPTH} levels"
        report.error(Place(file, line, column), message, "too-deep")
        return
    message = f"not valid YAML: {broken.problem or broken.context or broken}"
    if broken.context and broken.problem:
        message += f" ({broken.context}"
        if broken.context_mark:
            message += f" that begins at line {broken.context_mark.line + 1}"
        message += ")"
    suspects = {line, broken.context_mark.line + 1 if broken.context_mark else line}
    if any(_FLOW_REFERENCE.search(file.line(number)) for number in suspects):
        message += '; quote a reference inside [ ] or { }: ["${x}"]'
    elif "\t" in file.line(line)[: column + 1]:
        message += "; indent with spaces, not tabs"
    report.error(Place(file, line, column), message, "yaml-syntax")


class _Builder:
    """Turns parser events into nodes, one open collection per frame."""

    def __init__(self, file: SourceFile, report: Report) -> None:
        self._file = file
        self._report = report
        self._stack: list[_Frame] = []
        self._anchors: dict[str, Node] = {}
        self._root: Node | None = None
        self._count = 0
        self._documents = 0

    def build(self) -> Node | None:
        for event in yaml.parse(self._file.text, Loader=_LOADER):
            self._event(event)
        return self._root

    def _event(self, event: yaml.Event) -> None:
        match event:
            case yaml.ScalarEvent():
                self._count_nodes(event, 1)
                node = self._scalar(event)
                self._anchor(event.anchor, node)
                self._add(node)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._open(event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._close()
            case yaml.AliasEvent():
                self._alias(event)
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    message = "one document per file: write a second file instead of '---'"
                    self._stop(self._place(event), message, "multiple-documents")

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar | Null | Broken:
        place = self._place(event)
        self._refuse_tag(event.tag, place)
        is_plain = not event.style  # "" with the C parser, None without
        if is_plain:
            if event.value == "" and not self._expects_key():
                message = "no value: write null to remove it, or '', [] or {} for an empty one"
                self._report.error(self._key_place(place), message, "empty-value")
                return Broken(place)
            if event.value == "" or event.value in _NULLS:
                return Null(place)
        return Scalar(event.value, place, is_plain)

    def _open(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        self._count_nodes(event, 1)
        place = self._place(event)
        if len(self._stack) >= MAX_DEPTH:
            self._stop(place, f"nested deeper than {MAX_DEPTH} levels", "too-deep")
        self._refuse_tag(event.tag, place)
        is_map = isinstance(event, yaml.MappingStartEvent)
        node: Mapping | Sequence = Mapping(place) if is_map else Sequence(place)
        if event.anchor:
            self._anchors.pop(event.anchor, None)
        self._stack.append(_Frame(node, event.anchor))

    def _close(self) -> None:
        frame = self._stack.pop()
        if isinstance(frame.node, Mapping):
            self._apply_merges(frame.node, frame.merges)
        parent = self._stack[-1] if self._stack else None
        if parent is not None and parent.key is not None:
            frame.node.place = parent.key.place  # what is absent inside is missed at its key
        self._anchor(frame.anchor, frame.node)
        self._add(frame.node)

    def _alias(self, event: yaml.AliasEvent) -> None:
        place = self._place(event)
        node = self._anchors.get(event.anchor or "")
        if node is None:
            inside = any(f.anchor == event.anchor for f in self._stack)
            why = "contains itself" if inside else "is not defined above"
            self._stop(place, f"alias *{event.anchor}: the anchor {why}", "alias")
        else:
            self._count_nodes(event, tree_size(node))
            self._add(node)

    def _add(self, node: Node) -> None:
        if not self._stack:
            self._root = node
            return
        frame = self._stack[-1]
        if isinstance(frame.node, Sequence):
            frame.node.items.append(node)
        elif frame.skip:
            frame.skip = False
        elif frame.key is None:
            self._key(frame, node)
        else:
            self._value(frame, frame.key, node)
            frame.key = None

    def _key(self, frame: _Frame, node: Node) -> None:
        if isinstance(node, Scalar):
            frame.key = node
            return
        frame.skip = True
        hint = '; quote a reference: "${x}"' if isinstance(node, Mapping) else ""
        self._report.error(node.place, f"a key must be a text{hint}", "bad-key")

    def _value(self, frame: _Frame, key: Scalar, node: Node) -> None:
        assert isinstance(frame.node, Mapping)  # noqa: S101 - for the type checker: only maps have keys
        if key.plain and key.text == "<<":
            frame.merges.append((key.place, node))
            return
        first = frame.node.entries.get(key.text)
        if first is not None:
            message = (
                f"duplicate key {show(key.text)}: it is already set at line {first.place.line}"
            )
            self._report.error(key.place, message, "duplicate-key")
            return
        frame.node.entries[key.text] = Entry(key.place, node)

    def _apply_merges(self, node: Mapping, merges: list[tuple[Place, Node]]) -> None:
        for place, source in merges:
            for part in source.items if isinstance(source, Sequence) else [source]:
                if not isinstance(part, Mapping):
                    self._report.error(place, "'<<' takes a map or a list of maps", "bad-key")
                    continue
                for key, entry in part.entries.items():
                    node.entries.setdefault(key, entry)

    def _anchor(self, anchor: str | None, node: Node) -> None:
        if anchor:
            self._anchors[anchor] = node

    def _expects_key(self) -> bool:
        if not self._stack:
            return True
        frame = self._stack[-1]
        return isinstance(frame.node, Mapping) and frame.key is None

    def _key_place(self, place: Place) -> Place:
        key = self._stack[-1].key if self._stack else None
        return key.place if key else place

    def _refuse_tag(self, tag: str | None, place: Place) -> None:
        if tag is not None:
            message = f"the tag {show(tag)} is not allowed: types come from the field"
            self._report.error(place, message, "tag")

    def _count_nodes(self, event: yaml.Event, more: int) -> None:
        self._count += more
        if self._count > MAX_NODES:
            message = f"more than {MAX_NODES} values, aliases counted in full"
            self._stop(self._place(event), message, "too-large")

    def _place(self, event: yaml.Event) -> Place:
        start, end = event.start_mark, event.end_mark
        if start is None or end is None:  # the C parser always sets both
            return Place(self._file)
        one_line = end.line == start.line
        width = end.column - start.column if one_line else MAX_BYTES
        return Place(self._file, start.line + 1, start.column + 1, max(1, width))

    def _stop(self, place: Place, message: str, rule: str) -> None:
        self._report.error(place, message, rule)
        raise _Stop
