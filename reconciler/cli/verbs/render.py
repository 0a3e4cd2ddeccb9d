"""`render`: what the files mean once everything is merged, short forms are long and defaults written."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from reconciler.cli.apps import API_VERSION, check_addresses, chosen, wants
from reconciler.cli.complete import complete_address
from reconciler.cli.options import Invocation, option, verb

if TYPE_CHECKING:
    from reconciler.model.desired import DesiredApp, DesiredParameterGroup
    from reconciler.model.lookups import Value
    from reconciler.model.names import Address

API = (
    "register-task-definition",
    "create-service",
    "update-service",
    "run-task",
    "register-scalable-target",
    "put-scaling-policy",
    "put-scheduled-action",
    "create-replication-group",
    "create-cache-parameter-group",
)
"""The keys of `plan.api_inputs.OPERATIONS`, which --help does not import; a test keeps both equal."""


@verb("render", short_help="Print what the files mean, as API documents.", formats=("yaml", "json"))
@click.argument("addresses", nargs=-1, shell_complete=complete_address)
@option("--reveal", is_flag=True, help="Show values whose name promises a secret.")
@option(
    "--api",
    type=click.Choice(API),
    metavar="OPERATION",
    help="Print the input of one operation of one ADDRESS, as `aws … --cli-input-json` takes it.",
)
@option("--name", default="", help="Which policy or action --api prints, where there are several.")
@option("--origin", is_flag=True, help="Say behind each line which line of the files it is from.")
def command(  # noqa: PLR0913 - one for each flag
    invocation: Invocation,
    *,
    addresses: tuple[str, ...],
    reveal: bool,
    api: str | None,
    name: str,
    origin: bool,
) -> None:
    """Print what the files mean, as the API documents of CreateService, RunTask and so on.

    Offline: images are as declared. Applying sends the same with digests, our tags and, in
    migrations, the guard container.

    OPERATION is one of register-task-definition, create-service, update-service, run-task,
    register-scalable-target, put-scaling-policy, put-scheduled-action, create-replication-group,
    create-cache-parameter-group; its input is complete, our tags included, and JSON.
    """
    apps = [_with_variables(app) for app in chosen(invocation)]
    check_addresses(invocation, addresses, [a for d in apps for a in d.addresses])
    if origin and (invocation.output.is_json or api):
        raise invocation.usage_error(
            "--origin writes comments, and JSON has none: leave out the other"
        )
    if name and not api:
        raise invocation.usage_error("--name goes with --api")
    if api:
        document = _input(invocation, apps, Asked(addresses, api, name), reveal=reveal)
        text = invocation.values["output"] == "yaml"
        (_print_yaml if text else _print_json)(invocation, document)
        return
    documents = [_document(d, addresses, reveal=reveal) for d in apps]
    result = {"apiVersion": API_VERSION, "kind": "Render", "apps": documents}
    if origin:
        from reconciler.cli.origins import FileGuide, with_origins  # noqa: PLC0415 - only here

        invocation.output.result(with_origins(result, FileGuide(apps)))
        return
    (_print_json if invocation.output.is_json else _print_yaml)(invocation, result)


def _with_variables(desired: DesiredApp) -> DesiredApp:
    """Fill in `${env:…}` from this process; what AWS alone knows stays as it is written."""
    names = {name: name.removeprefix("env:") for name in desired.lookups if name.startswith("env:")}
    if not names:
        return desired
    from reconciler.model.lookups import Unresolved  # noqa: PLC0415 - only here
    from reconciler.plan.lookups import filled_with  # noqa: PLC0415 - only here

    found = {name: os.environ.get(variable) for name, variable in names.items()}
    values: dict[str, Value | Unresolved] = {
        name: Unresolved(name, "not set", absent=True) if value is None else value
        for name, value in found.items()
    }
    return filled_with(desired, values)


def _print_json(invocation: Invocation, document: Any) -> None:
    invocation.output.document(document)


def _print_yaml(invocation: Invocation, document: Any) -> None:
    invocation.output.result(_as_yaml(document).rstrip("\n"))


class Asked(NamedTuple):
    """Which input is wanted: of what, for which operation, and of what name where there are several."""

    addresses: Sequence[str]
    operation: str
    name: str


def _input(
    invocation: Invocation, apps: Sequence[DesiredApp], asked: Asked, *, reveal: bool
) -> Any:
    """Return the one input that was asked for; a usage error when it is not just one, or hides something."""
    from reconciler.model.names import there_are  # noqa: PLC0415 - completion does without
    from reconciler.plan.api_inputs import api_inputs  # noqa: PLC0415 - only here
    from reconciler.plan.mask import mask_value  # noqa: PLC0415 - only when values are shown

    found = {
        f"{app.key} {one}": one
        for app in apps
        for one in api_inputs(app, asked.operation)
        if wants(asked.addresses, one.address)
    }
    fitting = {k: v for k, v in found.items() if not asked.name or v.name == asked.name}
    if len(fitting) != 1:
        several = any(one.name for one in found.values())
        which = (
            "which (and -a which app, --name which one)" if several else "which (and -a which app)"
        )
        raise invocation.usage_error(
            f"--api prints one input: say {which}; for {asked.operation} {there_are(found)}"
        )
    ((subject, one),) = fitting.items()
    document = _plain(one.document)
    if look_ups := sorted({name for app in apps for name in app.lookups if name in str(document)}):
        invocation.output.note(f"not looked up, as written: {', '.join(look_ups)}")
    if one.lacks:
        invocation.output.note(f"looked up when it is applied, to be added here: {one.lacks}")
    if not reveal and mask_value((asked.operation,), document) != document:
        raise invocation.usage_error(
            f"{subject} holds a value whose name promises a secret, and masked it could not be sent: "
            "give --reveal to print it"
        )
    return document


def _document(desired: DesiredApp, addresses: Sequence[str], *, reveal: bool) -> dict[str, Any]:
    resources: dict[Address, dict[str, Any]] = {}
    for service in desired.services:
        resources[service.address] = {
            "createService": {"cluster": desired.cluster, **service.service}
        }
        if service.task_definition:  # another deployer's may have none in the files
            resources[service.address]["registerTaskDefinition"] = service.task_definition
    for migration in desired.migrations:
        resources[migration.address] = {
            "revision": migration.revision,
            "when": migration.when,
            "runTask": {"cluster": desired.cluster, **migration.launch},
            "registerTaskDefinition": migration.task_definition,
        }
    for job in desired.jobs:
        resources[job.address] = {
            "schedule": job.schedule,
            "timeZone": job.time_zone,
            "runTask": {"cluster": desired.cluster, **job.launch},
            "registerTaskDefinition": job.task_definition,
        }
    for scaling in (s.autoscaling for s in desired.services if s.autoscaling):
        resources[scaling.address] = {
            "registerScalableTarget": scaling.target,
            "putScalingPolicy": scaling.policies,
            "putScheduledAction": scaling.scheduled,
        }
    for redis in desired.redis:
        group = redis.parameter_group
        resources[redis.address] = {"createReplicationGroup": redis.group} | (
            {} if group is None else {"parameterGroup": _parameter_group(group)}
        )
    asked = {str(a): value for a, value in resources.items() if wants(addresses, a)}
    return {
        "key": desired.key,
        "account": desired.account,
        "region": desired.region,
        "contentHash": desired.content_hash,
        "resources": _plain(asked) if reveal else _masked(asked),
    }


def _parameter_group(group: DesiredParameterGroup) -> dict[str, Any]:
    return {
        "cacheParameterGroupName": group.name,
        "cacheParameterGroupFamily": group.family,
        "description": group.description,
        "parameters": group.parameters,
    }


def _masked(resources: Mapping[str, Any]) -> Any:
    from reconciler.plan.mask import mask_value  # noqa: PLC0415 - only when values are shown

    return {
        address: {name: mask_value((name,), _plain(value)) for name, value in documents.items()}
        for address, documents in resources.items()
    }


def _plain(value: Any) -> Any:
    """Make maps dicts, sequences lists and enums text, so that both writers take them."""
    match value:
        case Mapping():
            return {str(k): _plain(v) for k, v in value.items()}
        case list() | tuple():
            return [_plain(v) for v in value]
        case str():
            return str(value)
        case _:
            return value


def _as_yaml(value: Any) -> str:
    import yaml  # noqa: PLC0415 - only here

    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=10_000)
    return text
