"""Whether an idempotency key is free for an order: it belongs to the first one that was written under it.

Asked by `controller.one_off` on the snapshot that a start is conditional on. Whoever writes in between
makes that start fail, and it is asked anew: of two orders at the same moment one is refused.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime

from reconciler.model.errors import GuardRefused
from reconciler.model.run import Run, RunKey, RunKind
from reconciler.model.work import Work
from reconciler.plan.one_off import difference
from reconciler.store.ledger import AppStore


def refuse_other_use(store: AppStore, key: str, ours: Collection[RunKey]) -> None:
    """Refuse a key under which something else was started: of another origin, or another number of tasks.

    `ours` are the runs of the order. One read; call it after the snapshot was read. Raises GuardRefused.
    """
    same = re.compile(rf"{re.escape(key)}(\.\d+of\d+)?")
    for known in store.runs(RunKind.TASK):
        if same.fullmatch(known.revision) and known.key not in ours:
            raise _refusal(key, known.intent_at, f"{known.address}, {known.which}")


def refuse_other_order(run: Run, work: Work) -> None:
    """Refuse a stored run that is of another order than this work. Raises GuardRefused."""
    other = difference(run, work)
    if other:
        raise _refusal(run.revision, run.intent_at, f"not the same {other}")


def _refusal(key: str, since: datetime, what: str) -> GuardRefused:
    return GuardRefused(
        f"the key {key} belongs to another request, which began at {since:%Y-%m-%d %H:%M:%S} UTC: "
        f"{what}; nothing was started"
    )
