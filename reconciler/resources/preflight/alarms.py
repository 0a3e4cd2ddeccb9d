"""Deployment alarms: they exist, and are not in ALARM already (cloudwatch:DescribeAlarms)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from reconciler.model.batches import batches
from reconciler.model.names import Address
from reconciler.resources.preflight.reader import Reader
from reconciler.resources.preflight.scope import Question, Scope, Verdict, gathered, ok, warning

_NAMES = 100
"""Alarm names in one request (botocore: DescribeAlarms)."""


def questions(reader: Reader, scope: Scope) -> Iterator[Question]:
    """Ask for each alarm that a deployment would be judged by."""
    wanted = gathered(alarms_of(scope))
    for name, addresses in wanted.items():
        look = partial(_alarm, reader, name, sorted(wanted))
        yield Question(f"alarm {name}", addresses, look)


def alarms_of(scope: Scope) -> Iterator[tuple[str, Address]]:
    """Yield the names of the alarms that are switched on."""
    for workload in scope.services:
        configuration = workload.fields.get("deploymentConfiguration") or {}
        alarms = configuration.get("alarms") or {}
        if alarms.get("enable"):
            for name in alarms.get("alarmNames") or ():
                yield str(name), workload.address


def _alarm(reader: Reader, name: str, names: Sequence[str]) -> Verdict:
    states: dict[str, str] = {}
    for batch in batches(names, _NAMES):
        for kind in ("MetricAlarms", "CompositeAlarms"):
            found = reader.listed(
                "cloudwatch",
                "DescribeAlarms",
                kind,
                AlarmNames=batch,
                AlarmTypes=["MetricAlarm", "CompositeAlarm"],
            )
            states |= {str(a["AlarmName"]): str(a.get("StateValue", "")) for a in found}
    match states.get(name):
        case None:
            return warning("there is no such alarm: ECS cannot judge a deployment by it")
        case "ALARM":
            # Developer guide, deployment-alarm-failure: so that a fix can be rolled out.
            return warning(
                "in ALARM already: ECS watches no alarm during a rollout that starts now"
            )
        case state:
            return ok(state)
