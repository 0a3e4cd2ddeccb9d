"""A stage for runs that somebody waits for, in virtual time, with CloudWatch Logs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from reconciler.aws.translate import from_code
from reconciler.controller.audience import Audience
from reconciler.controller.one_off import OneOffs, Place
from reconciler.local.log_streams import LogsError, LogStreams
from reconciler.model.work import Work
from tests.fakes.ecs_nature import Exits
from tests.fakes.ecs_tasks import Nature
from tests.runs.kinds_stage import Kinds

OPTIONS = {"awslogs-group": "/g", "awslogs-stream-prefix": "p", "awslogs-region": "eu-west-1"}
CLOUDWATCH = {"logDriver": "awslogs", "options": OPTIONS}


class Dies(BaseException):
    """Kill -9: nothing may catch it."""


@dataclass
class Person:
    """Hears and waits in virtual time; `at` says what happens at which second."""

    stage: Kinds
    at: dict[float, Callable[[], None]] = field(default_factory=dict)
    stop: bool = False
    leave: bool = False
    statuses: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)

    def pause(self, length: timedelta) -> None:
        self.stage.timeline.advance(max(length, timedelta(milliseconds=10)))
        for second in [s for s in self.at if s <= self.stage.timeline.seconds]:
            self.at.pop(second)()

    def moved(self, _number: int, _arn: str, status: str) -> None:
        self.statuses.append(status)

    def said(self, _number: int, message: str) -> None:
        self.remarks.append(message)

    def lines(self, _number: int, lines: Sequence[str]) -> None:
        self.text += lines


class Story:
    """A stage, somebody who waits, and CloudWatch Logs."""

    def __init__(self, nature: Nature | None = None, *, guard: bool = True) -> None:
        self.stage = Kinds(nature or Exits(0), guard=guard)
        self.streams = LogStreams(self.stage.timeline, lambda *_: True)
        self.stage.transport.handlers["logs"] = self._logs
        self.person = Person(self.stage)
        self.denied: set[str] = set()
        self.stage.transport.before = self._before
        self.calls = 0
        self.dies_at = 0

    def _before(self, service: str, operation: str, _params: Mapping[str, Any]) -> None:
        self.calls += 1
        if self.calls == self.dies_at:
            raise Dies
        if operation in self.denied:
            raise from_code(f"{service}:{operation}", "AccessDeniedException", "no")

    def _logs(self, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return self.streams.answer(operation, "", params)
        except LogsError as error:
            raise from_code(f"logs:{operation}", error.code, str(error)) from error

    def write(self, arn: str, *messages: str) -> None:
        """Let a task's container write."""
        names = {"logGroupName": "/g", "logStreamName": f"p/app/{arn.rpartition('/')[2]}"}
        with contextlib.suppress(LogsError):
            self.streams.answer("CreateLogStream", "", names)
        at = int(self.stage.timeline.now().timestamp() * 1000)
        events = [{"timestamp": at, "message": m} for m in messages]
        self.streams.answer("PutLogEvents", "", {**names, "logEvents": events})

    def work(self, key: str = "k1", **changes: Any) -> Work:
        """Return the work of a task whose container logs to CloudWatch."""
        return self.stage.task(key, **{"task_definition": self.logging(), **changes})

    def job(self, **changes: Any) -> Work:
        """Return the work of an occurrence whose container logs to CloudWatch."""
        return self.stage.job(**{"task_definition": self.logging(), **changes})

    def logging(self, log: Mapping[str, Any] = CLOUDWATCH) -> dict[str, Any]:
        """Return the task definition with another log configuration."""
        document = self.stage.task().task_definition
        containers = [{**c, "logConfiguration": log} for c in document["containerDefinitions"]]
        return {**document, "containerDefinitions": containers}

    def follow(
        self, *works: Work, key: str = "", detach: bool = False, person: Person | None = None
    ) -> list[Any]:
        """Follow tasks as one process does; `key` is the one that was given for all of them."""
        wanted = {work.key: work for work in works}
        person = person or self.person
        follow = OneOffs(self.place, wanted, Audience(person, person), key=key)
        return follow.follow(detach=detach)

    @property
    def place(self) -> Place:
        """What tasks are followed in."""
        return Place(self.stage.aws, self.stage.store, self.stage.desired, "arn:me")

    @property
    def audience(self) -> Audience:
        """Whoever waits."""
        return Audience(self.person, self.person)

    @property
    def arn(self) -> str:
        """The newest task."""
        return list(self.stage.ecs.tasks.by_arn)[-1]
