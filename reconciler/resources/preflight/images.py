"""Images for `doctor`: their registries have each of them, for the platforms of the tasks that run it.

A plan learns that when it resolves digests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from reconciler.aws.door import Aws
from reconciler.aws.registry import Closed, Registry
from reconciler.model.desired import DesiredApp, DesiredMigration, DesiredService
from reconciler.model.errors import AccessDenied, InvalidRequest, NotFound, RegistryError
from reconciler.model.finding import CheckState, Finding, not_permitted
from reconciler.model.lookups import Deferred
from reconciler.model.names import Address
from reconciler.plan.image_names import taken_apart
from reconciler.plan.image_problems import platform_of
from reconciler.resources import image


def in_registries(
    aws: Aws, desired: DesiredApp, registry: Registry | None, pins: Mapping[str, str]
) -> Iterator[Finding]:
    """Look for each image, and whether its tag still names what the ledger pinned it to.

    Without `registry` images outside ECR are not asked for.
    """
    wanted = _wanted(desired)
    for reference in sorted(desired.image_references()):
        if isinstance(reference, Deferred):
            continue
        found = _found(aws, reference, registry, pins.get(reference, ""))
        if found.state is CheckState.OK and reference not in pins:  # compared once, as by a plan
            pinned = f"{taken_apart(reference).repository}@{found.message}"
            found = _fitting(aws, found, pinned, registry, wanted.get(reference, {}))
        yield found


def _wanted(desired: DesiredApp) -> Mapping[str, Mapping[str, Address]]:
    """Return reference → platform → a workload that runs the image on it."""
    found: dict[str, dict[str, Address]] = {}
    workloads: list[DesiredService | DesiredMigration] = [*desired.services, *desired.migrations]
    for workload in workloads:
        platform = platform_of(workload.task_definition)
        for container in workload.task_definition.get("containerDefinitions", ()):
            if platform and "image" in container:
                found.setdefault(container["image"], {}).setdefault(platform, workload.address)
    return found


def _fitting(
    aws: Aws,
    found: Finding,
    pinned: str,
    registry: Registry | None,
    wanted: Mapping[str, Address],
) -> Finding:
    """Fail the finding when the image is not made for a platform. Who may not see that is not stopped."""
    try:
        offered = image.platforms(aws, pinned, registry)
    except (AccessDenied, NotFound, InvalidRequest, Closed, RegistryError):
        return found
    wrong = [f"{address} runs on {name}" for name, address in wanted.items() if name not in offered]
    if not offered or not wrong:
        return found
    message = f"it is for {', '.join(sorted(offered))}; {', '.join(wrong)}"
    return replace(found, state=CheckState.FAILED, message=message)


def _found(aws: Aws, reference: str, registry: Registry | None, pin: str) -> Finding:
    name = f"image {reference}"
    try:
        digest = image.resolve(aws, reference, registry)
    except AccessDenied as error:
        return not_permitted(name, error)
    except Closed as closed:
        return Finding(name, CheckState.UNSEEN, f"it cannot be pinned to a digest: {closed}")
    except RegistryError as error:
        return Finding(name, CheckState.FAILED, str(error))
    if digest is None:
        place = "ECR" if image.ecr_place(taken_apart(reference).repository) else "its registry"
        return Finding(name, CheckState.FAILED, f"{place} has no such image")
    if digest == reference and "@" not in reference:
        return Finding(name, CheckState.WARNING, "not in ECR: its registry is not asked")
    return _beside_its_pin(name, digest.rpartition("@")[2], pin.rpartition("@")[2])


def _beside_its_pin(name: str, now: str, before: str) -> Finding:
    if before in ("", now):
        return Finding(name, CheckState.OK, now)
    message = f"the tag has moved to {now}; it stays pinned to {before} (onMovedTag)"
    return Finding(name, CheckState.WARNING, message)
