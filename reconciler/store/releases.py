"""Releases as stored items: the rollouts that ended well, kept for ever, read by `rollback` alone.

Written with the verdict that a rollout is steady (`controller.settle`); never part of an app's
snapshot, so that a pass does not read them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.aws.door import Aws
from reconciler.model.errors import NotFound
from reconciler.model.names import Address, AppKey
from reconciler.model.observed import Release
from reconciler.store.fields import Fields, canonical_json
from reconciler.store.partition import items_of
from reconciler.store.write import Write

RELEASE = "REL#"
_PAGE = 20


def release_write(key: AppKey, release: Release) -> Write:
    """Return the write of a release; the same one twice is the same item."""
    put = {
        "beg": release.begun,
        "gen": release.generation,
        "com": release.commit,
        "t0": release.at,
        "td": release.task_definition_arn,
        "applied": canonical_json(release.applied),
    }
    place = {"pk": f"A#{key}", "sk": f"{_prefix(release.address)}{release.begun:010d}"}
    return Write(
        "state", place, "attribute_not_exists(pk) OR beg = :beg", {":beg": release.begun}, put=put
    )


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
    return Release(
        address=address,
        begun=fields.integer("beg"),
        generation=fields.integer("gen"),
        commit=fields.text("com"),
        at=fields.time("t0").isoformat(),
        task_definition_arn=fields.text("td"),
        applied=fields.document("applied"),
    )


def _prefix(address: Address) -> str:
    return f"{RELEASE}{address}#"
