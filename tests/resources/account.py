"""An account in which preflight looks around: everything that the app of `everything` names is there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reconciler.aws.door import Aws
from reconciler.model.finding import Finding
from reconciler.resources.preflight.families import findings
from reconciler.resources.preflight.reader import Reader
from reconciler.resources.preflight.scope import Scope, whole
from tests.fakes.clock import VirtualClock
from tests.fakes.surroundings import FakeSurroundings
from tests.fakes.transport import FakeTransport
from tests.resources.everything import everything

CLUSTER = {
    "status": "ACTIVE",
    "capacityProviders": ["FARGATE", "FARGATE_SPOT"],
    "activeServicesCount": 3,
    "registeredContainerInstancesCount": 1,
}


class Place:
    """An account with everything in it, and what preflight finds there."""

    def __init__(self) -> None:
        self.around = FakeSurroundings()
        self.cluster: dict[str, Any] | None = dict(CLUSTER)

    def ecs(self, operation, _params):
        """Answer for the cluster."""
        assert operation == "DescribeClusters"
        return {"clusters": [self.cluster] if self.cluster else []}

    def look(self, scope: Scope | None = None) -> dict[str, Finding]:
        """Ask every family; return the findings by name."""
        clock = VirtualClock()
        handlers = {**self.around.handlers, "ecs": self.ecs}
        self.transport = FakeTransport(clock, handlers)
        found = findings(Reader(Aws(self.transport, clock)), scope or whole(everything()))
        return {finding.name: finding for finding in found}


def service(name: str, **changes) -> Scope:
    """Return a scope of one service of the app, with some of its fields changed."""
    app = everything()
    (found,) = [w for w in whole(app).workloads if w.address.name == name]
    return Scope(app, (replace(found, **changes),))
