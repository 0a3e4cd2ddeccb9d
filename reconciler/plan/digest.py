"""One hash for what a plan would do: a saved plan is carried out only while it is still the plan. Pure.

Called by `app` when a plan is saved and again before it is carried out, under the lease too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import asdict

from reconciler.model.names import Address
from reconciler.model.plan import JobRequest, Plan, Step
from reconciler.plan.canonical import canonical_json


def digest_of(plan: Plan, addresses: Collection[Address] = ()) -> str:
    """Return the hash of every step that is a difference: what it changes from what, and its requests.

    Words for people (summaries, notes, what runs at the moment) do not count, nor do lines of files.
    With `addresses` only their steps count.
    """
    steps = [
        _content(step)
        for step in plan.steps
        if step.is_difference and (not addresses or step.address in addresses)
    ]
    return hashlib.sha256(canonical_json([plan.key, steps]).encode()).hexdigest()


def _content(step: Step) -> list[object]:
    changes = [
        [c.path, c.observed, c.desired, str(c.why), str(c.effect), c.sensitive]
        for c in step.changes
    ]
    # Of a job the changes say it all; its request depends on the time.
    request = None
    if step.request is not None and not isinstance(step.request, JobRequest):
        request = asdict(step.request)
    return [str(step.address), str(step.verb), list(step.blocked_by), changes, request]
