"""Look-ups: the parameters, stacks and states that the files name."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.resources.grants.statement import Names, Statement, allow
from reconciler.resources.lookups import rest_of, state_of


def reads(names: Names) -> Iterator[Statement]:
    """Grant reading what `${ssm:…}`, `${cfn:…}` and `${tfstate:…}` name; a local state needs nothing."""
    wanted = sorted(names.app.lookups)
    parameters = {_parameter(names, rest_of(n)) for n in wanted if n.startswith("ssm:")}
    stacks = {rest_of(n).partition(".")[0] for n in wanted if n.startswith("cfn:")}
    used = {state_of(n) for n in wanted if n.startswith("tfstate")}
    places = {names.app.states.get(state, "") for state in used}
    objects = {p.removeprefix("s3://") for p in places if p.startswith("s3://")}
    if parameters:
        yield allow("ReadParameters", ["ssm:GetParameters"], parameters)
    if stacks:
        found = {names.arn("cloudformation", f"stack/{stack}/*") for stack in stacks}
        yield allow("ReadStackOutputs", ["cloudformation:DescribeStacks"], found)
    if objects:
        found = {f"arn:{names.partition}:s3:::{place}" for place in objects}
        yield allow("ReadStates", ["s3:GetObject"], found)


def _parameter(names: Names, name: str) -> str:
    """Spell a parameter's ARN: without the version or label that may follow its name."""
    if name.startswith("arn:"):
        return ":".join(name.split(":")[:6])
    return names.arn("ssm", f"parameter/{name.partition(':')[0].lstrip('/')}")
