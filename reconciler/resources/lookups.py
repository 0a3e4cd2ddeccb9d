"""look-ups: what `${ssm:…}`, `${cfn:…}`, `${tfstate:…}` and `${env:…}` name. Read only.

Called by `resources.observe` once per pass, and by `doctor`: ten parameters a call, one call per stack
and per state. What is absent, refused or not permitted is a value of its own (`Unresolved`): it holds
the workloads that use it and nobody else. An AWS that is not there fails the pass, as everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from reconciler.aws.door import Aws
from reconciler.model.batches import batches
from reconciler.model.desired import DesiredApp
from reconciler.model.errors import AccessDenied, AwsError, InvalidRequest, NotFound
from reconciler.model.lookups import Unresolved, Value
from reconciler.plan.tfstate import NotInState, look_up, parse_address, parse_state

PARAMETERS_A_CALL = 10
"""SSM GetParameters: "Names: Maximum number of 10 items"."""

LARGEST_STATE = 64 * 1024 * 1024


def read(aws: Aws, desired: DesiredApp, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return what each of the app's look-ups gave, by its name; those of Redis are read elsewhere.

    Raises AwsError when AWS cannot be reached, throttles or does not accept the credentials.
    """
    names = sorted(desired.lookups)
    found: dict[str, Value | Unresolved] = {}
    found.update(_parameters(aws, desired.region, _of(names, "ssm")))
    found.update(_outputs(aws, desired.region, _of(names, "cfn")))
    found.update(_variables(desired, environment, _of(names, "env")))
    states = [name for name in names if name.startswith("tfstate")]
    found.update(_from_states(aws, desired, states))
    return found


def rest_of(name: str) -> str:
    """Return `/path` of `ssm:/path`."""
    return name.partition(":")[2]


def state_of(name: str) -> str:
    """Return `network` of `tfstate.network:…`, which is empty where there is one state only."""
    return name.partition(":")[0].partition(".")[2]


def _of(names: Iterable[str], family: str) -> list[str]:
    return [name for name in names if name.startswith(f"{family}:")]


def _shown(name: str) -> str:
    return f"${{{name}}}"


def _refusal(name: str, error: AwsError) -> Unresolved:
    cause = error.in_general if isinstance(error, AccessDenied) else ""
    return Unresolved(name, f"{_shown(name)}: {error}", cause=cause)


# SSM ----------------------------------------------------------------------------------------------


def _parameters(
    aws: Aws, region: str, names: list[str]
) -> Iterator[tuple[str, Value | Unresolved]]:
    for batch in batches(names, PARAMETERS_A_CALL):
        yield from _batch(aws, region, batch)


def _batch(aws: Aws, region: str, names: list[str]) -> Iterator[tuple[str, Value | Unresolved]]:
    # WithDecryption stays false: a SecureString is refused below, and its value never gets here.
    asked = [rest_of(name) for name in names]
    try:
        answer = aws.call("ssm", "GetParameters", Names=asked, WithDecryption=False)
    except (AccessDenied, InvalidRequest) as error:
        # One name that IAM or SSM refuses fails the whole call: the others are asked by themselves.
        if len(names) > 1:
            for name in names:
                yield from _batch(aws, region, [name])
        else:
            yield names[0], _refusal(names[0], error)
        return
    known = {
        key: parameter
        for parameter in answer.get("Parameters", ())
        for key in (
            str(parameter.get("Name", "")) + str(parameter.get("Selector") or ""),
            str(parameter.get("ARN", "")) + str(parameter.get("Selector") or ""),
        )
    }
    for name in names:
        yield name, _parameter(name, known.get(rest_of(name)), region)


def _parameter(name: str, parameter: Mapping[str, Any] | None, region: str) -> Value | Unresolved:
    if parameter is None:
        reason = f"{_shown(name)}: there is no such parameter in {region}"
        return Unresolved(name, reason, absent=True)
    value = str(parameter.get("Value", ""))
    match parameter.get("Type"):
        case "String":
            return value
        case "StringList":
            return tuple(value.split(","))
        case "SecureString":
            hint = f"hand it over by secrets: {{NAME: {rest_of(name)}}}"
            return Unresolved(
                name, f"{_shown(name)} is a SecureString, which is never read; {hint}"
            )
        case other:
            return Unresolved(
                name, f"{_shown(name)} is a {other}: String and StringList can be read"
            )


# CloudFormation -----------------------------------------------------------------------------------


