"""What tags and secrets stand for now, where the files ask for it: `onMovedTag:`, `onChangedSecret:`.

Called by `resources.observe`. Apps that do not ask cost nothing; the others are looked at when a process
begins and every ten minutes, by AWS's clock. Metadata only: no secret's value is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from reconciler.aws.door import Aws
from reconciler.aws.registry import Closed, Registry
from reconciler.model.desired import DesiredApp, DesiredService
from reconciler.model.errors import AccessDenied, InvalidRequest, NotFound, RegistryError
from reconciler.model.observed import SecretVersion
from reconciler.plan.freshness import secrets_of
from reconciler.resources import image
from reconciler.resources.grants.statement import Names
from reconciler.resources.secret_reference import (
    Reference,
    named_parameters,
    parameter_name,
    reference,
)

INTERVAL = timedelta(minutes=10)
"""How often a controller asks again; tags move and secrets rotate at a person's pace."""
_CURRENT = "AWSCURRENT"


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
        self._seen = Fresh()
        self._asked: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())
        self._at: datetime | None = None

    def look(self, aws: Aws, desired: DesiredApp, pins: Mapping[str, str]) -> Fresh:
        """Return what is known now. Raises AwsError but for what may not be seen: that is left out."""
        tags = frozenset(
            image
            for s in desired.services
            if s.on_moved_tag
            for image in _images(s)
            if image in pins
        )
        secrets = frozenset(
            text
            for s in desired.services
            if s.on_changed_secret
            for _, text in secrets_of(s)
            if text
        )
        if not tags and not secrets:
            return Fresh()
        due = self._at is None or aws.now() - self._at >= INTERVAL
        if due or self._asked != (tags, secrets):
            self._seen = Fresh(dict(self._tags(aws, tags)), _versions(aws, desired, secrets))
            self._asked, self._at = (tags, secrets), aws.now()
        return self._seen

    def _tags(self, aws: Aws, references: Iterable[str]) -> Iterator[tuple[str, str]]:
        for text in sorted(references):
            try:
                yield text, image.resolve(aws, text, self._registry) or ""
            except (AccessDenied, Closed, RegistryError):
                continue


def _images(service: DesiredService) -> Iterator[str]:
    for container in service.task_definition.get("containerDefinitions", ()):
        if "@" not in container.get("image", "@"):
            yield container["image"]


def _versions(aws: Aws, desired: DesiredApp, texts: Iterable[str]) -> dict[str, SecretVersion]:
    names = Names(desired)
    read = {text: reference(text, names) for text in sorted(texts)}
    here = {t: r for t, r in read.items() if r and r.place == (desired.region, desired.account)}
    parameters = {t: parameter_name(r.name) for t, r in here.items() if r.service == "ssm"}
    known = _parameters(aws, set(parameters.values()))
    found = {text: known[name] for text, name in parameters.items() if name in known}
    for text, secret in here.items():
        version = _secret(aws, secret) if secret.service == "secretsmanager" else None
        if version is not None:
            found[text] = version
    return found


def _parameters(aws: Aws, names: Iterable[str]) -> dict[str, SecretVersion]:
    found: dict[str, SecretVersion] = {}
    try:
        for asked in named_parameters(names):
            for page in aws.pages("ssm", "DescribeParameters", **asked):
                for parameter in page.get("Parameters", ()):
                    version, at = parameter.get("Version"), parameter.get("LastModifiedDate")
                    if version is not None:
                        name = parameter_name(str(parameter.get("Name", "")))
                        found[name] = SecretVersion(str(version), _time(at))
    except AccessDenied:
        return found
    return found


def _secret(aws: Aws, secret: Reference) -> SecretVersion | None:
    """Return the version that a secret's stage has now; one that is named itself never changes."""
    if secret.version:
        return None
    try:
        answer = aws.call("secretsmanager", "DescribeSecret", SecretId=secret.arn)
    except (AccessDenied, NotFound, InvalidRequest):
        return None
    stage = secret.stage or _CURRENT
    staged = (answer.get("VersionIdsToStages") or {}).items()
    version = next((str(v) for v, stages in staged if stage in stages), "")
    return SecretVersion(version, _time(answer.get("LastChangedDate"))) if version else None


def _time(value: Any) -> datetime | None:
    return value if isinstance(value, datetime) else None
