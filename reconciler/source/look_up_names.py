"""The names of look-ups: which there are, and what is wrong with one before anything is asked.

Called by `references`.
"""

from __future__ import annotations

import re

from reconciler.plan.redis.values import ATTRIBUTES
from reconciler.plan.tfstate import AddressError, parse_address
from reconciler.shapes.botocore_model import suggest
from reconciler.source.nodes import Mapping, Scalar
from reconciler.source.report import show

_FAMILY = re.compile(r"(ssm|cfn|env|tfstate(\.[^:]*)?):|redis\.")
# A parameter's name or, for a shared one, its ARN; then a version or a label [SSM GetParameters].
_PARAMETER = re.compile(
    r"(arn:aws[a-z-]*:ssm:[A-Za-z0-9:/_.-]+|[A-Za-z0-9_./-]+)(:[A-Za-z0-9_.-]+)?"
)
_OUTPUT = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}\.[A-Za-z0-9]{1,255}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FORMS = {
    "ssm": (_PARAMETER, "a parameter: ${ssm:/path/of/it}"),
    "cfn": (_OUTPUT, "a stack's output: ${cfn:Stack.Output}"),
    "env": (_VARIABLE, "a variable: ${env:NAME}"),
}


def is_look_up(name: str) -> bool:
    """Say whether a reference has to be asked of AWS, of a state or of the environment."""
    return _FAMILY.match(name) is not None


def name_problem(name: str, document: Mapping) -> str:
    """Say what is wrong with the name of a look-up, empty when it can be asked."""
    family, _, rest = name.partition(":")
    if name.startswith("redis."):
        return _redis_problem(name, document)
    if family.startswith("tfstate"):
        return _state_problem(family, rest, document)
    pattern, form = _FORMS[family]
    return "" if pattern.fullmatch(rest) else f"is not {form}"


def _redis_problem(name: str, document: Mapping) -> str:
    _, _, rest = name.partition(".")
    group, dot, what = rest.partition(".")
    section = document.mapping("redis")
    groups = section.entries if section else {}
    if group not in groups:
        return f"there is no redis group {show(group)}{suggest(group, groups)}"
    if what not in ATTRIBUTES or not dot:
        return f"a redis group has {', '.join(sorted(ATTRIBUTES))}{suggest(what, ATTRIBUTES)}"
    return ""


def _state_problem(family: str, address: str, document: Mapping) -> str:
    where = document.get("tfstate")
    _, _, state = family.partition(".")
    if where is None:
        return "say where the state is: tfstate: s3://bucket/key"
    if isinstance(where, Scalar) and state:
        return "there is one state: write ${tfstate:ADDRESS}"
    if isinstance(where, Mapping) and state not in where.entries:
        listed = ", ".join(where.entries)
        return f"name one of the states, ${{tfstate.NAME:ADDRESS}}: {listed}{suggest(state, where.entries)}"
    try:
        parse_address(address)
    except AddressError as wrong:
        return f"is not an address in a state: {wrong}"
    return ""
