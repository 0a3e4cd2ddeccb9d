"""Faults on the wire of the embedded AWS, and the record of the calls it got. In-process only.

`front` asks `Faults.take` for every request. A target is `service:Operation` with botocore's names;
`*` matches anything, as in `ecs:*`.
"""

from __future__ import annotations

import fnmatch
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

_KEPT_CALLS = 20000


class Effect(StrEnum):
    """What happens to a request. DROP_AFTER carries it out and loses the answer."""

    DROP_BEFORE = "drop before"
    DROP_AFTER = "drop after"
    ERROR = "error"
    ERROR_AFTER = "error after"
    DELAY = "delay"
    HOLD_BEFORE = "hold before"
    HOLD_AFTER = "hold after"
    TRUNCATE = "truncate"


@dataclass(frozen=True)
class Call:
    """One request as it arrived; `params` are empty for services that do not speak JSON."""

    service: str
    operation: str
    params: Mapping[str, Any]

    def __str__(self) -> str:
        """Spell it `service:Operation`."""
        return f"{self.service}:{self.operation}"


@dataclass
class Fault:
    """One rule. `times` is how often it still fires, `skip` how many matching calls pass first."""

    target: str
    effect: Effect
    times: int = 1
    skip: int = 0
    code: str = ""
    message: str = "injected"
    status: int = 400
    seconds: float = 0.0
    when: Callable[[Call], bool] | None = None
    fired: int = 0
    arrived: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def release(self) -> None:
        """Let held requests go on."""
        self.released.set()

    def matches(self, call: Call) -> bool:
        """Whether the rule is about this call."""
        if not fnmatch.fnmatchcase(str(call), self.target):
            return False
        return self.when is None or self.when(call)


class Faults:
    """The rules in force, first match wins, and the calls seen."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Fault] = []
        self._calls: deque[Call] = deque(maxlen=_KEPT_CALLS)

    def add(self, fault: Fault) -> Fault:
        """Put a rule in force and return it."""
        with self._lock:
            self._rules.append(fault)
        return fault

    def drop_before(self, target: str, *, times: int = 1, skip: int = 0) -> Fault:
        """Lose the request: nothing happens, the connection closes."""
        return self.add(Fault(target, Effect.DROP_BEFORE, times=times, skip=skip))

    def drop_after(self, target: str, *, times: int = 1, skip: int = 0) -> Fault:
        """Lose the answer: it happened, the connection closes."""
        return self.add(Fault(target, Effect.DROP_AFTER, times=times, skip=skip))

    def error(
        self,
        target: str,
        code: str,
        *,
        times: int = 1,
        status: int = 400,
        message: str = "injected",
    ) -> Fault:
        """Answer with an AWS error instead; nothing happens."""
        rule = Fault(target, Effect.ERROR, times=times, code=code, status=status, message=message)
        return self.add(rule)

    def error_after(self, target: str, code: str, *, times: int = 1, status: int = 500) -> Fault:
        """Carry it out and answer with an AWS error."""
        return self.add(Fault(target, Effect.ERROR_AFTER, times=times, code=code, status=status))

    def deny(self, target: str, *, times: int = 1_000_000) -> Fault:
        """Answer AccessDeniedException, as IAM does, until cleared."""
        message = (
            f"User: arn:aws:iam::123456789012:user/embedded is not authorized to perform: {target}"
        )
        return self.error(target, "AccessDeniedException", times=times, message=message)

    def throttle(self, target: str, *, times: int = 1) -> Fault:
        """Answer ThrottlingException; nothing happens."""
        return self.error(target, "ThrottlingException", times=times, message="Rate exceeded")

    def delay(self, target: str, seconds: float, *, times: int = 1) -> Fault:
        """Wait, then carry on."""
        return self.add(Fault(target, Effect.DELAY, times=times, seconds=seconds))

    def hold(self, target: str, *, after: bool = False, times: int = 1) -> Fault:
        """Stop the request (or its answer) until `release()`; `arrived` is set when it got there."""
        effect = Effect.HOLD_AFTER if after else Effect.HOLD_BEFORE
        return self.add(Fault(target, effect, times=times))

    def clear(self) -> None:
        """End all rules and let everything that is held go on."""
        with self._lock:
            rules, self._rules = self._rules, []
        for rule in rules:
            rule.release()

    def take(self, call: Call) -> Fault | None:
        """Record a call and return the rule that hits it, if any."""
        with self._lock:
            self._calls.append(call)
            for rule in self._rules:
                if rule.times <= 0 or not rule.matches(call):
                    continue
                if rule.skip > 0:
                    rule.skip -= 1
                    continue
                rule.times -= 1
                rule.fired += 1
                return rule
        return None

    def calls(self, target: str = "*") -> list[Call]:
        """Return the calls seen that match, oldest first."""
        with self._lock:
            return [c for c in self._calls if fnmatch.fnmatchcase(str(c), target)]

    def forget_calls(self) -> None:
        """Start counting anew."""
        with self._lock:
            self._calls.clear()
