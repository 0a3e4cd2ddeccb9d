"""One fault at every wire call of the nominal run, each in a copy of this process at that very moment.

    python -m tests.simulation.everywhere 'crash before' 2 [--bare]

Up to the fault all those histories are the nominal run, which is played once; at each call a fork lives
through the rest. A process of its own, since a fork takes only one thread along. Prints how many histories
were played, then the violations; ends with 1 if there are any.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Mapping
from typing import Any, NoReturn

from tests.simulation.body import DirectBody
from tests.simulation.faults import Fault, NoFaults
from tests.simulation.reconciler_body import ReconcilerBody
from tests.simulation.scenario import Ending, MakeBody, live
from tests.simulation.world import Setup

ENDS = {"SUCCEEDED", "FAILED", "UNKNOWN", "NOT_STARTED"}
NEEDED = {"TransactWriteItems", "RunTask", "DescribeTasks", "UpdateService"}


class Everywhere(NoFaults):
    """At each call a fork meets the fault; this process goes on without it."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.struck = 0
        """In a fork: the call that its fault struck."""
        self.played = 0
        self.violations: list[str] = []
        self._report = -1

    def draw(self, number: int, operation: str, params: Mapping[str, Any]) -> Fault | None:
        """Return the fault in the fork of this call, nothing everywhere else."""
        if self.struck:
            return None
        report, self._report = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(report)
            gc.disable()  # it ends soon, and with it all that it leaves behind
            self.struck = number
            return self.fault
        os.close(self._report)
        with os.fdopen(report, "rb") as stream:
            said = stream.read().decode()
        status = os.waitpid(child, 0)[1]
        self.played += 1
        if said or status:
            what = said or f"the fork ended with status {status}"
            self.violations.append(f"{self.fault} at call {number}, {operation}: {what}")
        return None

    def end(self, said: str) -> NoReturn:
        """End a fork: its whole life was this one history."""
        os.write(self._report, said.encode()[:60_000])
        os._exit(0)


def strike(fault: Fault, controllers: int, make_body: MakeBody) -> Everywhere:
    """Play every history and return what was found."""
    faults = Everywhere(fault)
    gc.freeze()  # a collection in a fork would copy what it only looks at
    try:
        ending = live(Setup(seed=1, controllers=controllers, faults=faults), 120.0, make_body)
        said = _judge(ending, faults)
    except BaseException as error:
        if not faults.struck:
            raise
        faults.end(f"{type(error).__name__}: {error}")
    if faults.struck:
        faults.end(said)
    if said:
        faults.violations.append(f"the nominal run: {said}")
    return faults


def _judge(ending: Ending, faults: Everywhere) -> str:
    struck = sum(ending.world.coverage.values())
    if faults.struck:
        if struck != 1:
            return "the fault did not strike"
        return "" if set(ending.states.values()) <= ENDS else f"ended as {ending.states}"
    calls = ending.world.calls
    if ending.states != {"1": "SUCCEEDED", "2": "SUCCEEDED"} or not set(calls) >= NEEDED:
        return f"ended as {ending.states} after {set(calls)}"
    return "" if faults.played == len(calls) else f"{faults.played} of {len(calls)} calls struck"


if __name__ == "__main__":
    found = strike(
        Fault(sys.argv[1]),
        int(sys.argv[2]),
        DirectBody if "--bare" in sys.argv else ReconcilerBody,
    )
    sys.stdout.write("\n".join([str(found.played), *found.violations]) + "\n")
    sys.exit(1 if found.violations else 0)
