"""Images for `doctor`: their registries have each of them. A plan learns that when it resolves digests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.aws.door import Aws
from reconciler.aws.registry import Closed, Registry
from reconciler.model.desired import DesiredApp
from reconciler.model.errors import AccessDenied, RegistryError
from reconciler.model.finding import CheckState, Finding, not_permitted
from reconciler.model.lookups import Deferred
from reconciler.plan.image_names import taken_apart
from reconciler.resources import image


def in_registries(
    aws: Aws, desired: DesiredApp, registry: Registry | None, pins: Mapping[str, str]
) -> Iterator[Finding]:
    """Look for each image, and whether its tag still names what the ledger pinned it to.

    Without `registry` images outside ECR are not asked for.
    """
    for reference in sorted(desired.image_references()):
        if not isinstance(reference, Deferred):
            yield _found(aws, reference, registry, pins.get(reference, ""))


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
