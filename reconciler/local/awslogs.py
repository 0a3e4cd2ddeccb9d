"""The awslogs driver: lines of output become events in the emulated CloudWatch Logs.

Used by the engine's thread only. Streams are named `prefix/container/task-id`, as ECS does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.local.ecs.state import ContainerRun, Task
from reconciler.local.log_streams import LogsError, LogStreams, batches
from reconciler.local.moto_backend import MotoBackend, MotoError
from reconciler.model.clock import Clock

_MAX_EVENT = 262_144 - 26
"""Bytes of one event: the driver makes several of a longer line (moby, awslogs: maximumBytesPerEvent)."""


class AwsLogs:
    """Ships to the streams, as batches; unfinished lines are kept until the container ends."""

    def __init__(self, moto: MotoBackend, streams: LogStreams, clock: Clock) -> None:
        self._moto = moto
        self._cloudwatch = streams
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
                self._make_group(region, group)
            reason = self._make_stream(region, group, stream)
            if reason:
                return (
                    "ResourceInitializationError: failed to validate logger args: create stream "
                    f"has been retried 1 times: failed to create Cloudwatch log stream: {reason}"
                )
            self._streams[container.arn] = (region, group, stream)
        return ""

    def _make_group(self, region: str, group: str) -> None:
        try:
            self._moto.call("logs", "CreateLogGroup", region, logGroupName=group)
        except MotoError:
            return  # it is there, or making the stream says what is wrong

    def _make_stream(self, region: str, group: str, stream: str) -> str:
        names = {"logGroupName": group, "logStreamName": stream}
        try:
            self._cloudwatch.answer("CreateLogStream", region, names)
        except LogsError as error:
            if error.code != "ResourceAlreadyExistsException":
                return f"{error.code}: {error}"
        return ""

    def write(self, container: ContainerRun, data: bytes) -> None:
        """Take output as it comes and ship its whole lines."""
        if container.arn not in self._streams:
            return
        *lines, rest = (self._rest.get(container.arn, b"") + data).split(b"\n")
        while len(rest) > _MAX_EVENT:
            end = _whole_characters(rest)
            lines, rest = [*lines, rest[:end]], rest[end:]
        self._rest[container.arn] = rest
        self._put(container, lines)

    def finish(self, container: ContainerRun) -> None:
        """Ship what is left of the last line."""
        rest = self._rest.pop(container.arn, b"")
        self._put(container, [rest] if rest else [])
        self._streams.pop(container.arn, None)

    def _put(self, container: ContainerRun, lines: list[bytes]) -> None:
        stream = self._streams.get(container.arn)
        moment = int(self._clock.now().timestamp() * 1000)
        events = [(moment, text) for line in lines for text in _texts(line)]
        if stream is None or not events:
            return
        region, group, name = stream
        names = {"logGroupName": group, "logStreamName": name}
        try:
            for batch in batches(events):
                self._cloudwatch.answer("PutLogEvents", region, {**names, "logEvents": batch})
        except LogsError:
            # The group was deleted under a running task: its output is lost, as on AWS.
            self._streams.pop(container.arn, None)


def _texts(line: bytes) -> Iterator[str]:
    """Yield the events of a line; none for an empty one, which CloudWatch does not take."""
    while line:
        end = _whole_characters(line)
        if text := line[:end].decode("utf-8", "replace").rstrip("\r"):
            yield text
        line = line[end:]


def _whole_characters(line: bytes) -> int:
    """Return where to cut, so that no character is torn (moby, awslogs: findValidSplit)."""
    end = min(len(line), _MAX_EVENT)
    while end < len(line) and end > _MAX_EVENT - 4 and line[end] & 0xC0 == 0x80:  # noqa: PLR2004 - UTF-8
        end -= 1
    return end


def _options(container: ContainerRun) -> Mapping[str, Any] | None:
    configuration = container.definition.get("logConfiguration") or {}
    if configuration.get("logDriver") != "awslogs":
        return None
    return dict(configuration.get("options") or {})
