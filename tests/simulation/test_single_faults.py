"""Every wire call of the nominal run, with every fault, with one and with two controllers."""

from __future__ import annotations

import pytest

from tests.simulation.faults import ALL, Fault
from tests.simulation.scenario import directed

ENDS = {"SUCCEEDED", "FAILED", "UNKNOWN", "NOT_STARTED"}


@pytest.mark.parametrize("controllers", [1, 2])
@pytest.mark.parametrize("fault", ALL)
def test_single_fault_anywhere_keeps_every_guarantee(fault: Fault, controllers: int) -> None:
    """Wherever this fault strikes, S1-S8 hold, the run ends truthfully and converges once settled."""
    nominal = directed({}, controllers)
    assert nominal.states == {"1": "SUCCEEDED", "2": "SUCCEEDED"}
    calls = nominal.world.calls
    assert {"TransactWriteItems", "RunTask", "DescribeTasks", "UpdateService"} <= set(calls)
    for number in range(1, len(calls) + 1):
        ending = directed({number: fault}, controllers)
        assert set(ending.states.values()) <= ENDS, (number, calls[number - 1], ending.states)
        assert sum(ending.world.coverage.values()) == 1, "the fault did not strike"