def _outputs(aws: Aws, region: str, names: list[str]) -> Iterator[tuple[str, Value | Unresolved]]:
    stacks: dict[str, list[str]] = {}
    for name in names:
        stacks.setdefault(rest_of(name).partition(".")[0], []).append(name)
    for stack, asked in stacks.items():
        outputs = _stack(aws, region, stack)
        for name in asked:
            yield name, _output(name, outputs)


def _stack(aws: Aws, region: str, stack: str) -> Mapping[str, str] | Unresolved:
    """Return the stack's outputs, or why there are none: of the stack, for whatever was asked of it."""
    try:
        answer = aws.call("cloudformation", "DescribeStacks", StackName=stack)
    except (NotFound, InvalidRequest) as error:
        # "Stack with id x does not exist" has the code ValidationError.
        if isinstance(error, InvalidRequest) and "does not exist" not in str(error):
            return Unresolved(stack, str(error), cause=str(error))
        why = f"there is no stack {stack} in {region}"
        return Unresolved(stack, why, absent=True, cause=why)
    except AccessDenied as error:
        return Unresolved(stack, str(error), cause=error.in_general)
    stacks: list[Any] = answer.get("Stacks") or [{}]
    return {
        str(output.get("OutputKey")): str(output.get("OutputValue", ""))
        for output in stacks[0].get("Outputs", ())
    }


def _output(name: str, outputs: Mapping[str, str] | Unresolved) -> Value | Unresolved:
    stack, _, key = rest_of(name).partition(".")
    if isinstance(outputs, Unresolved):
        return replace(outputs, name=name, reason=f"{_shown(name)}: {outputs.reason}")
    if key not in outputs:
        has = ", ".join(sorted(outputs)) or "none"
        reason = f"{_shown(name)}: the stack {stack} has no output {key}; it has {has}"
        return Unresolved(name, reason, absent=True)
    return outputs[key]


# Terraform ----------------------------------------------------------------------------------------


def _from_states(
    aws: Aws, desired: DesiredApp, names: list[str]
) -> Iterator[tuple[str, Value | Unresolved]]:
    states: dict[str, list[str]] = {}
    for name in names:
        states.setdefault(state_of(name), []).append(name)
    for key, asked in states.items():
        state = _state(aws, desired, desired.states.get(key, ""))
        for name in asked:
            yield name, _in_state(name, state)


def _state(aws: Aws, desired: DesiredApp, place: str) -> Mapping[str, Any] | Unresolved:
    """Return a state, or why it cannot be read: of the state, for whatever was asked of it."""
    try:
        body = _object(aws, place) if place.startswith("s3://") else _file(desired.folder, place)
        return parse_state(body)
    except NotFound:
        why = f"there is no {place}"
    except AccessDenied as error:
        return Unresolved(place, f"{place}: {error}", cause=f"{place}: {error.in_general}")
    except (InvalidRequest, NotInState) as error:
        why = f"{place}: {error}"
    except OSError as error:
        why = f"{place}: {error.strerror or type(error).__name__}"
    return Unresolved(place, why, cause=why)


def _object(aws: Aws, place: str) -> bytes:
    bucket, _, key = place.removeprefix("s3://").partition("/")
    body = aws.call("s3", "GetObject", Bucket=bucket, Key=key).get("Body", b"")
    return bytes(body)


def _file(folder: str, place: str) -> bytes:
    path = Path(folder, place)
    if not path.is_file():
        raise FileNotFoundError(2, "there is no such file")
    if path.stat().st_size > LARGEST_STATE:
        raise NotInState(f"larger than {LARGEST_STATE // 1024 // 1024} MiB")
    return path.read_bytes()


def _in_state(name: str, state: Mapping[str, Any] | Unresolved) -> Value | Unresolved:
    if isinstance(state, Unresolved):
        return replace(state, name=name, reason=f"{_shown(name)}: {state.reason}")
    try:
        return look_up(state, parse_address(rest_of(name)))
    except NotInState as wrong:
        return Unresolved(name, f"{_shown(name)}: {wrong}", absent=wrong.absent)


# Environment --------------------------------------------------------------------------------------


def _variables(
    desired: DesiredApp, environment: Mapping[str, str], names: list[str]
) -> Iterator[tuple[str, Value | Unresolved]]:
    for name in names:
        variable = rest_of(name)
        if variable not in desired.sync.allow_env:
            reason = (
                f"{_shown(name)} is for render: desired state has to be the same for everybody; "
                f"to read it all the same: sync: {{allowEnv: [{variable}]}}"
            )
            yield name, Unresolved(name, reason)
        elif variable not in environment:
            reason = f"{_shown(name)}: the variable is not set here"
            yield name, Unresolved(name, reason, absent=True)
        else:
            yield name, environment[variable]
