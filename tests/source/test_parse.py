"""YAML is read strictly, with the place of everything, and never at the cost of the process."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.source.nodes import Mapping, Place, Scalar, SourceFile, plain
from reconciler.source.parse import MAX_BYTES, MAX_DEPTH, parse
from reconciler.source.report import Report


def read(text):
    """Return the tree and the report of a text."""
    report = Report()
    data = text.encode() if isinstance(text, str) else text
    return parse("f.yaml", data, report), report


def only(text):
    """Return place and rule of the one error."""
    (found,) = read(text)[1].errors
    return found.origin.line, found.origin.column, found.rule


def test_scalars_stay_as_written():
    """No YAML 1.1 typing: no, 3.10, 1e5, 0123 and 22:22 are texts."""
    root, report = read("a: no\nb: 3.10\nc: 1e5\nd: 0123\ne: 22:22\nf: 2026-11-22\n")
    assert plain(root) == {
        "a": "no",
        "b": "3.10",
        "c": "1e5",
        "d": "0123",
        "e": "22:22",
        "f": "2026-11-22",
    }
    assert not report.diagnostics


def test_null_is_null_only_when_written_so():
    """`null` and `~` are null; quoted they are texts."""
    assert plain(read("a: null\nb: ~\nc: 'null'\nd: ''\n")[0]) == {
        "a": None,
        "b": None,
        "c": "null",
        "d": "",
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a:\n", (1, 1, "empty-value")),
        ("m:\n  db:\n", (2, 3, "empty-value")),
        ("a: 1\nb: 2\na: 3\n", (3, 1, "duplicate-key")),
        ("a: {b: 1, b: 2}\n", (1, 11, "duplicate-key")),
        ("a: !!str 1\n", (1, 4, "tag")),
        ("a: !Ref x\n", (1, 4, "tag")),
        ("a: !!map {b: 1}\n", (1, 4, "tag")),
        ("? [x]\n: 1\n", (1, 3, "bad-key")),
        ("~: 1\n", (1, 1, "bad-key")),
        ("a: 1\n---\nb: 2\n", (2, 1, "multiple-documents")),
        ("a: *x\n", (1, 4, "alias")),
        ("a: &x [*x]\n", (1, 8, "alias")),
        ("a: [1, 2\nb: 3\n", (2, 2, "yaml-syntax")),
        ("a: 'x\n", (2, 1, "yaml-syntax")),
        ("a: 1\n\tb: 2\n", (2, 1, "yaml-syntax")),
        ("a: 1\nb: \x00\n", (2, 4, "yaml-syntax")),
        ("", (1, 1, "empty-file")),
        ("# nothing\n", (1, 1, "empty-file")),
        ("null\n", (1, 1, "empty-file")),
        ("- a\n", (1, 1, "wrong-type")),
        ("just text\n", (1, 1, "wrong-type")),
        ("a: é\x01\n", (1, 5, "yaml-syntax")),
        (b"a: 1\nb: caf\xe9\n", (2, 7, "not-utf8")),
        (b"\xef\xbb\xbfa: \xff\n", (1, 4, "not-utf8")),
        (b"\xff\xfea\x00", (1, 1, "not-utf8")),
    ],
)
def test_mistakes_have_their_place(text, expected):
    """Each mistake is said once, at its line and column."""
    assert only(text) == expected


def test_all_recoverable_mistakes_are_said_at_once():
    """Duplicates, tags and bad keys do not hide each other."""
    report = read("a: 1\na: 2\nb: !x 1\n? [y]\n: 1\n")[1]
    assert [d.rule for d in report.errors] == ["duplicate-key", "tag", "bad-key"]


def test_a_duplicate_names_the_first_line():
    """The message says where the key stands already."""
    (found,) = read("a: 1\na: 2\n")[1].errors
    assert "line 1" in found.message


def test_a_leading_marker_is_one_document():
    """`---` at the top is common and harmless."""
    assert plain(read("---\na: 1\n")[0]) == {"a": "1"}


def test_merge_keys_lay_under():
    """`<<` brings keys; the map's own win."""
    root, _ = read("x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3\n")
    assert plain(root)["y"] == {"b": "3", "a": "1"}


