"""Tags that moved and secrets that changed since a service was deployed: told, or followed.

Called by the steps of services, by `resources.observe` and by `controller.relied`. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from reconciler.model.desired import DesiredApp, DesiredService, OnChange
from reconciler.model.names import Address, Path
from reconciler.model.observed import (
    ObservedApp,
    ObservedService,
    RolloutState,
    ServicePresence,
    ServiceRecord,
)
from reconciler.model.plan import Change, Effect, Why
from reconciler.model.secret import SecretVersion
from reconciler.plan.changes import origin_of
from reconciler.shapes.tables import TASK_DEFINITION

PREFIX = "secret:"
"""Before a secret's reference, in what the ledger remembers beside the look-ups."""


def followed(desired: DesiredApp, moved: dict[str, str]) -> dict[str, str]:
    """Return the moved tags whose new digest is taken: all services that run them say `redeploy`.

    A reference means the same bits in the whole app, so one that only reports keeps the pin for all.
    """
    keeping = {
        image
        for service in desired.services
        if service.on_moved_tag is not OnChange.REDEPLOY
        for image in images_of(service)
    }
    return {image: digest for image, digest in moved.items() if digest and image not in keeping}


def images_of(service: DesiredService) -> Iterator[str]:
    """Yield the images that a service's containers run, as declared."""
    for container in service.task_definition.get("containerDefinitions", ()):
        if "image" in container:
            yield container["image"]


def repinned_paths(service: DesiredService, observed: ObservedApp) -> frozenset[Path]:
    """Return the places of images whose tag is about to mean another digest than the ledger's."""
    pins = observed.ledger.pins
    return frozenset(
        (TASK_DEFINITION, "containerDefinitions", container["name"], "image")
        for container in service.task_definition.get("containerDefinitions", ())
        if (image := container.get("image")) in pins and observed.images.get(image) != pins[image]
    )


def notes(service: DesiredService, observed: ObservedApp, live: ObservedService) -> tuple[str, ...]:
    """Say which tags have moved and which secrets have changed, where the files do not say `ignore`."""
    said: list[str] = []
    if service.on_moved_tag is not OnChange.IGNORE:
        said += [_moved(image, observed) for image in images_of(service) if image in observed.moved]
    if service.on_changed_secret is not OnChange.IGNORE:
        said += [
            f"secret {_without_key(text)} has changed ({version.changed_at:%Y-%m-%d %H:%M} UTC) "
            "since the running tasks were deployed"
            for _, text, version in _changed(service, observed, live)
        ]
    return tuple(dict.fromkeys(said))


def redeployments(
    service: DesiredService,
    observed: ObservedApp,
    live: ObservedService,
    record: ServiceRecord | None,
) -> tuple[Change, ...]:
    """Return the changes that need new tasks with the same task definition: secrets, once per version.

    Not while a rollout is under way or held: its tasks read the secret when they start.
    """
    settled = record is not None and record.state is RolloutState.STEADY
    if service.on_changed_secret is not OnChange.REDEPLOY or not settled:
        return ()
    known = observed.ledger.lookups.get(str(service.address), {})
    return tuple(
        Change(
            path=".".join(path[1:]),
            observed=f"version {known.get(PREFIX + text, 'before')}",
            desired=f"version {version.version}",
            why=Why.LOOKUP,
            effect=Effect.ROLLOUT,
            origin=origin_of(service.origins, path),
        )
        for path, text, version in _changed(service, observed, live)
        if known.get(PREFIX + text) != version.version
    )


def secret_versions(desired: DesiredApp, address: Address, observed: ObservedApp) -> dict[str, str]:
    """Return what the ledger is to remember of a service's secrets, for those that are followed."""
    service = next((s for s in desired.services if s.address == address), None)
    if service is None or service.on_changed_secret is not OnChange.REDEPLOY:
        return {}
    known = observed.ledger.lookups.get(str(address), {})
    versions: dict[str, str] = {}
    for _, text in secrets_of(service):
        name = PREFIX + text
        if text in observed.secrets:
            versions[name] = observed.secrets[text].version
        elif name in known:  # not seen this time, which takes nothing back
            versions[name] = str(known[name])
    return versions


def _without_key(text: str) -> str:
    """Return a secret's ARN without JSON key, stage and version id, which change with all of it."""
    parts = text.split(":")
    return ":".join(parts[:7]) if parts[2:3] == ["secretsmanager"] else text


def _moved(image: str, observed: ObservedApp) -> str:
    now = observed.moved[image]
    if not now:
        return f"image {image} is no longer in its registry; the pinned digest is kept"
    was = observed.ledger.pins.get(image, "")
    return f"image {image} has moved: pinned is {_short(was)}, the registry has {_short(now)}"


def _short(pinned: str) -> str:
    digest = pinned.partition("@")[2]
    return digest[:19] if digest else pinned


def _changed(
    service: DesiredService, observed: ObservedApp, live: ObservedService
) -> Iterator[tuple[Path, str, SecretVersion]]:
    since = _deployed_at(live)
    for path, text in secrets_of(service):
        version = observed.secrets.get(text)
        if version and since and version.changed_at and version.changed_at > since:
            yield path, text, version


def _deployed_at(live: ObservedService) -> datetime | None:
    primary = live.primary if live.presence is ServicePresence.ACTIVE else None
    return primary.created_at if primary else None


def secrets_of(service: DesiredService) -> Iterator[tuple[Path, str]]:
    """Yield the place and the `valueFrom` of every secret that the service's containers get."""
    for container in service.task_definition.get("containerDefinitions", ()):
        for secret in container.get("secrets", ()):
            path = (TASK_DEFINITION, "containerDefinitions", container["name"], "secrets")
            yield (*path, str(secret.get("name", ""))), str(secret.get("valueFrom", ""))
