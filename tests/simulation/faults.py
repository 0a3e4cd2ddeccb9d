"""What can go wrong with one wire call, and who decides that it does."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, ClassVar


class Fault(StrEnum):
    """One misfortune of one wire call."""

    CRASH_BEFORE = "crash before"
    CRASH_AFTER = "crash after"
    LOST_REQUEST = "lost request"
    LOST_RESPONSE = "lost response"
    DELAYED = "delayed"
    DUPLICATED = "duplicated"
    PAUSE_20S = "pause 20 s"
    PAUSE_2H = "pause 2 h"
    FROZEN_2M = "frozen 2 min after signing"
    FROZEN_2H = "frozen 2 h after signing"
    THROTTLED = "throttled"


ALL = tuple(Fault)
VARIANTS = (Fault.PAUSE_20S, Fault.PAUSE_2H, Fault.FROZEN_2H)
"""Milder or longer forms of FROZEN_2M, the pause past the lease that wakes up after the fence."""
KINDS = tuple(fault for fault in ALL if fault not in VARIANTS)

Params = Mapping[str, Any]
Sign = Callable[[str, Params], bool]
"""Recognises a wire call by its operation and parameters."""


class NoFaults:
    """Nothing goes wrong."""

    def draw(self, number: int, operation: str, params: Params) -> Fault | None:
        """Return what goes wrong with call `number`, counted over all processes from 1."""
        return None

    def delay(self) -> float:
        """Return how much later a delayed request arrives: AWS accepts it for 300 s."""
        return 30.0

    def downtime(self) -> float:
        """Return how long a crashed process stays down."""
        return 10.0

    def latency(self) -> float:
        """Return one way of a wire call."""
        return 0.01


class Directed(NoFaults):
    """Given faults at given calls."""

    def __init__(self, plan: Mapping[int, Fault]) -> None:
        self.plan = dict(plan)

    def draw(self, number: int, operation: str, params: Params) -> Fault | None:
        """Return the fault planned for this call."""
        return self.plan.get(number)


class OnSight(NoFaults):
    """Each fault strikes the first call that its sign recognises, in the given order."""

    def __init__(self, plan: Sequence[tuple[Sign, Fault]], *, downtime: float = 10.0) -> None:
        self.plan = list(plan)
        self._downtime = downtime

    def draw(self, number: int, operation: str, params: Params) -> Fault | None:
        """Return the next planned fault if this is its call."""
        if self.plan and self.plan[0][0](operation, params):
            return self.plan.pop(0)[1]
        return None

    def downtime(self) -> float:
        """Return how long a crashed process stays down."""
        return self._downtime


def is_call(wanted: str) -> Sign:
    """Recognise an operation."""
    return lambda operation, _: operation == wanted


def is_commit(action: str) -> Sign:
    """Recognise the transaction that journals this action."""

    def sign(operation: str, params: Params) -> bool:
        return operation == "TransactWriteItems" and f'"action":"{action}"' in str(params)

    return sign


class Seeded(NoFaults):
    """Random faults; calls on which the protocol rests meet more of them."""

    WEIGHTS: ClassVar = {
        "RunTask": 12.0,
        "TransactWriteItems": 5.0,
        "UpdateService": 5.0,
        "StopTask": 5.0,
    }
    KINDS = (
        Fault.CRASH_BEFORE,
        Fault.CRASH_AFTER,
        Fault.LOST_REQUEST,
        Fault.LOST_RESPONSE,
        Fault.LOST_RESPONSE,
        Fault.DELAYED,
        Fault.DELAYED,
        Fault.DUPLICATED,
        Fault.PAUSE_20S,
        Fault.PAUSE_2H,
        Fault.FROZEN_2M,
        Fault.FROZEN_2H,
        Fault.THROTTLED,
        Fault.THROTTLED,
    )

    def __init__(self, chance: random.Random, rate: float, limit: int) -> None:
        self.chance = chance
        self.rate = rate
        self.left = limit

    def draw(self, number: int, operation: str, params: Params) -> Fault | None:
        """Return a fault with a probability that depends on the operation."""
        likely = self.rate * self.WEIGHTS.get(operation, 1.0)
        if self.left <= 0 or self.chance.random() >= likely:
            return None
        self.left -= 1
        return self.chance.choice(self.KINDS)

    def delay(self) -> float:
        """Return how much later a delayed request arrives."""
        return self.chance.choice((1.0, 30.0, 120.0, 290.0))

    def downtime(self) -> float:
        """Return how long a crashed process stays down."""
        return self.chance.choice((1.0, 10.0, 60.0, 4000.0))

    def latency(self) -> float:
        """Return one way of a wire call."""
        return self.chance.choice((0.005, 0.01, 0.05, 0.3))
