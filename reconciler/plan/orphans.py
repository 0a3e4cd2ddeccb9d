"""Services that are ours and that the files no longer name: shown, and deleted only when asked to.

Called by `plan.planner`.
"""

from __future__ import annotations

from reconciler.model.desired import DesiredApp
from reconciler.model.names import Address
from reconciler.model.observed import ObservedApp, ObservedService, ServicePresence
from reconciler.model.plan import ServiceRequest, Step, Verb
from reconciler.plan.ownership import Owner, owner_name, owner_of

PRUNE_OFF = "prune is off: sync.prune: true or --prune"


def orphan_steps(app: DesiredApp, observed: ObservedApp, *, prune: bool) -> tuple[Step, ...]:
    """Return a DELETE step for each orphan, blocked unless pruning is on and within its limit.

    The address has the service's AWS name: the files have no key for it any more.
    """
    orphans = {
        name: live
        for name, live in sorted(observed.orphans.items())
        if live.presence is ServicePresence.ACTIVE
    }
    ours = [n for n, live in orphans.items() if owner_of(app, live.tags) is Owner.OURS]
    blocked: tuple[str, ...] = ()
    if not (prune or app.sync.prune):
        blocked = (PRUNE_OFF,)
    elif len(ours) > app.sync.max_prune:
        blocked = (f"{len(ours)} services to delete, sync.maxPrune is {app.sync.max_prune}",)
    return tuple(_step(app, name, live, blocked) for name, live in orphans.items())


def _step(app: DesiredApp, name: str, live: ObservedService, blocked: tuple[str, ...]) -> Step:
    address = Address("service", name)
    match owner_of(app, live.tags):
        case Owner.OURS:
            return Step(
                address,
                Verb.DELETE,
                f"no longer in the files, {live.running_count} running",
                blocked_by=blocked,
                request=ServiceRequest(delete=True),
            )
        case Owner.OTHER:
            text = f"no longer in the files; now belongs to {owner_name(live.tags)}, left alone"
        case _:
            text = "no longer in the files; lost its reconciler:* tags, left alone"
    return Step(address, Verb.NONE, "left alone", notes=(text,))
