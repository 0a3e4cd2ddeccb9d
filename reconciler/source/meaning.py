"""What an app means, as one hash: places, comments, layout and the commit do not count.

Called by `document`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, fields, replace
from typing import Any

from reconciler.model.desired import (
    DesiredApp,
    DesiredAutoscaling,
    DesiredJob,
    DesiredMigration,
    DesiredRedis,
    DesiredService,
)
from reconciler.model.lookups import marked, names_in
from reconciler.plan.canonical import canonical_json


def content_hash(app: DesiredApp) -> str:
    """Return sha256 over what an app means."""
    meaning = asdict(
        replace(
            app,
            folder="",
            content_hash="",
            commit="",
            warnings=(),
            services=(),
            migrations=(),
            jobs=(),
            redis=(),
            lookups=frozenset(),
        )
    )
    meaning["sync"]["allow_env"] = sorted(app.sync.allow_env)
    meaning["images"] = marked(app.images)
    meaning["services"] = sorted((_meaning(s) for s in app.services), key=canonical_json)
    # The order of migrations is the order in which they run.
    meaning["migrations"] = [_meaning(m) for m in app.migrations]
    meaning["jobs"] = sorted((_meaning(j) for j in app.jobs), key=canonical_json)
    meaning["redis"] = sorted((_without_places(r) for r in app.redis), key=canonical_json)
    meaning["lookups"] = sorted(app.lookups)
    meaning["dropped_migrations"] = sorted(app.dropped_migrations)
    return hashlib.sha256(canonical_json(meaning).encode()).hexdigest()


def look_ups_of(app: DesiredApp) -> frozenset[str]:
    """Return the names that must be asked for before the app's documents are whole."""
    return frozenset(name for document in _documents(app) for name in names_in(document))


def _documents(app: DesiredApp) -> Iterator[Any]:
    yield app.images
    for service in app.services:
        yield service.service
        yield service.task_definition
        if service.autoscaling is not None:
            yield _without_places(service.autoscaling, as_is=True)
    for run in app.launched:
        yield run.launch
        yield run.task_definition
    for redis in app.redis:
        yield _without_places(redis, as_is=True)


def _meaning(workload: DesiredService | DesiredMigration | DesiredJob) -> dict[str, Any]:
    # Not asdict: it copies whole documents, and this is the largest part of them.
    names = {f.name for f in fields(workload)} - _FOUND_OUT
    result = {name: marked(getattr(workload, name)) for name in names}
    result["written"] = sorted(workload.written)
    if isinstance(workload, DesiredService):
        if workload.autoscaling is not None:
            result["autoscaling"] = _without_places(workload.autoscaling)
        result.pop("carried")
        if workload.carried:
            result["carried"] = sorted(workload.carried)
    return result


_FOUND_OUT = frozenset({"origins", "unresolved", "looked_up", "moved"})
"""Fields that say where the files say it, and what look-ups gave."""


def _without_places(value: DesiredRedis | DesiredAutoscaling, *, as_is: bool = False) -> Any:
    document = asdict(replace(value, origins={}))
    document = {name: part for name, part in document.items() if name not in _FOUND_OUT}
    return document if as_is else marked(document)
