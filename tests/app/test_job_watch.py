"""`job trigger --wait` beside a controller: it begins the run, and leaves the lease to who leads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from reconciler.app.jobs import OTHERS_FIRST, Asked, _Watch
from reconciler.controller.converge import TimedOut
from reconciler.model.errors import LeaseHeld
from reconciler.model.events import Event, EventKind
from reconciler.model.run import RunState
from reconciler.settings import Settings
from tests.controller.fakes import VirtualClock

US, CONTROLLER = "us#1", "controller#1"
ASKED = Asked("report", "k", "")
WHEN = datetime(2026, 11, 29, tzinfo=UTC)


class Beside:
    """An app whose lease goes from hand to hand, and a run that ends some passes after it was begun.

    `leads` is whether the controller takes a lease that lies idle; `holds` why no run begins.
    """

    def __init__(self, *, leads: bool, owner: str | None = CONTROLLER, holds: str = "") -> None:
        self.leads, self.owner, self.holds = leads, owner, holds
        self.clock = VirtualClock()
        self.ours, self.passes_left, self.said = [], 4, []
        self.member = SimpleNamespace(
            id=US,
            wants=set(),
            view=SimpleNamespace(alive={US, CONTROLLER}),
            is_dead=lambda _: False,
        )
        reconciler = SimpleNamespace(reconcile=self.reconcile, release=self.release)
        membership = SimpleNamespace(
            world=SimpleNamespace(clock=self.clock),
            reconciler=lambda _checked, hear: setattr(self, "hear", hear) or reconciler,
            open=lambda _: self,
        )
        desired = SimpleNamespace(key="production/shop", content_hash="h")
        self.watch = _Watch(
            membership, Settings(), desired, ASKED, lambda event: self.said.append(event.message)
        )

    @property
    def run(self):
        """The run as the ledger has it, None before it was begun."""
        if self.passes_left == 4:
            return None
        over = self.passes_left <= 0
        state = RunState.SUCCEEDED if over else RunState.RUNNING
        return SimpleNamespace(ended=over, state=state)

    def follow(self):
        """Look and let it drive, as whoever follows does, for five minutes; return the run."""
        for _ in range(150):
            view = self.read(None)
            run = view.runs.get(str(ASKED.run_key))
            if run is not None and run.ended:
                return run
            self.watch.drive(view, run)
            self.clock.sleep(timedelta(seconds=2))
        return None

    def read(self, _):
        """Read the ledger; the controller takes its pass in between."""
        if self.leads and self.owner is None and not self.member.wants:
            self.owner = CONTROLLER
        elif self.owner == CONTROLLER and self.run is not None:
            self.passes_left -= 1
        run = self.run
        runs = {} if run is None else {str(ASKED.run_key): run}
        asked = SimpleNamespace(requests=(SimpleNamespace(key=ASKED.key),))
        jobs = {ASKED.name: asked}
        return SimpleNamespace(desired_hash="h", runs=runs, owner=self.owner, jobs=jobs)

    def reconcile(self, key):
        """Take a pass of ours; the controller hands its lease over when it is asked."""
        if self.owner == CONTROLLER:
            self.owner = None
            self.member.wants = {key}
            raise LeaseHeld(f"{CONTROLLER} has it, {self.clock.seconds}s", holder=CONTROLLER)
        self.owner = US
        self.ours.append(self.clock.seconds)
        if not self.holds:
            self.passes_left -= 1
        resource = SimpleNamespace(message=self.holds or "is running; next run tomorrow")
        return SimpleNamespace(status=SimpleNamespace(resources=[resource]))

    def release(self, _):
        """Give the lease back."""
        self.owner = None


def test_the_controller_leads_again_once_the_run_is_begun():
    """Of four passes one is ours: it begins the run, the others are the controller's."""
    beside = Beside(leads=True)
    assert beside.follow().ended
    assert len(beside.ours) == 1


def test_other_jobs_are_no_news_of_this_run():
    """A pass watches whatever runs of the app; only what is about the job or the whole app is passed on."""
    app = Beside(leads=True)
    for address in ("job/report", "job/other", "task/web", ""):
        app.hear(Event(EventKind.PROGRESS, "production/shop", address, f"of {address}", WHEN))
    assert app.said == ["of job/report", "of "]


def test_whose_lease_is_waited_for_is_told_once():
    """The words count down how long a dead holder would be believed; they are told once all the same."""
    beside = Beside(leads=False)
    beside.member.wants = {""}
    for _ in range(3):
        beside.owner = CONTROLLER
        beside.watch._take_a_pass()
        beside.clock.sleep(timedelta(seconds=2))
    assert len(beside.said) == 1


def test_who_does_not_want_the_lease_is_not_waited_for_twice():
    """Offered once and not taken, it is ours to the end: the run is seen through without pauses."""
    beside = Beside(leads=False, owner=None)
    assert beside.follow().ended
    first, *later = beside.ours
    assert later[0] - first >= OTHERS_FIRST.total_seconds()
    assert later[-1] - later[0] < OTHERS_FIRST.total_seconds()


@pytest.mark.parametrize("holds", ["suspended: the disk is full", ""])
def test_why_a_run_does_not_begin_is_told_once(holds):
    """And nothing of a job's state once it has begun: what a pass did it says itself."""
    beside = Beside(leads=False, owner=None, holds=holds)
    assert (beside.follow() is None) == bool(holds)
    late = str(beside.watch.too_late(TimedOut("late")))
    assert ("stays asked for; not so: reconciler -a production/shop job stop" in late) == bool(
        holds
    )
    assert ("late, and goes on" in late) != bool(holds)
    assert beside.said == ([holds] if holds else [])
