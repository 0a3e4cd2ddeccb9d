"""A plan that has been checked: what differs, whether it could work, and what is therefore stopped.

Called by `reconcile` for every pass and by `app.look` for `diff`: one path for both.
"""

from __future__ import annotations

from dataclasses import replace

from reconciler.aws.door import Aws
from reconciler.model.desired import DesiredApp
from reconciler.model.observed import ObservedApp
from reconciler.model.plan import Plan
from reconciler.plan.planner import make_plan
from reconciler.plan.preflight import starting
from reconciler.resources.observe import Observer


def checked_plan(
    observer: Observer, aws: Aws, desired: DesiredApp, observed: ObservedApp, *, prune: bool = False
) -> tuple[ObservedApp, Plan]:
    """Plan, check what the plan would start, and plan again with what was found.

    Where nothing is to be started nothing is asked: the steady state costs what it cost. Returns what
    is observed then, findings included, and the plan made of it.
    """
    plan = make_plan(desired, observed, prune=prune)
    findings = observer.preflight.check(aws, desired, observed, starting(plan))
    if not findings:
        return observed, plan
    observed = replace(observed, findings=findings)
    return observed, make_plan(desired, observed, prune=prune)
