"""Addresses in a Terraform state: what they say, what they find, what is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.plan.tfstate import (
    AddressError,
    NotInState,
    look_up,
    parse_address,
    parse_state,
)

STATE = {
    "version": 4,
    "terraform_version": "1.9.8",
    "outputs": {
        "url": {"value": "https://x", "type": "string"},
        "zones": {"value": ["a", "c"], "type": ["list", "string"]},
        "map": {"value": {"deep": {"er": 1}}, "type": ["object", {}]},
        "password": {"value": "hunter2", "type": "string", "sensitive": True},
    },
    "resources": [
        {
            "mode": "managed",
            "type": "aws_subnet",
            "name": "private",
            "instances": [
                {"index_key": 1, "attributes": {"id": "subnet-1", "tags": {"Name": "one"}}},
                {"index_key": 0, "attributes": {"id": "subnet-0", "tags": {"Name": "zero"}}},
            ],
        },
        {
            "module": 'module.vpc["main"].module.net[0]',
            "mode": "managed",
            "type": "aws_vpc",
            "name": "this",
            "instances": [
                {
                    "attributes": {
                        "id": "vpc-1",
                        "ipv6": None,
                        "enabled": True,
                        "size": 16,
                        "route": [{"gateway": "igw-1"}, {"gateway": "nat-1"}],
                        "password": "hunter2",
                        "db": [{"user": "u", "pass": "hunter2"}],
                    },
                    "sensitive_attributes": [
                        [{"type": "get_attr", "value": "password"}],
                        [
                            {"type": "get_attr", "value": "db"},
                            {"type": "index", "value": {"value": 0, "type": "number"}},
                            {"type": "get_attr", "value": "pass"},
                        ],
                    ],
                }
            ],
        },
        {
            "mode": "data",
            "type": "aws_subnet",
            "name": "by_zone",
            "instances": [
                {"index_key": "ap-northeast-1a", "attributes": {"id": "subnet-a"}},
                {"index_key": "ap.1c", "attributes": {"id": "subnet-c"}},
            ],
        },
    ],
}
VPC = 'module.vpc["main"].module.net[0].aws_vpc.this'


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("output.url", "https://x"),
        ("output.zones", ("a", "c")),
        ("output.zones[1]", "c"),
        ("output.map.deep.er", 1),
        ("aws_subnet.private[0].id", "subnet-0"),
        ("aws_subnet.private[1].tags.Name", "one"),
        ('aws_subnet.private[1].tags["Name"]', "one"),
        ("aws_subnet.private[*].id", ("subnet-0", "subnet-1")),
        ('data.aws_subnet.by_zone["ap.1c"].id', "subnet-c"),
        ("data.aws_subnet.by_zone['ap-northeast-1a'].id", "subnet-a"),
        (f"{VPC}.id", "vpc-1"),
        (f"{VPC}.enabled", True),
        (f"{VPC}.size", 16),
        (f"{VPC}.route[1].gateway", "nat-1"),
        (f"{VPC}.route[*].gateway", ("igw-1", "nat-1")),
        (f"{VPC}.db[0].user", "u"),
    ],
)
def test_values(address, expected):
    """Resources, modules, indexes, data sources, nested attributes, lists and outputs are found."""
    assert look_up(STATE, parse_address(address)) == expected


@pytest.mark.parametrize(
    ("address", "part", "absent"),
    [
        ("output.nope", "no output nope", True),
        ("output.map", "it is a map", False),
        ("aws_subnet.nope.id", "no resource aws_subnet.nope", True),
        ("data.aws_subnet.private.id", "no data source", True),
        ("module.other.aws_vpc.this.id", "in module.other", True),
        ("aws_subnet.private.id", "the instances [0], [1]: name one", False),
        ("aws_subnet.private[7].id", "no instance 7", True),
        ('aws_subnet.private["0"].id', 'no instance "0"', True),
        ("aws_subnet.private[0].nope", "there is no nope", True),
        (f"{VPC}.route[9].gateway", "there is no route[9]", True),
        (f"{VPC}.ipv6", "it is null", True),
        ("output.password", "is sensitive", False),
        (f"{VPC}.password", "is sensitive", False),
        (f"{VPC}.db[0].pass", "is sensitive", False),
        (f"{VPC}.db[*].pass", "is sensitive", False),
        (f"{VPC}.db", "is sensitive", False),
    ],
)
def test_what_is_not_there_or_not_to_be_read(address, part, absent):
    """Each says why; what is absent may have a default, what is refused may not. No value is shown."""
    with pytest.raises(NotInState) as refused:
        look_up(STATE, parse_address(address))
    assert part in str(refused.value)
    assert refused.value.absent is absent
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "address",
    [
        *("", "x", "aws_x.y", "aws_x.y[0]", "data.aws_x.y", "output", "output[0]", "module"),
        *("module.x", "a..b.c", "[0].a.b", "a.b.c[", "a.b.c[x]", 'a.b["x].id', ".a.b.c", "a.b.c."),
        *("module.m.output.x", "a.b.c d", 'a.b["\\q"].id', "a" * 2000, "a.b.c[٣]"),
    ],
)
def test_addresses_that_are_none(address):
    """A text that is no address is refused before any state is read."""
    with pytest.raises(AddressError):
        parse_address(address)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"version": 3}', '{"version": "4"}', "4", b"\xff"]
)
def test_what_is_no_state(text):
    """Another version, or something else altogether, is said."""
    with pytest.raises(NotInState, match="not a Terraform state"):
        parse_state(text)


NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,8}", fullmatch=True)
KEYS = st.one_of(st.integers(0, 99), st.text(max_size=8))


@given(
    modules=st.lists(st.tuples(NAMES, st.none() | KEYS), max_size=3),
    kind=NAMES.filter(lambda n: n not in ("module", "data", "output")),
    name=NAMES,
    key=st.none() | KEYS,
    attributes=st.lists(NAMES | st.integers(0, 2), min_size=1, max_size=4).filter(
        lambda steps: isinstance(steps[0], str)
    ),
)
def test_an_address_finds_the_instance_it_spells(modules, kind, name, key, attributes):
    """Whatever a state can hold has an address, and the address finds just that."""

    def spelled(index):
        return "" if index is None else f"[{json.dumps(index)}]"

    module = ".".join(f"module.{m}{_ascii_free(k)}" for m, k in modules)
    value = "found"
    for step in reversed(attributes):
        value = {step: value} if isinstance(step, str) else [None] * step + [value]
    instance = {"attributes": value} | ({} if key is None else {"index_key": key})
    resource = {"mode": "managed", "type": kind, "name": name, "instances": [instance]}
    decoy = resource | {"name": name + "x", "instances": [{"attributes": {}}]}
    state = {"version": 4, "resources": [decoy, resource | ({"module": module} if module else {})]}
    path = "".join(f".{s}" if isinstance(s, str) else f"[{s}]" for s in attributes)
    address = ".".join(filter(None, [module, kind])) + f".{name}{spelled(key)}{path}"
    assert look_up(parse_state(json.dumps(state)), parse_address(address)) == "found"


def _ascii_free(key):
    """Spell a module's index as a state does."""
    return "" if key is None else f"[{json.dumps(key, ensure_ascii=False)}]"


@given(
    st.text(max_size=40),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda s: (
            st.lists(s, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "version",
                        "resources",
                        "outputs",
                        "instances",
                        "attributes",
                        "a",
                        "mode",
                        "type",
                        "name",
                    ]
                ),
                s,
                max_size=4,
            )
        ),
    ),
)
def test_no_state_and_no_address_is_a_crash(address, state):
    """Texts of others end in a value or in one of two errors."""
    try:
        parsed = parse_address(address)
    except AddressError:
        parsed = parse_address("a.b.c")
    whole = (
        {**state, "version": 4} if isinstance(state, dict) else {"version": 4, "resources": state}
    )
    try:
        found = look_up(whole, parsed)
    except NotInState:
        return
    assert isinstance(found, str | int | float | tuple)
