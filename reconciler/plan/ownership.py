"""Whose a live service is: the tags that say so, and who else may have put them there.

Called wherever steps are made. Only our own keys and the declared ones are looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from reconciler.model.desired import DesiredApp
from reconciler.model.names import Address, AppKey
from reconciler.plan.spec_hash import SPEC_TAG, content_hash

APP_TAG = "reconciler:app"
ENVIRONMENT_TAG = "reconciler:environment"
ADDRESS_TAG = "reconciler:address"


class Owner(StrEnum):
    """OURS: this app's tags. NOBODY: no tags of ours. OTHER: another app's."""

    OURS = "ours"
    NOBODY = "nobody"
    OTHER = "other"


def ownership_tags(key: AppKey, address: Address) -> dict[str, str]:
    """Return the tags that mark a service, or a task definition, as this app's."""
    environment, _, app = key.partition("/")
    return {APP_TAG: app, ENVIRONMENT_TAG: environment, ADDRESS_TAG: str(address)}


def is_mark(path: str) -> bool:
    """Say whether the path of a change is one of our own tags."""
    return path in {f"tags.{tag}" for tag in (APP_TAG, ENVIRONMENT_TAG, ADDRESS_TAG)}


def owner_of(app: DesiredApp, tags: Mapping[str, str]) -> Owner:
    """Say whose a live resource with these tags is."""
    if APP_TAG not in tags and ENVIRONMENT_TAG not in tags:
        return Owner.NOBODY
    mine = (app.app, app.environment)
    return Owner.OURS if (tags.get(APP_TAG), tags.get(ENVIRONMENT_TAG)) == mine else Owner.OTHER


def owner_name(tags: Mapping[str, str]) -> str:
    """Spell the owner that the tags name, `production/shop`."""
    return f"{tags.get(ENVIRONMENT_TAG, '?')}/{tags.get(APP_TAG, '?')}"


def declared_tags(document: Mapping[str, Any]) -> dict[str, str]:
    """Return the user's own tags of a document as a map."""
    return {t["key"]: str(t.get("value", "")) for t in document.get("tags", ())}


def without_tags(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document without its tags, which are compared and sent by themselves."""
    return {k: v for k, v in document.items() if k != "tags"}


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as ECS takes them, sorted."""
    return [{"key": k, "value": v} for k, v in sorted(tags.items())]


def registration(
    app: DesiredApp, address: Address, task_definition: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the complete RegisterTaskDefinition input: the content and its tags, the spec hash too."""
    tags = {
        **declared_tags(task_definition),
        **ownership_tags(app.key, address),
        SPEC_TAG: content_hash(task_definition),
    }
    return {**task_definition, "tags": tag_list(tags)}
