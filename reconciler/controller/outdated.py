"""Whether the files of an app, or its ledger, are older than what was seen before.

Asked by `controller.reconcile` with HEAD, before the lease is taken.
"""

from __future__ import annotations

from reconciler.model.desired import DesiredApp
from reconciler.store.head import Head


def outdated(desired: DesiredApp, head: Head, content_hash: str, generation: int) -> str:
    """Return why nothing may be done, empty when all is well; HEAD names other content than the files.

    `content_hash` is the content that was current when we last agreed with HEAD, at that `generation`.
    """
    if head.generation < generation:
        return (
            f"the ledger of {desired.key} has gone back from generation {generation} to "
            f"{head.generation}: its tables were deleted, or restored from before. Nothing is "
            "done; docs/tables.md says how to go on"
        )
    if content_hash == desired.content_hash:
        commit = f" from commit {head.commit}" if head.commit else ""
        return (
            f"the files of {desired.key} here are older than what was last applied "
            f"(generation {generation}, the ledger has {head.generation}{commit}): "
            "nothing is done until they change"
        )
    return ""
