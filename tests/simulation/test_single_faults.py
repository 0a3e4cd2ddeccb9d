"""Every wire call of the nominal run, with every fault, with one and with two controllers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.faults import ALL, KINDS, VARIANTS, Fault

ROOT = Path(__file__).parents[2]
CALLS = 100
"""Fewer wire calls are no nominal run of the product; the bare protocol has about half of them."""


def strike_every_call(fault: Fault, controllers: int, *flags: str) -> None:
    """Play the nominal run once for each of its calls, with the fault at that call."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulation.everywhere", str(fault), str(controllers), *flags],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    played, _, violations = done.stdout.partition("\n")
    assert (done.returncode, violations, done.stderr) == (0, "", "")
    assert int(played) > CALLS / (2 if flags else 1)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("controllers", [1, 2])
@pytest.mark.parametrize("fault", KINDS)
def test_single_fault_anywhere_keeps_every_guarantee(fault: Fault, controllers: int) -> None:
    """Wherever this fault strikes the product, S1-S8 hold, and it converges once settled."""
    strike_every_call(fault, controllers)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("controllers", [1, 2])
@pytest.mark.parametrize("fault", VARIANTS)
def test_other_pauses_anywhere_keep_every_guarantee(fault: Fault, controllers: int) -> None:
    """Shorter and longer pauses do no more harm than the one past the lease."""
    strike_every_call(fault, controllers)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("controllers", [1, 2])
@pytest.mark.parametrize("fault", ALL)
def test_single_fault_in_the_bare_protocol_keeps_every_guarantee(
    fault: Fault, controllers: int
) -> None:
    """The same for the protocol apart from planner and kinds."""
    strike_every_call(fault, controllers, "--bare")
