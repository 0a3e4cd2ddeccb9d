"""Cloud Map: service registries and Service Connect namespaces exist.

servicediscovery:GetService, GetNamespace and ListNamespaces.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from reconciler.model.errors import NotFound
from reconciler.model.names import Address, last_part
from reconciler.resources.preflight.reader import Reader
from reconciler.resources.preflight.scope import Question, Scope, Verdict, failed, gathered, ok


def questions(reader: Reader, scope: Scope) -> Iterator[Question]:
    """Ask for each registry and for each namespace, by ARN or by name."""
    for arn, addresses in gathered(registries(scope)).items():
        look = partial(_registry, reader, last_part(arn))
        yield Question(f"service registry {last_part(arn)}", addresses, look)
    for name, addresses in gathered(namespaces(scope)).items():
        look = partial(_namespace, reader, name)
        yield Question(f"namespace {last_part(name)}", addresses, look)


def registries(scope: Scope) -> Iterator[tuple[str, Address]]:
    """Yield the Cloud Map services that the services register with."""
    for workload in scope.services:
        for registry in workload.fields.get("serviceRegistries") or ():
            if registry.get("registryArn"):
                yield str(registry["registryArn"]), workload.address


def namespaces(scope: Scope) -> Iterator[tuple[str, Address]]:
    """Yield the namespaces of Service Connect, by ARN or by name."""
    for workload in scope.services:
        connect = workload.fields.get("serviceConnectConfiguration") or {}
        if connect.get("enabled") and connect.get("namespace"):
            yield str(connect["namespace"]), workload.address


def _registry(reader: Reader, identity: str) -> Verdict:
    try:
        reader.ask("servicediscovery", "GetService", Id=identity)
    except NotFound:
        return failed(f"there is no Cloud Map service {identity}")
    return ok("exists")


def _namespace(reader: Reader, name: str) -> Verdict:
    if not name.startswith("arn:"):
        wanted = [{"Name": "NAME", "Values": [name], "Condition": "EQ"}]
        listed = reader.listed("servicediscovery", "ListNamespaces", "Namespaces", Filters=wanted)
        return ok("exists") if listed else failed(f"there is no namespace {name}")
    try:
        reader.ask("servicediscovery", "GetNamespace", Id=last_part(name))
    except NotFound:
        return failed(f"there is no namespace {name}")
    return ok("exists")
