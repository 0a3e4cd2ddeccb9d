"""Plans in files: `diff --out FILE` writes one, `apply --plan FILE` carries it out while it is still true.

It holds what was asked and, for each app, a hash of what would be done; the plan itself, masked, is
there to be read. Called by the two verbs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from reconciler.cli.apps import API_VERSION
from reconciler.cli.options import Invocation

if TYPE_CHECKING:
    from reconciler.app.look import Preview
    from reconciler.model.names import AppKey

KIND = "SavedPlan"


class SavedPlan(NamedTuple):
    """What a file says: app → digest, the addresses that were asked for, and whether pruning was."""

    digests: Mapping[AppKey, str]
    contents: Mapping[AppKey, str]
    addresses: tuple[str, ...]
    prune: bool


def save(
    invocation: Invocation,
    path: Path,
    previews: Sequence[Preview],
    addresses: Sequence[str],
    *,
    prune: bool,
) -> None:
    """Write the plans of some apps into a file; a usage error when it cannot be written."""
    from reconciler import __version__  # noqa: PLC0415 - only here
    from reconciler.plan import render  # noqa: PLC0415 - only when there is a plan
    from reconciler.plan.digest import digest_of  # noqa: PLC0415 - as above

    document = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "madeBy": __version__,
        "addresses": list(addresses),
        "prune": prune,
        "apps": [
            {
                "digest": digest_of(preview.plan),
                **render.as_document(preview.plan, desired=preview.desired),
            }
            for preview in previews
        ],
    }
    try:
        path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8")
    except OSError as error:
        raise invocation.usage_error(f"cannot write {path}: {error.strerror or error}") from None


def read(invocation: Invocation, path: Path) -> SavedPlan:
    """Read a saved plan; a usage error when the file is none."""
    try:
        document = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise invocation.usage_error(f"cannot read {path}: {error.strerror or error}") from None
    except ValueError:
        raise _no_plan(invocation, path) from None
    if not isinstance(document, dict) or document.get("kind") != KIND:
        raise _no_plan(invocation, path)
    try:
        apps = [(str(a["key"]), str(a["digest"]), a["desired"]) for a in document["apps"]]
        return SavedPlan(
            {key: digest for key, digest, _ in apps},
            {key: str(desired["contentHash"]) for key, _, desired in apps},
            tuple(map(str, document["addresses"])),
            document["prune"] is True,
        )
    except (KeyError, TypeError):
        raise _no_plan(invocation, path) from None


def check(saved: SavedPlan, previews: Sequence[Preview]) -> None:
    """Raise GuardRefused when the plans of now are not the saved ones: before anybody is disturbed."""
    from reconciler.app.act import stale  # noqa: PLC0415 - brings boto3
    from reconciler.model.errors import GuardRefused  # noqa: PLC0415 - completion does without
    from reconciler.plan.digest import digest_of  # noqa: PLC0415 - as above

    found = {p.desired.key: p for p in previews}
    for key, digest in saved.digests.items():
        now = found.get(key)
        same = now is not None and now.desired.content_hash == saved.contents[key]
        if now is None or not same or digest_of(now.plan) != digest:
            raise GuardRefused(stale(key))


def _no_plan(invocation: Invocation, path: Path) -> Any:
    return invocation.usage_error(f"{path} is no saved plan: make one with reconciler diff --out")


__all__ = ["SavedPlan", "check", "read", "save"]
