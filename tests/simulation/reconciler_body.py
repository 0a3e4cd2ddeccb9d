"""One pass of a simulated controller by the product's own `Reconciler`: planner, kinds and all."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from reconciler.controller.reconcile import Access, Reconciler
from reconciler.model.desired import DesiredApp
from reconciler.model.names import AppKey
from reconciler.resources.observe import Observer
from reconciler.resources.preflight.plan import Preflight
from tests.simulation.process import Process


class ReconcilerBody:
    """The body of `World(make_body=…)`: an incarnation's Reconciler over its own view of the files."""

    def __init__(self, process: Process) -> None:
        self.process = process
        # What is checked beforehand is not what is simulated: every call would be one more crash point.
        self.observer = Observer(preflight=Preflight(families=()))
        self.reconciler = Reconciler(self, self.open, process.clock)

    def __call__(self) -> timedelta | None:
        """Take one pass."""
        return self.reconciler.reconcile(self.process.world.key).requeue_after

    def desired(self, _: AppKey) -> DesiredApp:
        """Return what the files say now; the account guard is `app`'s and not part of this."""
        return replace(self.process.world.desired)

    def problem(self, _: AppKey) -> str:
        """Return nothing: the files are never broken here."""
        return ""

    def open(self, _: DesiredApp) -> Access:
        """Return the doors of this process."""
        process = self.process
        return Access(
            process.aws, process.world.tables, process.store, process.member, self.observer
        )
