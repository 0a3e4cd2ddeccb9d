"""`${…}`: what it names, what it keeps, and what it refuses."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.source.nodes import plain
from reconciler.source.parse import parse
from reconciler.source.references import Resolver
from reconciler.source.report import Report
from tests.source.conftest import DEFAULTS, HEADER

DIGEST = "sha256:" + "0" * 64


def resolve(text):
    """Return a document with its references replaced, and the report."""
    report = Report()
    document = parse("f.yaml", text.encode(), report)
    assert document is not None, report.diagnostics
    return plain(Resolver(document, report).resolve(document)), report


def value(expression, rest=""):
    """Return what `${…}` in x-value becomes, among some names."""
    text = (
        f"app: shop\nregion: r\nimages: {{a: 'h/a:t1', d: 'h/d@{DIGEST}'}}\n{rest}x: {expression}\n"
    )
    found, report = resolve(text)
    assert not report.errors, report.errors
    return found["x"]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("${app}", "shop"),
        ("a-${app}-${region}", "a-shop-r"),
        ("${images.a}", "h/a:t1"),
        ("${images.a.tag}", "t1"),
        ("${images.d.digest}", DIGEST),
        ("${images.d.tag:-none}", "none"),
        ("${vars.nope:-d}", "d"),
        ("${vars.nope:-${app}}", "shop"),
        ("${vars.nope:-}", ""),
        ("${vars.empty:-d}", "d"),
        ("${vars.list}", ["1", "2"]),
        ("${vars.map.deep}", "v"),
        ("${vars.through.deep}", "v"),
        ("$${app}", "${app}"),
        ("$$${app}", "$${app}"),
        ("$5 and $x", "$5 and $x"),
        ("'${vars.escaped}'", "${app}"),
        ("${ app }", "shop"),
    ],
)
def test_references(expression, expected):
    """Each form of reference gives its value; a value that is only a reference keeps its type."""
    rest = (
        "vars:\n  list: [1, 2]\n  map: {deep: v}\n  through: ${vars.map}\n"
        "  escaped: $${app}\n  empty: ''\n"
    )
    assert value(expression, rest) == expected


def test_an_escape_reached_through_a_map_is_not_read_again():
    """A literal ${ stays one, whichever way it is reached."""
    assert value("${vars.m.k}", "vars: {m: '${vars.n}', n: {k: '$${nope}'}}\n") == "${nope}"


@pytest.mark.parametrize(
    ("expression", "rule", "part"),
    [
        ("${vars.nope}", "unknown-reference", "did you mean 'nose'"),
        ("${nope}", "unknown-reference", "$${"),
        ("${nope:-x}", "unknown-reference", "nope"),
        ("${images.b}", "unknown-reference", "images.b"),
        ("${images.a.sha}", "unknown-reference", ".tag and .digest"),
        ("${images.a.digest}", "unknown-reference", "no digest"),
        ("${vars.nose", "bad-reference", "without its }"),
        ("x${vars.list}", "wrong-type", "a list"),
        ("${redis.main.url}", "unknown-reference", "no redis group 'main'"),
        ("${ssm:/a b}", "unknown-reference", "is not a parameter"),
        ("${ssm:}", "unknown-reference", "is not a parameter"),
        ("${cfn:Stack}", "unknown-reference", "is not a stack's output"),
        ("${tfstate:a.b.c}", "unknown-reference", "say where the state is"),
        ("${env:A-B}", "unknown-reference", "is not a variable"),
        ("${ssm:/${ssm:/a}}", "unknown-reference", "cannot be told without asking AWS"),
        ("${ssm:/a:-${vars.list}}", "wrong-type", "a single value"),
        ("${vars.c1}", "cycle", "vars.c1 → vars.c2"),
        ("${}", "unknown-reference", ""),
        ("${vars}", "unknown-reference", "vars"),
    ],
)
def test_references_that_mean_nothing(expression, rule, part):
    """Never an empty text: an error with its rule, at the reference."""
    rest = "vars: {nose: 1, list: [1]}\n"
    if "c1" in expression:
        rest = "vars: {c1: '${vars.c2}', c2: '${vars.c1}'}\n"
    found = resolve(f"images: {{a: 'h/a:t'}}\n{rest}x: pre {expression}\n")[1].errors
    assert rule in {d.rule for d in found}
    assert any(part in d.message for d in found)


def test_the_place_is_the_reference_itself():
    """Line and column are those of `${`, also in a block of text."""
    found = resolve("x: |\n  first\n  second ${vars.y} end\n")[1].errors
    assert [(d.origin.line, d.origin.column, d.width) for d in found] == [(3, 10, 9)]


def test_all_references_of_a_text_are_checked():
    """Two unknown names in one value are two errors."""
    assert len(resolve("x: ${vars.a} ${vars.b}\n")[1].errors) == 2


def test_references_cannot_grow_without_bound():
    """Doubling twenty times is refused, as text and as lists."""
    texts = "".join(f"  a{n}: '${{vars.a{n + 1}}}${{vars.a{n + 1}}}'\n" for n in range(25))
    found = resolve(f"vars:\n{texts}  a25: xxxxxxxx\n")[1].errors
    assert {d.rule for d in found} == {"too-large"}
    lists = "".join(f"  a{n}: ['${{vars.a{n + 1}}}', '${{vars.a{n + 1}}}']\n" for n in range(25))
    found = resolve(f"vars:\n{lists}  a25: x\n")[1].errors
    assert "too-large" in {d.rule for d in found}


def test_a_long_chain_is_refused():
    """A hundred references behind each other are too deep, not a RecursionError."""
    chain = "".join(f"  a{n}: ${{vars.a{n + 1}}}\n" for n in range(100))
    assert {d.rule for d in resolve(f"vars:\n{chain}  a100: x\n")[1].errors} == {"too-deep"}


def test_a_typed_reference_is_typed_by_its_field(world):
    """A list, a number and a map come through a reference as themselves."""
    app = world.app(
        HEADER,
        DEFAULTS.replace("[subnet-1]", "${vars.subnets}")
        .replace("{subnets", '{"subnets"')
        .replace("${vars.subnets}", '"${vars.subnets}"'),
        "vars: {subnets: [subnet-a, subnet-b], count: 4, env: {A: 1}}\n"
        "services:\n  web:\n    image: a/b:1\n    desiredCount: ${vars.count}\n    environment: ${vars.env}\n",
    )
    web = app.services[0]
    assert web.service["desiredCount"] == 4
    assert web.service["networkConfiguration"]["awsvpcConfiguration"]["subnets"] == [
        "subnet-a",
        "subnet-b",
    ]
    assert web.task_definition["containerDefinitions"][0]["environment"] == [
        {"name": "A", "value": "1"}
    ]


@given(st.text("${}:-.varsx 'a\n", max_size=40))
@settings(max_examples=300)
def test_any_text_resolves_or_is_reported(text):
    """No text makes the resolver raise; what it cannot resolve it reports."""
    report = Report()
    quoted = text.replace("'", "''").replace("\n", " ")
    document = parse("f.yaml", f"vars: {{x: 1}}\nx: '{quoted}'\n".encode(), report)
    found = plain(Resolver(document, report).resolve(document))
    assert found["x"] is not None or report.errors


@pytest.mark.parametrize("step", [1, -1])
def test_deep_values_do_not_add_up(step):
    """Deep lists behind each other are refused in whichever order they are reached."""
    order = range(30)[::step]
    deep = "".join(f"  a{n}: {'[' * 40}'${{vars.a{n + 1}}}'{']' * 40}\n" for n in order)
    assert {d.rule for d in resolve(f"vars:\n{deep}  a30: x\n")[1].errors} == {"too-deep"}
