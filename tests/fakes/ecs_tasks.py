"""Tasks of the fake ECS: RunTask's token rule, the life of a task, what can be seen of it and how long.

The guard container runs the product's own `runs.guard.claim` against the fake DynamoDB; the named
container is a model of the user's command, reported to `Commands`.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.aws.translate import from_code
from reconciler.model.errors import ConditionFailed
from reconciler.runs import guard
from tests.fakes.ecs_nature import Commands, Execution, Nature
from tests.fakes.timeline import Timeline

DAY, HOUR = 86_400.0, 3_600.0
GUARD = "reconciler-guard"


@dataclass
class Task:
    """A task as ECS knows it."""

    arn: str
    cluster: str
    request: dict[str, Any]
    definition: dict[str, Any]
    created: float
    visible: float
    status: str = "PROVISIONING"
    desired: str = "RUNNING"
    started: float | None = None
    stopped: float | None = None
    stop_code: str = ""
    reason: str = ""
    containers: dict[str, dict[str, Any]] = field(default_factory=dict)
    execution: Execution | None = None

    @property
    def main(self) -> str:
        """The container that holds the user's command."""
        return next(
            c["name"] for c in self.definition["containerDefinitions"] if c["name"] != GUARD
        )

    @property
    def guarded(self) -> bool:
        """Whether the user's container waits for the guard."""
        return any(
            d["containerName"] == GUARD and d["condition"] == "SUCCESS"
            for c in self.definition["containerDefinitions"]
            for d in c.get("dependsOn", ())
        )

    def environment(self, container: str) -> dict[str, str]:
        """Return a container's environment with the overrides of RunTask."""
        found: dict[str, str] = {}
        overrides = self.request.get("overrides", {}).get("containerOverrides", ())
        for source in (*self.definition["containerDefinitions"], *overrides):
            if source["name"] == container:
                found.update({e["name"]: e["value"] for e in source.get("environment", ())})
        return found


@dataclass
class _Remembered:
    request: dict[str, Any]
    at: float
    task: Task | None
    failures: list[dict[str, Any]]


__all__ = ["Commands", "Execution", "Nature", "Tasks"]


