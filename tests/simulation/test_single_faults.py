"""Every wire call of the nominal run, with every fault, with one and with two controllers."""

from __future__ import annotations

import pytest

from tests.simulation.body import DirectBody
from tests.simulation.faults import ALL, KINDS, VARIANTS, Fault
from tests.simulation.reconciler_body import ReconcilerBody
from tests.simulation.scenario import MakeBody, directed

ENDS = {"SUCCEEDED", "FAILED", "UNKNOWN", "NOT_STARTED"}


def strike_every_call(fault: Fault, controllers: int, make_body: MakeBody) -> None:
    """Play the nominal run once for each of its calls, with the fault at that call."""
    nominal = directed({}, controllers, make_body)
    assert nominal.states == {"1": "SUCCEEDED", "2": "SUCCEEDED"}
    calls = nominal.world.calls
    assert {"TransactWriteItems", "RunTask", "DescribeTasks", "UpdateService"} <= set(calls)
    for number in range(1, len(calls) + 1):
        try:
            ending = directed({number: fault}, controllers, make_body)
        except AssertionError as error:
            raise AssertionError(
                f"{fault} at call {number}, {calls[number - 1]}: {error}"
            ) from error
        assert set(ending.states.values()) <= ENDS, (number, calls[number - 1], ending.states)
        assert sum(ending.world.coverage.values()) == 1, "the fault did not strike"


@pytest.mark.timeout(900)
@pytest.mark.parametrize("controllers", [1, 2])
@pytest.mark.parametrize("fault", KINDS)
def test_single_fault_anywhere_keeps_every_guarantee(fault: Fault, controllers: int) -> None:
    """Wherever this fault strikes the product, S1-S8 hold, and it converges once settled."""
    strike_every_call(fault, controllers, ReconcilerBody)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("controllers", [1, 2])
@pytest.mark.parametrize("fault", VARIANTS)
def test_other_pauses_anywhere_keep_every_guarantee(fault: Fault, controllers: int) -> None:
    """Shorter and longer pauses do no more harm than the one past the lease."""
    strike_every_call(fault, controllers, ReconcilerBody)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("controllers", [1, 2])
@pytest.mark.parametrize("fault", ALL)
def test_single_fault_in_the_bare_protocol_keeps_every_guarantee(
    fault: Fault, controllers: int
) -> None:
    """The same for the protocol apart from planner and kinds."""
    strike_every_call(fault, controllers, DirectBody)
