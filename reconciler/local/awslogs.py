"""The awslogs driver: lines of output become events in the emulated CloudWatch Logs.

Used by the engine's thread only. Streams are named `prefix/container/task-id`, as ECS does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.local.ecs.state import ContainerRun, Task
from reconciler.local.moto_backend import MotoBackend, MotoError
from reconciler.model.clock import Clock

_MAX_LINE = 200_000


class AwsLogs:
    """Log groups and streams in moto; unfinished lines are kept until the container ends."""

    def __init__(self, moto: MotoBackend, clock: Clock) -> None:
        self._moto = moto
        self._clock = clock
        self._rest: dict[str, bytes] = {}
        self._streams: dict[str, tuple[str, str, str]] = {}

    def open(self, task: Task) -> str:
        """Make the streams of a task; returns why the task cannot start, or nothing."""
        for container in task.containers:
            options = _options(container)
            if options is None:
                continue
            region = str(options.get("awslogs-region") or task.cluster.scope[1])
            group, prefix = str(options.get("awslogs-group")), options.get("awslogs-stream-prefix")
            stream = f"{prefix}/{container.name}/{task.id}" if prefix else task.id
            if str(options.get("awslogs-create-group", "")).lower() == "true":
                self._ensure("CreateLogGroup", region, logGroupName=group)
            reason = self._ensure(
                "CreateLogStream", region, logGroupName=group, logStreamName=stream
            )
            if reason:
                return (
                    "ResourceInitializationError: failed to validate logger args: create stream "
                    f"has been retried 1 times: failed to create Cloudwatch log stream: {reason}"
                )
            self._streams[container.arn] = (region, group, stream)
        return ""

    def _ensure(self, operation: str, region: str, **params: str) -> str:
        try:
            self._moto.call("logs", operation, region, **params)
        except MotoError as error:
            if error.code != "ResourceAlreadyExistsException":
                return str(error)
        return ""

    def write(self, container: ContainerRun, data: bytes) -> None:
        """Take output as it comes and ship its whole lines."""
        if container.arn not in self._streams:
            return
        *lines, rest = (self._rest.get(container.arn, b"") + data).split(b"\n")
        if len(rest) > _MAX_LINE:
            lines, rest = [*lines, rest], b""
        self._rest[container.arn] = rest
        self._put(container, lines)

    def finish(self, container: ContainerRun) -> None:
        """Ship what is left of the last line."""
        rest = self._rest.pop(container.arn, b"")
        self._put(container, [rest] if rest else [])
        self._streams.pop(container.arn, None)

    def _put(self, container: ContainerRun, lines: list[bytes]) -> None:
        stream = self._streams.get(container.arn)
        texts = [line.decode("utf-8", "replace").rstrip("\r") for line in lines]
        if stream is None or not any(texts):
            return
        moment = int(self._clock.now().timestamp() * 1000)
        events = [{"timestamp": moment, "message": text} for text in texts if text]
        region, group, name = stream
        try:
            self._moto.call(
                "logs",
                "PutLogEvents",
                region,
                logGroupName=group,
                logStreamName=name,
                logEvents=events,
            )
        except (
            MotoError
        ):  # the group was deleted under a running task: its output is lost, as on AWS
            self._streams.pop(container.arn, None)


def _options(container: ContainerRun) -> Mapping[str, Any] | None:
    configuration = container.definition.get("logConfiguration") or {}
    if configuration.get("logDriver") != "awslogs":
        return None
    return dict(configuration.get("options") or {})
