"""Which CloudWatch alarms are in ALARM, asked of moto for the deployments of `ecs`."""

from __future__ import annotations

import time
from collections.abc import Sequence

from reconciler.local.moto_backend import MotoBackend

_REMEMBER_SECONDS = 0.1
"""ECS asks on every tick; moto takes milliseconds for an answer."""


class AlarmStates:
    """Answers `World.alarms_in_alarm`."""

    def __init__(self, moto: MotoBackend) -> None:
        self._moto = moto
        self._asked: dict[tuple[str, ...], tuple[float, Sequence[str]]] = {}

    def in_alarm(self, scope: tuple[str, str], names: Sequence[str]) -> Sequence[str]:
        """Return those of the named alarms that are in ALARM; one that does not exist is not."""
        if not names:
            return ()
        key = (scope[1], *names)
        asked_at, known = self._asked.get(key, (0.0, ()))
        if time.monotonic() - asked_at >= _REMEMBER_SECONDS:
            known = self._ask(scope[1], names)
            self._asked[key] = (time.monotonic(), known)
        return known

    def _ask(self, region: str, names: Sequence[str]) -> Sequence[str]:
        members = {f"AlarmNames.member.{n}": name for n, name in enumerate(names, 1)}
        answer = self._moto.submit("monitoring", "DescribeAlarms", region, **members)
        return [
            str(alarm.findtext("{*}AlarmName"))
            for alarm in answer.findall(".//{*}MetricAlarms/{*}member")
            if alarm.findtext("{*}StateValue") == "ALARM"
        ]
