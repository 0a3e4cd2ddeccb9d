"""What tags and secrets stand for now, where neither `onMovedTag:` nor `onChangedSecret:` says `ignore`.

Called by `resources.observe`. Asked when a process begins and every ten minutes, by AWS's clock: one call
for all tags of a repository in ECR, one for fifty parameters, one for each secret; other registries for
services that say `report` or `redeploy` themselves. Metadata only: no secret's value is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from reconciler.aws.door import Aws
from reconciler.aws.registry import Closed, Registry
from reconciler.model.batches import batches
from reconciler.model.desired import DesiredApp, OnChange
from reconciler.model.errors import AccessDenied, AwsError, InvalidRequest, NotFound, RegistryError
from reconciler.model.secret import SecretVersion
from reconciler.plan.freshness import images_of, secrets_of
from reconciler.plan.image_names import taken_apart
from reconciler.resources import image
from reconciler.resources.grants.statement import Names
from reconciler.resources.preflight.reader import Reader
from reconciler.resources.secret_reference import (
    Reference,
    named_parameters,
    parameter_name,
    reference,
)

INTERVAL = timedelta(minutes=10)
"""How often a controller asks again; tags move and secrets rotate at a person's pace."""
_CURRENT = "AWSCURRENT"

Asked = Mapping[str, bool]
"""What is asked about → whether a service says so itself, by `report` or `redeploy`."""
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Fresh:
    """Reference → its digest form now, empty when the tag is gone; `valueFrom` → its version now."""

    images: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, SecretVersion] = field(default_factory=dict)


class Freshness:
    """Looks, and remembers what it saw until it is time to look again."""

    def __init__(self, registry: Registry | None = None) -> None:
        """Start without having looked."""
        self._registry = registry
        self._at: datetime | None = None
        self._forget()

    def _forget(self) -> None:
        self._tags: Asked = {}
        self._secrets: Asked = {}
        self._images: dict[str, str] = {}
        self._versions: dict[str, SecretVersion] = {}

    def look(self, aws: Aws, desired: DesiredApp, pins: Mapping[str, str]) -> Fresh:
        """Return what is known now; what the files name for the first time is asked at once.

        What may not be seen is left out; so is, for whatever reason, what no service asks for itself: a
        default must not fail a pass. Raises AwsError for the rest.
        """
        if self._at is None or aws.now() - self._at >= INTERVAL:
            self._forget()
            self._at = aws.now()
        tags, secrets = _tags_of(desired, pins), _secrets_of(desired)
        reader = Reader(aws)
        new = _new(tags, self._tags)
        self._images |= {**dict(_in_ecr(reader, new)), **dict(self._elsewhere(aws, new))}
        self._versions |= _versions(reader, desired, _new(secrets, self._secrets))
        self._tags, self._secrets = {**self._tags, **tags}, {**self._secrets, **secrets}
        return Fresh(
            {text: now for text, now in self._images.items() if text in tags},
            {text: now for text, now in self._versions.items() if text in secrets},
        )

    def _elsewhere(self, aws: Aws, tags: Asked) -> Iterator[tuple[str, str]]:
        for text in sorted(tags):
            if _ecr(text) is None:
                try:
                    yield text, image.resolve(aws, text, self._registry) or ""
                except (Closed, RegistryError):
                    continue


def _new(wanted: Asked, known: Asked) -> dict[str, bool]:
    return {text: said for text, said in wanted.items() if known.get(text) != said}


def _tags_of(desired: DesiredApp, pins: Mapping[str, str]) -> dict[str, bool]:
    """Return the pinned tags that are asked about; outside ECR only where a service says so."""
    found: dict[str, bool] = {}
    for service in desired.services:
        if service.on_moved_tag is not OnChange.IGNORE:
            for text in images_of(service):
                found[text] = found.get(text, False) or service.on_moved_tag is not None
    tags = {text: said for text, said in found.items() if text in pins and "@" not in text}
    return {text: said for text, said in tags.items() if said or _ecr(text)}


