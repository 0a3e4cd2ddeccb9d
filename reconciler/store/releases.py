"""Releases as stored items: what each service and each job was, kept for ever.

A service's is written with the verdict that its rollout is steady (`controller.settle`), a job's once
its runs start from it (`runs.occurrences`). Never part of an app's snapshot: `rollback` reads them, and
a pass those that a rollback has jobs run from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.aws.door import Aws
from reconciler.model.errors import NotFound
from reconciler.model.names import Address, AppKey
from reconciler.model.release import Release
from reconciler.model.run import RunKind
from reconciler.plan.job_release import past_job
from reconciler.store.fields import Fields, canonical_json
from reconciler.store.partition import items_of
from reconciler.store.write import Write

RELEASE = "REL#"
JOB = str(RunKind.JOB)
_PAGE = 20


def release_write(key: AppKey, release: Release) -> Write:
    """Return the write of a release; the same one twice is the same item."""
    put = {
        "beg": release.begun,
        "gen": release.generation,
        "com": release.commit,
        "t0": release.at,
        "applied": canonical_json(release.applied),
    }
    if release.address.kind != JOB:
        put["td"] = release.task_definition_arn
    place = {"pk": f"A#{key}", "sk": release_item(release.address, release.begun)}
    return Write(
        "state", place, "attribute_not_exists(pk) OR beg = :beg", {":beg": release.begun}, put=put
    )


def release_item(address: Address, begun: int) -> str:
    """Return the sort key of a release."""
    return f"{_prefix(address)}{begun:010d}"


def read_releases(aws: Aws, table: str, key: AppKey, address: Address) -> Iterator[Release]:
    """Yield the releases of a resource, the newest first. A missing table has none."""
    newest_first = {"ScanIndexForward": False, "Limit": _PAGE}
    try:
        for item in items_of(aws, table, key, _prefix(address), **newest_first):
            yield decode_release(item, table)
    except NotFound:
        return


def decode_release(item: Mapping[str, Any], table: str = "state") -> Release:
    """Return the release of a plain item. Raises CorruptLedger."""
    fields = Fields(table, f"{item.get('pk')} {item.get('sk')}", item)
    name, _, _ = fields.text("sk").removeprefix(RELEASE).rpartition("#")
    try:
        address = Address.parse(name)
    except ValueError:
        raise fields.wrong("sk", "REL#kind/name#number") from None
    release = Release(
        address=address,
        begun=fields.integer("beg"),
        generation=fields.integer("gen"),
        commit=fields.text("com"),
        at=fields.time("t0").isoformat(),
        task_definition_arn="" if address.kind == JOB else fields.text("td"),
        applied=fields.document("applied"),
    )
    try:
        if address.kind == JOB and not release.is_gone:
            past_job(release)
    except (KeyError, TypeError, ValueError):
        raise fields.wrong("applied", "what a job was declared as") from None
    return release


def _prefix(address: Address) -> str:
    return f"{RELEASE}{address}#"