class Tasks:
    """RunTask, StopTask, DescribeTasks, ListTasks."""

    def __init__(
        self,
        timeline: Timeline,
        nature: Nature,
        definition: Callable[[str], dict[str, Any] | None],
    ) -> None:
        self.timeline = timeline
        self.nature = nature
        self.commands = Commands()
        self.dynamodb: Callable[[str, Mapping[str, Any]], dict[str, Any]] | None = None
        self.by_arn: dict[str, Task] = {}
        self.refused_by_guard = 0
        self.deduplicated = 0
        self.forgotten_tokens = 0
        self._definition = definition
        self._tokens: dict[tuple[str, str], _Remembered] = {}
        self._numbers = itertools.count(1)
        self._nonces = itertools.count(1)

    # -- API ----------------------------------------------------------------------------------

    def RunTask(self, wanted: dict[str, Any]) -> dict[str, Any]:
        definition = self._definition(wanted["taskDefinition"])
        if definition is None:
            raise from_code("ecs:RunTask", "ClientException", "TaskDefinition not found.")
        token = (wanted["cluster"], wanted.get("clientToken", f"auto-{next(self._numbers)}"))
        known = self._remembered(token)
        if known is not None:
            return self._replay(known, wanted)
        why = self.nature.refuses(wanted)
        if why:
            failures = [{"arn": f"arn:aws:ecs:container-instance/{token[0]}", "reason": why}]
            self._tokens[token] = _Remembered(wanted, self.timeline.seconds, None, failures)
            return {"tasks": [], "failures": failures}
        task = self._create(wanted, definition)
        self._tokens[token] = _Remembered(wanted, self.timeline.seconds, task, [])
        return {"tasks": [self._shape(task)], "failures": []}

    def StopTask(self, wanted: dict[str, Any]) -> dict[str, Any]:
        task = self._known(wanted["task"])
        if task is None:
            raise from_code(
                "ecs:StopTask", "InvalidParameterException", "The referenced task was not found."
            )
        if task.desired != "STOPPED":
            task.desired = "STOPPED"
            task.reason = wanted.get("reason", "")
            task.stop_code = "UserInitiated"
            if task.execution is None:
                self._stop(task, "UserInitiated", task.reason)
            else:
                self.timeline.at(self.nature.stop_grace(), lambda: self._end(task, 137))
        return {"task": self._shape(task)}

    def DescribeTasks(self, wanted: dict[str, Any]) -> dict[str, Any]:
        if len(wanted["tasks"]) > 100:
            raise from_code("ecs:DescribeTasks", "InvalidParameterException", "Too many tasks.")
        tasks, failures = [], []
        for name in wanted["tasks"]:
            task = self._known(name)
            if (
                task is None
                or task.cluster != wanted["cluster"]
                or self.timeline.seconds < task.visible
            ):
                failures.append({"arn": name, "reason": "MISSING"})
            else:
                tasks.append(self._shape(task))
        return {"tasks": tasks, "failures": failures}

    def ListTasks(self, wanted: dict[str, Any]) -> dict[str, Any]:
        from tests.fakes.ecs import paged

        if "startedBy" in wanted and {"family", "serviceName", "containerInstance"} & set(wanted):
            raise from_code(
                "ecs:ListTasks", "InvalidParameterException", "startedBy must be the only filter."
            )
        status = wanted.get("desiredStatus", "RUNNING")
        found = [
            task.arn
            for task in self.by_arn.values()
            if self._known(task.arn) is not None
            and self.timeline.seconds >= task.visible
            and task.cluster == wanted["cluster"]
            and task.desired == status
            and task.request.get("startedBy", "")
            == wanted.get("startedBy", task.request.get("startedBy", ""))
            and task.definition["family"] == wanted.get("family", task.definition["family"])
        ]
        return paged(found, wanted, "taskArns", 100)

    # -- tokens and visibility ----------------------------------------------------------------

    def _remembered(self, token: tuple[str, str]) -> _Remembered | None:
        known = self._tokens.get(token)
        if known is None:
            return None
        now, task = self.timeline.seconds, known.task
        ends = known.at + HOUR if task is None else known.at + DAY
        if task is not None and task.stopped is not None:
            ends = min(ends, task.stopped + HOUR)
        if now < ends:
            return known
        self.forgotten_tokens += 1
        del self._tokens[token]
        return None

    def _replay(self, known: _Remembered, wanted: dict[str, Any]) -> dict[str, Any]:
        if json.dumps(known.request, sort_keys=True) != json.dumps(wanted, sort_keys=True):
            arns = [known.task.arn] if known.task else []
            raise from_code(
                "ecs:RunTask",
                "ConflictException",
                "The clientToken was used with other parameters.",
                response={"resourceIds": arns},
            )
        self.deduplicated += 1
        if known.task is None:
            return {"tasks": [], "failures": known.failures}
        shape = self._shape(known.task)
        if known.task.stopped is not None:
            shape = {k: shape[k] for k in ("taskArn", "lastStatus", "desiredStatus")}
        return {"tasks": [shape], "failures": []}

    def _known(self, name: str) -> Task | None:
        task = self.by_arn.get(name)
        if task is None or (
            task.stopped is not None and self.timeline.seconds > task.stopped + HOUR
        ):
            return None
        return task

    # -- life ---------------------------------------------------------------------------------

    def _create(self, wanted: dict[str, Any], definition: dict[str, Any]) -> Task:
        now = self.timeline.seconds
        number = next(self._numbers)
        task = Task(
            arn=f"arn:aws:ecs:ap-northeast-1:123456789012:task/{wanted['cluster']}/{number:032x}",
            cluster=wanted["cluster"],
            request=wanted,
            definition=definition,
            created=now,
            visible=now + self.nature.visible_after(),
        )
        task.containers = {
            c["name"]: {"lastStatus": "PENDING"} for c in definition["containerDefinitions"]
        }
        self.by_arn[task.arn] = task
        self.timeline.at(self.nature.boot(), lambda: self._boot(task))
        return task

    def _boot(self, task: Task) -> None:
        if task.stopped is not None:
            return
        task.status = "PENDING"
        if self.nature.fails_to_start():
            self._stop(task, "TaskFailedToStart", "CannotPullContainerError: no such image")
            return
        if task.guarded and not self._guard(task):
            return
        task.status = "RUNNING"
        task.started = self.timeline.seconds
        task.containers[task.main].update(lastStatus="RUNNING", runtimeId="r-1")
        task.execution = Execution(
            token=task.request.get("clientToken", ""),
            arn=task.arn,
            environment=task.environment(task.main),
            started=self.timeline.seconds,
        )
        self.commands.start(task.execution)
        code = self.nature.exit_code()
        self.timeline.at(self.nature.duration(), lambda: self._end(task, code))

    def _guard(self, task: Task) -> bool:
        """Run the real guard in the task; whether the user's command may start."""
        code = self._claim(task)
        state = task.containers[GUARD]
        state.update(lastStatus="STOPPED", exitCode=code, runtimeId="g-1")
        if code != guard.CLAIMED:
            self.refused_by_guard += 1
            self._stop(task, "TaskFailedToStart", "dependency reconciler-guard did not succeed")
            return False
        if self.nature.guard_dies():
            self._stop(task, "TaskFailedToStart", "the host was terminated")
            return False
        return True

    def _claim(self, task: Task) -> int:
        environment = task.environment(GUARD)
        wanted = guard.request(
            environment["RECONCILER_CLAIMS_TABLE"],
            environment["RECONCILER_CLAIM_KEY"],
            task.arn,
            f"nonce-{next(self._nonces)}",
        )
        lost = [self.nature.guard_answer_lost()]

        def send(item: Mapping[str, Any]) -> None:
            if self.dynamodb is None:
                raise AssertionError("the fake ECS was given no DynamoDB for its guard")
            try:
                self.dynamodb("UpdateItem", item)
            except ConditionFailed as refused:
                raise guard.ClaimRefused(refused.response.get("Item")) from refused
            if lost.pop() if lost else False:
                raise TimeoutError("the answer was lost")

        return guard.claim(
            send,
            wanted,
            say=lambda _: None,
            pause=lambda _: None,
            now=lambda: self.timeline.seconds,
        )

    def _end(self, task: Task, code: int) -> None:
        if task.stopped is not None or task.execution is None:
            return
        self.commands.end(task.execution, code, self.timeline.seconds)
        container = task.containers[task.main]
        container["lastStatus"] = "STOPPED"
        if not self.nature.host_lost():
            container["exitCode"] = code
            self._stop(
                task,
                task.stop_code or "EssentialContainerExited",
                task.reason or "Essential container in task exited",
            )
        else:
            self._stop(task, "TerminationNotice", "Host EC2 (instance i-1) terminated.")

    def _stop(self, task: Task, code: str, reason: str) -> None:
        task.status, task.desired = "STOPPED", "STOPPED"
        task.stop_code, task.reason = code, reason
        task.stopped = self.timeline.seconds

    def _shape(self, task: Task) -> dict[str, Any]:
        shape: dict[str, Any] = {
            "taskArn": task.arn,
            "clusterArn": f"arn:aws:ecs:ap-northeast-1:123456789012:cluster/{task.cluster}",
            "taskDefinitionArn": task.definition["taskDefinitionArn"],
            "lastStatus": task.status,
            "desiredStatus": task.desired,
            "startedBy": task.request.get("startedBy", ""),
            "createdAt": self.timeline.time_of(task.created),
            "containers": [{"name": n, **c} for n, c in task.containers.items()],
        }
        if task.started is not None:
            shape["startedAt"] = self.timeline.time_of(task.started)
        if task.stopped is not None:
            shape["stoppedAt"] = self.timeline.time_of(task.stopped)
            shape["stopCode"], shape["stoppedReason"] = task.stop_code, task.reason
        return shape
