"""`render`: what the files mean once everything is merged, short forms are long and defaults written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.apps import API_VERSION, check_addresses, chosen, wants
from reconciler.cli.complete import complete_address
from reconciler.cli.options import Invocation, option, verb

if TYPE_CHECKING:
    from reconciler.model.desired import DesiredApp
    from reconciler.model.names import Address


@verb("render", short_help="Print what the files mean, as API documents.", formats=("yaml", "json"))
@click.argument("addresses", nargs=-1, shell_complete=complete_address)
@option("--reveal", is_flag=True, help="Show values whose name promises a secret.")
def command(invocation: Invocation, *, addresses: tuple[str, ...], reveal: bool) -> None:
    """Print what the files mean, as the API documents of CreateService, RunTask and so on.

    Offline: images are as declared. Applying sends the same with digests, our tags and, in
    migrations, the guard container.
    """
    apps = chosen(invocation)
    check_addresses(invocation, addresses, [a for d in apps for a in _addresses(d)])
    documents = [_document(d, addresses, reveal=reveal) for d in apps]
    result = {"apiVersion": API_VERSION, "kind": "Render", "apps": documents}
    if invocation.output.is_json:
        invocation.output.document(result)
    else:
        invocation.output.result(_as_yaml(result).rstrip("\n"))


def _document(desired: DesiredApp, addresses: Sequence[str], *, reveal: bool) -> dict[str, Any]:
    resources: dict[Address, dict[str, Any]] = {}
    for service in desired.services:
        resources[service.address] = {
            "createService": {"cluster": desired.cluster, **service.service},
            "registerTaskDefinition": service.task_definition,
        }
    for migration in desired.migrations:
        resources[migration.address] = {
            "revision": migration.revision,
            "when": migration.when,
            "runTask": {"cluster": desired.cluster, **migration.launch},
            "registerTaskDefinition": migration.task_definition,
        }
    asked = {str(a): value for a, value in resources.items() if wants(addresses, a)}
    return {
        "key": desired.key,
        "account": desired.account,
        "region": desired.region,
        "contentHash": desired.content_hash,
        "resources": _plain(asked) if reveal else _masked(asked),
    }


def _addresses(desired: DesiredApp) -> list[Address]:
    return [s.address for s in desired.services] + [m.address for m in desired.migrations]


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
