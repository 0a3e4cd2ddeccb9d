"""Each safeguard of the jobs, switched off, makes a directed schedule fail; with it the same one passes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from reconciler.model.job import JobRecord
from reconciler.runs import transitions
from reconciler.store.session import HeadChange
from tests.simulation import safeguards
from tests.simulation.faults import Fault, NoFaults, OnSight, is_call
from tests.simulation.job_scenario import live_jobs
from tests.simulation.jobs import a_job
from tests.simulation.properties import ViolationError
from tests.simulation.world import Setup

Patch = pytest.MonkeyPatch


def no_floor(patch: Patch) -> None:
    """Switch off: what was begun is remembered by nothing but its record, and records are forgotten."""
    safeguards._blind_runs(patch)
    begun = JobRecord.begun

    def forgetful(self: JobRecord, name: str, history: object) -> JobRecord:
        before = self.floor
        after = begun(self, name, history)  # type: ignore[arg-type]
        object.__setattr__(after, "floor", before)
        return after

    patch.setattr(JobRecord, "begun", forgetful)


def no_list(patch: Patch) -> None:
    """Switch off: HEAD does not list the runs that are not over."""
    patch.setattr(transitions, "listing", lambda *_: HeadChange())


def _crashed_for_hours() -> NoFaults:
    return OnSight([(is_call("RunTask"), Fault.CRASH_AFTER)], downtime=7200.0)


def play(faults: Callable[[], NoFaults]) -> None:
    """Live through two occurrences and a run by hand under these faults."""
    setup = Setup(seed=1, controllers=1, faults=faults())
    live_jobs(
        setup, lambda _: (a_job("job0", "*/20 * * * *", retries=1, backoff=timedelta(seconds=5)),)
    )


KILLED = [
    (no_floor, NoFaults, "S4|J1"),
    (no_list, NoFaults, "S8|not over|not settled"),
    (safeguards.guard_not_awaited, _crashed_for_hours, "J1|S4"),
]


@pytest.mark.parametrize("faults", [NoFaults, _crashed_for_hours])
def test_job_schedule_holds_with_all_safeguards(faults: Callable[[], NoFaults]) -> None:
    """With every safeguard in place both directed schedules keep all guarantees."""
    play(faults)


@pytest.mark.parametrize(
    ("switch_off", "faults", "violated"), KILLED, ids=[off.__name__ for off, _, _ in KILLED]
)
def test_switched_off_safeguard_of_jobs_is_caught(
    monkeypatch: pytest.MonkeyPatch,
    switch_off: Callable[[pytest.MonkeyPatch], None],
    faults: Callable[[], NoFaults],
    violated: str,
) -> None:
    """Without the safeguard, the schedule breaks the guarantee that it stands for."""
    switch_off(monkeypatch)
    with pytest.raises(ViolationError, match=violated):
        play(faults)
