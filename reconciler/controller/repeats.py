"""Stops an update that has no effect: sent, taken by AWS, and still wanted pass after pass.

Used by `reconcile` and `rollback` around the plan. AWS may answer a value in a spelling that no table
knows; a naive loop would then roll the service for ever. After a few vain calls in a row the step is held
and says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field, replace

from reconciler.model.names import Address, AppKey
from reconciler.model.observed import ObservedApp
from reconciler.model.plan import Plan, ServiceRequest, Step, Verb
from reconciler.plan.canonical import canonical_json

MOST = 3
"""Equal updates against an equal service in consecutive passes: more than stale answers explain."""


ADVICE = "declare the value as `diff` shows it live, or leave the field out; then it goes on"


@dataclass
class Repeats:
    """How often in a row each service was sent the same update while it looked the same."""

    advice: str = ADVICE
    """What a person can do about a vain update."""
    _sent: dict[tuple[AppKey, Address], tuple[str, int]] = field(default_factory=dict)

    def held(self, plan: Plan, observed: ObservedApp) -> Plan:
        """Return the plan with vain updates held; what is not updated in this pass starts anew."""
        updating = {s.address for s in plan.steps if _is_update(s)}
        self._sent = {k: v for k, v in self._sent.items() if k[0] != plan.key or k[1] in updating}
        steps = tuple(
            self._hold(step) if self._count(plan.key, step, observed) >= MOST else step
            for step in plan.steps
        )
        return replace(plan, steps=steps)

    def note(
        self, plan: Plan, observed: ObservedApp, only: Collection[Address], *, failed: bool
    ) -> None:
        """Remember what a pass has sent of this plan; a pass in which a call failed proves nothing."""
        for step in () if failed else plan.steps:
            if _is_update(step) and (not only or step.address in only):
                count = self._count(plan.key, step, observed) + 1
                self._sent[plan.key, step.address] = (_print(step, observed), count)

    def _count(self, key: AppKey, step: Step, observed: ObservedApp) -> int:
        if not _is_update(step):
            return 0
        known, count = self._sent.get((key, step.address), ("", 0))
        return count if known == _print(step, observed) else 0

    def _hold(self, step: Step) -> Step:
        paths = ", ".join(change.path for change in step.changes)
        return replace(
            step,
            verb=Verb.HOLD,
            summary=f"ECS took {paths} {MOST} times and answers as before",
            request=None,
            notes=(*step.notes, self.advice),
        )


def _is_update(step: Step) -> bool:
    request = step.request
    return isinstance(request, ServiceRequest) and request.update is not None and not step.blocked


def _print(step: Step, observed: ObservedApp) -> str:
    request, live = step.request, observed.services.get(step.address.name)
    assert isinstance(request, ServiceRequest)  # noqa: S101 - `_is_update` has said so
    seen = [live.service, live.task_definition_arn] if live else []
    sent = [request.update, request.register, request.reuse_arn]
    return hashlib.sha256(canonical_json([sent, seen]).encode()).hexdigest()