def test_a_merge_of_a_text_is_refused():
    """`<<` takes maps."""
    assert only("y:\n  <<: text\n")[2] == "bad-key"


def test_an_unquoted_reference_in_a_list_gets_the_hint():
    """`[${x}]` is no YAML: the message says to quote it."""
    (found,) = read("a:\n  b: [${x}]\n")[1].errors
    assert found.origin.line == 2
    assert '["${x}"]' in found.message


def test_nesting_below_the_parsers_own_limit_is_refused_at_its_place():
    """The first bracket beyond our limit is named, whichever parser reads it."""
    line, column, rule = only("a: " + "[" * 900)
    assert (line, column, rule) == (1, 4 + MAX_DEPTH - 1, "too-deep")


def test_deep_nesting_is_refused_at_its_place():
    """A hundred thousand brackets are an error, not the end of the process."""
    line, column, rule = only("a: " + "[" * 100_000)
    assert (line, rule) == (1, "too-deep")
    # libyaml from 0.2.6 on gives up by itself at its thousandth level, before it has told us of any.
    assert column in (4 + MAX_DEPTH - 1, 4 + 1000 - 1)


def test_billion_laughs_are_refused():
    """Aliases are counted by what they expand to."""
    text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for n in range(1, 12):
        text += f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n"
    assert only(text)[2] == "too-large"


def test_a_large_file_is_refused():
    """More than a mebibyte is not read on."""
    assert only(b"a: " + b"x" * MAX_BYTES)[2] == "too-large"


def test_lines_are_counted_as_the_parser_counts():
    """Carriage returns and Unicode line ends keep places right."""
    root, _ = read("a: 1\r\nb: 2\r\nc: 3\r\n")
    entry = root.entries["c"]
    assert (entry.place.line, entry.place.column) == (3, 1)
    assert entry.place.file.line(3) == "c: 3"


KEYS = st.text("abcdefghij", min_size=1, max_size=6)
TREES = st.recursive(
    st.text(
        st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_categories=["Cc"]), max_size=8
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


def _dump(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {_dump(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_dump(v) for v in value) + "]"
    return "'" + value.replace("'", "''") + "'"


@given(st.dictionaries(KEYS, TREES, min_size=1, max_size=4))
@settings(max_examples=100)
def test_every_tree_comes_back(tree):
    """Reading what was written gives the same tree, and each key stands where its place says."""
    text = "\n".join(f"{k}: {_dump(v)}" for k, v in tree.items())
    root, report = read(text)
    assert not report.diagnostics
    assert plain(root) == tree
    for key, entry in root.entries.items():
        line = text.split("\n")[entry.place.line - 1]
        assert line[entry.place.column - 1 :].startswith(key)


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda t: t.encode("utf-8", "replace")))
@settings(max_examples=300)
def test_any_bytes_give_a_tree_or_a_diagnostic(data):
    """Whatever a file holds, parsing ends without an exception and with a place inside the file."""
    root, report = read(data)
    assert root is not None or report.errors
    for found in report.diagnostics:
        assert found.origin.line >= 1
        assert found.origin.column >= 1
        assert found.width >= 1


def test_find_points_at_a_part_of_a_value():
    """A reference inside a text is found on its own line and column."""
    file = SourceFile("f", "a: |\n  one\n  two ${x} three\n")
    assert Place(file, 1, 4).find("${x}")[1:] == (3, 7, 4)


def test_a_root_place_is_the_first_key():
    """What is missing in the whole file is missed at its first line."""
    root, _ = read("# comment\na: 1\n")
    assert isinstance(root, Mapping)
    assert isinstance(root.entries["a"].value, Scalar)
    assert root.place.line == 2