def _secrets_of(desired: DesiredApp) -> dict[str, bool]:
    found: dict[str, bool] = {}
    for service in desired.services:
        if service.on_changed_secret is not OnChange.IGNORE:
            for _, text in secrets_of(service):
                found[text] = found.get(text, False) or service.on_changed_secret is not None
    return {text: said for text, said in found.items() if text}


def _ecr(text: str) -> image.EcrPlace | None:
    return image.ecr_place(taken_apart(text).repository)


def _told(look: Callable[[], Answer], asked: Asked) -> Answer | None:
    """Return what a look tells, None when it cannot be had. Raises AwsError where a service asks for it."""
    try:
        return look()
    except AccessDenied:
        return None
    except AwsError:
        if any(asked.values()):
            raise
        return None


# Tags ---------------------------------------------------------------------------------------------


def _in_ecr(reader: Reader, tags: Asked) -> Iterator[tuple[str, str]]:
    """Yield what each tag in ECR means now, empty when it is gone."""
    repositories: dict[image.EcrPlace, dict[str, bool]] = {}
    for text in sorted(tags):
        if (place := _ecr(text)) is not None:
            repositories.setdefault(place, {})[text] = tags[text]
    for place, asked in repositories.items():
        yield from _in_repository(reader, place, asked)


def _in_repository(
    reader: Reader, place: image.EcrPlace, asked: Asked
) -> Iterator[tuple[str, str]]:
    named = {text: taken_apart(text) for text in asked}
    tags = sorted({named[text].tag or image.UNTAGGED for text in asked})
    ask = reader.in_region(place.region).ask
    for batch in batches(tags, image.TAGS_A_CALL):
        found = _told(partial(image.digests_in_ecr, ask, place, batch), asked)
        if found is None:
            continue
        for text, parsed in named.items():
            if (tag := parsed.tag or image.UNTAGGED) in batch:
                yield text, f"{parsed.repository}@{found[tag]}" if tag in found else ""


# Secrets ------------------------------------------------------------------------------------------


def _versions(reader: Reader, desired: DesiredApp, asked: Asked) -> dict[str, SecretVersion]:
    names = Names(desired)
    read = {text: reference(text, names) for text in sorted(asked)}
    here = {t: r for t, r in read.items() if r and r.is_in(desired.region, desired.account)}
    parameters = {t: parameter_name(r.name) for t, r in here.items() if r.service == "ssm"}
    mine = {text: asked[text] for text in parameters}
    known = _told(partial(_parameters, reader, set(parameters.values())), mine) or {}
    found = {text: known[name] for text, name in parameters.items() if name in known}
    for text, secret in here.items():
        if secret.service == "secretsmanager":
            version = _told(partial(_secret, reader, secret), {text: asked[text]})
            found |= {text: version} if version else {}
    return found


def _parameters(reader: Reader, names: Iterable[str]) -> dict[str, SecretVersion]:
    found: dict[str, SecretVersion] = {}
    for asked in named_parameters(names):
        for parameter in reader.listed("ssm", "DescribeParameters", "Parameters", **asked):
            version, at = parameter.get("Version"), parameter.get("LastModifiedDate")
            if version is not None:
                name = parameter_name(str(parameter.get("Name", "")))
                found[name] = SecretVersion(str(version), _time(at))
    return found


def _secret(reader: Reader, secret: Reference) -> SecretVersion | None:
    """Return the version that a secret's stage has now; one that is named itself never changes."""
    if secret.version:
        return None
    try:
        answer = reader.ask("secretsmanager", "DescribeSecret", SecretId=secret.arn)
    except (NotFound, InvalidRequest):
        return None
    stage = secret.stage or _CURRENT
    staged = (answer.get("VersionIdsToStages") or {}).items()
    version = next((str(v) for v, stages in staged if stage in stages), "")
    return SecretVersion(version, _time(answer.get("LastChangedDate"))) if version else None


def _time(value: Any) -> datetime | None:
    return value if isinstance(value, datetime) else None
