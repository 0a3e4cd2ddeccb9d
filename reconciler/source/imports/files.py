"""The files of an import: header, shared sections and services, as text. Pure; called by `app.importing`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler.model.observed import ObservedRedis
from reconciler.source.imports.emit import as_yaml
from reconciler.source.imports.live import LiveService, Target
from reconciler.source.imports.names import service_key
from reconciler.source.imports.redis import redis_key, short_redis
from reconciler.source.imports.share import (
    Shared,
    fits_written_defaults,
    leave_out_written_defaults,
    share,
)
from reconciler.source.imports.tree import Keys
from reconciler.source.imports.workload import Part, part_of
from reconciler.source.own import API_VERSION

SCHEMA_FILE = ".schema/v1alpha1.json"
"""Where editors find the schema, below the desired folder."""
MODELINE = f"# yaml-language-server: $schema=../../{SCHEMA_FILE}\n"
"""The first line of a file in `<environment>/<app>/`."""
LONG = 120
"""Lines beyond which the services get a file of their own."""


@dataclass(frozen=True)
class Imported:
    """One service of an import: its key, what to say about it, and why it could not be written."""

    key: str
    live: LiveService
    notes: tuple[str, ...]
    problems: tuple[str, ...]
    shares: str = ""
    """The template in `containers` that one of its containers is from."""


@dataclass(frozen=True)
class Written:
    """The texts by file name, and what became of each service."""

    files: dict[str, str]
    services: tuple[Imported, ...]
    redis: Mapping[str, str] = field(default_factory=dict)
    """Keys of `redis:` → the groups' ids."""


def write(
    target: Target,
    lives: Sequence[LiveService],
    groups: Sequence[ObservedRedis] = (),
    sections: Keys | None = None,
) -> Written:
    """Return the YAML that declares the services as they are. Those with problems are left out.

    `sections` are more of our own, such as `tfstate`.
    """
    parts: list[Part] = []
    for live in lives:
        taken = [part.key for part in parts]
        key = service_key(live.name, target.app, target.environment, taken)
        parts.append(part_of(key, live, target))
    good = [part for part in parts if not part.problems]
    silent = bool(good) and all(fits_written_defaults(part) for part in good)
    if silent:
        for part in good:
            leave_out_written_defaults(part)
    shared = share(good)
    services = tuple(
        Imported(p.key, p.live, tuple(p.notes), tuple(p.problems), _shared_by(p)) for p in parts
    )
    redis = Keys(apart=True)
    for group in groups:
        name = str(group.group["replicationGroupId"])
        redis[redis_key(name, target, redis)] = short_redis(group)
    if not (good or redis or sections):
        return Written({}, services)
    ids = {key: str(section["replicationGroupId"]) for key, section in redis.items()}
    shared.redis, shared.sections = redis, sections or Keys()
    return Written(_files(target, shared, defaults=silent or not good), services, ids)


def _shared_by(part: Part) -> str:
    return next((str(c["from"]) for c in part.containers.values() if "from" in c), "")


def _files(target: Target, shared: Shared, *, defaults: bool) -> dict[str, str]:
    app = MODELINE + "\n".join([_header(target), *_sections(shared, defaults=defaults)])
    parts = {
        name: as_yaml(Keys([(name, section)]))
        for name, section in (("redis", shared.redis), ("services", shared.services))
        if section
    }
    if (app + "".join(parts.values())).count("\n") > LONG:
        return {"app.yaml": app} | {f"{n}.yaml": MODELINE + text for n, text in parts.items()}
    return {"app.yaml": "\n".join([app, *parts.values()])}


def _header(target: Target) -> str:
    return as_yaml(
        Keys(
            [
                ("apiVersion", API_VERSION),
                ("app", target.app),
                ("environment", target.environment),
                ("account", target.account),
                ("region", target.region),
                ("cluster", target.cluster),
            ]
        )
    )


def _sections(shared: Shared, *, defaults: bool) -> list[str]:
    sections: list[tuple[str, Any]] = []
    if not defaults:
        sections.append(("sync", Keys([("defaults", "none")])))
    sections += [
        ("images", shared.images),
        ("defaults", shared.defaults),
        ("containers", shared.containers),
    ]
    sections += list(shared.sections.items())
    texts = []
    for name, section in sections:
        if section:
            tree = Keys([(name, section)])
            tree.say(name, *_COMMENTS.get(name, ()))
            texts.append(as_yaml(tree))
    return texts


_COMMENTS = {
    "sync": ("Only what is written here: nothing is filled in beside it.",),
    "images": ("The only lines that a new version changes.",),
    "defaults": ("Laid under every service.",),
    "containers": ("Reusable: `from: NAME` copies one.",),
}
