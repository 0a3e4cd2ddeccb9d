"""Each safeguard, switched off, makes a directed schedule fail; with it the same schedule passes.

The expected survivors are asserted too: docs/decisions/0012-safeguards.md has the table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.fakes.ecs_tasks import Nature
from tests.simulation import safeguards
from tests.simulation.body import DirectBody
from tests.simulation.faults import Fault, NoFaults, OnSight, is_call, is_commit
from tests.simulation.properties import ViolationError
from tests.simulation.reconciler_body import ReconcilerBody
from tests.simulation.scenario import MakeBody, live
from tests.simulation.world import Setup


class Slow(Nature):
    """A first task that takes its time; the later ones do not."""

    def __init__(self, *, boot: float = 5.0, duration: float = 20.0, visible: float = 0.5) -> None:
        self.first = (boot, duration, visible)

    def _once(self, which: int, nominal: float) -> float:
        value = self.first[which]
        self.first = tuple(nominal if n == which else v for n, v in enumerate(self.first))  # type: ignore[assignment]
        return value

    def boot(self) -> float:
        return self._once(0, 5.0)

    def duration(self) -> float:
        return self._once(1, 20.0)

    def visible_after(self) -> float:
        return self._once(2, 0.5)


@dataclass(frozen=True)
class Schedule:
    """A directed history: who, what goes wrong, how the world is, when the second edit comes."""

    faults: Callable[[], NoFaults] = NoFaults
    controllers: int = 1
    guard: bool = True
    nature: Callable[[], Nature] = Nature
    patience: float = 120.0
    body: MakeBody = DirectBody

    def play(self) -> None:
        """Live through it; raises ViolationError when a guarantee breaks."""
        live(
            Setup(
                seed=1,
                controllers=self.controllers,
                faults=self.faults(),
                nature=self.nature(),
                guard=self.guard,
            ),
            self.patience,
            self.body,
        )


def _every_answer_lost() -> NoFaults:
    return OnSight([(is_call("RunTask"), Fault.LOST_RESPONSE)] * 6)


def _crashed_for_hours() -> NoFaults:
    return OnSight([(is_call("RunTask"), Fault.CRASH_AFTER)], downtime=7200.0)


def _late_commit() -> NoFaults:
    """One copy of the intent arrives two minutes late, all others are lost until it is decided anew."""
    plan = [(is_commit("launching"), Fault.DELAYED)]
    faults = OnSight(plan + [(is_commit("launching"), Fault.LOST_REQUEST)] * 14)
    faults.delay = lambda: 200.0  # type: ignore[method-assign]
    return faults


def _once(action: str, fault: Fault, downtime: float = 10.0) -> Callable[[], NoFaults]:
    return lambda: OnSight([(is_commit(action), fault)], downtime=downtime)


OUTLIVED = Schedule(_crashed_for_hours)
OUTLIVED_TOKEN = Schedule(_crashed_for_hours, guard=False)
LOST = Schedule(_every_answer_lost)
LOST_TOKEN = Schedule(_every_answer_lost, guard=False)
ZOMBIE = Schedule(_once("launching", Fault.FROZEN_2M), controllers=2)
ZOMBIE_TOKEN = Schedule(_once("launching", Fault.FROZEN_2M), controllers=2, guard=False)
LATE = Schedule(_late_commit, patience=900.0)
LATE_TOKEN = Schedule(_late_commit, patience=900.0, guard=False)
CALM = Schedule()
CALM_TOKEN = Schedule(guard=False)
CALM_PRODUCT = Schedule(body=ReconcilerBody)
HIDDEN = Schedule(nature=lambda: Slow(duration=1500.0, visible=2000.0), patience=3000.0)
ENDLESS = Schedule(nature=lambda: Slow(duration=1500.0), patience=3000.0)
RACE = Schedule(
    _once("not started", Fault.FROZEN_2M), nature=lambda: Slow(boot=935.0), patience=2000.0
)
OVERLAP = Schedule(nature=lambda: Slow(duration=200.0), patience=40.0)
TAKEN_OVER = Schedule(_once("succeeded", Fault.CRASH_AFTER, 4000.0), controllers=2, patience=300.0)
HOLDER_DIES = Schedule(_once("launching", Fault.CRASH_AFTER, 4000.0), controllers=2, patience=300.0)

KILLED = [
    (safeguards.no_token, LOST_TOKEN, "S1|S2|S5"),
    (safeguards.no_window, OUTLIVED_TOKEN, "S1"),
    (safeguards.guard_not_awaited, OUTLIVED, "S4"),
    (safeguards.no_record, TAKEN_OVER, "S1|S4|S5"),
    (safeguards.no_fencing, ZOMBIE, "S4|S7"),
    (safeguards.no_fencing, ZOMBIE_TOKEN, "S4|S7"),
    (safeguards.no_cas, LATE, "S4"),
    (safeguards.no_cas, LATE_TOKEN, "S4"),
    (safeguards.no_intent, CALM, "S8"),
    (safeguards.no_intent, CALM_TOKEN, "S8"),
    (safeguards.missing_is_failure, HIDDEN, "S4"),
    (safeguards.timeout_is_failure, ENDLESS, "S4"),
    (safeguards.no_gate, CALM, "S3"),
    (safeguards.no_gate, CALM_PRODUCT, "S3"),
    (safeguards.blind_revoke, RACE, "S4"),
    (safeguards.no_slot, OVERLAP, "S2"),
    (safeguards.no_takeover, HOLDER_DIES, "not settled"),
    (safeguards.no_unknown, OUTLIVED, "not settled"),
]

SURVIVORS = [
    (safeguards.no_epoch, (ZOMBIE, ZOMBIE_TOKEN, LATE, TAKEN_OVER, HOLDER_DIES)),
    (safeguards.no_token, (LOST, OUTLIVED, ZOMBIE)),
    (safeguards.no_deadline, (ZOMBIE, ZOMBIE_TOKEN, LATE, RACE, HOLDER_DIES)),
]

SCHEDULES = {
    name: value for name, value in sorted(globals().items()) if isinstance(value, Schedule)
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedule_holds_with_all_safeguards(name: str) -> None:
    """With every safeguard in place, each directed schedule keeps all guarantees and converges."""
    SCHEDULES[name].play()


@pytest.mark.parametrize(
    ("switch_off", "schedule", "violated"),
    KILLED,
    ids=[f"{off.__name__}-{n}" for n, (off, _, _) in enumerate(KILLED)],
)
def test_switched_off_safeguard_is_caught(
    monkeypatch: pytest.MonkeyPatch,
    switch_off: Callable[[pytest.MonkeyPatch], None],
    schedule: Schedule,
    violated: str,
) -> None:
    """Without the safeguard, the schedule made for it breaks the guarantee it stands for."""
    switch_off(monkeypatch)
    with pytest.raises(ViolationError, match=violated):
        schedule.play()


@pytest.mark.parametrize(
    ("switch_off", "schedules"), SURVIVORS, ids=[off.__name__ for off, _ in SURVIVORS]
)
def test_expected_survivor_survives(
    monkeypatch: pytest.MonkeyPatch,
    switch_off: Callable[[pytest.MonkeyPatch], None],
    schedules: tuple[Schedule, ...],
) -> None:
    """What another safeguard covers as well does no harm alone: epoch by CAS, token by claim, deadline by both."""
    switch_off(monkeypatch)
    for schedule in schedules:
        schedule.play()
