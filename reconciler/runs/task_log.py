"""A container's log in CloudWatch: where it is, its end, and following it while the task runs.

The one place that reads logs: `runs.diagnosis` and `migration logs` take the tail, `task run` and
`task logs` follow. Read only. What is read is the user's own text: masking is left to who shows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from reconciler.aws.door import Aws
from reconciler.model.errors import AccessDenied, AwsError, NotFound
from reconciler.model.names import last_part

MOST_EVENTS = 10_000
"""Of one page (logs GetLogEvents)."""

SETTLES = timedelta(seconds=3)
"""How long a stopped task's log must bring nothing new: the driver has shipped it all when the container
ends, and CloudWatch shows an event some moments after it took it."""

_EMPTY_PAGES = 20
"""GetLogEvents may answer with an empty page although more follows: how many are looked behind."""


@dataclass(frozen=True)
class LogPlace:
    """A stream of CloudWatch Logs."""

    region: str
    group: str
    stream: str

    def __str__(self) -> str:
        """Spell it for a person."""
        return f"{self.group} {self.stream}"


def place_of(
    task_definition: Mapping[str, Any], container: str, task_arn: str
) -> tuple[LogPlace | None, str]:
    """Return where a container of a task logs to, or None and why that cannot be read here.

    Streams are named `prefix/container/task-id` (ECS, awslogs-stream-prefix).
    """
    containers = task_definition.get("containerDefinitions", ())
    named = next((c for c in containers if c.get("name") == container), None)
    if named is None:
        return None, f"there is no container {container}"
    log = named.get("logConfiguration") or {}
    driver, options = log.get("logDriver"), log.get("options") or {}
    if driver is None:
        return None, f"container {container} has no logConfiguration: its output is kept nowhere"
    if driver != "awslogs":
        hint = " (look where FireLens sends it)" if driver == "awsfirelens" else ""
        return None, f"container {container} logs with {driver}{hint}, not to CloudWatch (awslogs)"
    if "awslogs-stream-prefix" not in options:
        return (
            None,
            f"container {container} has no awslogs-stream-prefix: its stream has no known name",
        )
    region = str(options.get("awslogs-region") or task_arn.split(":")[3])
    stream = f"{options['awslogs-stream-prefix']}/{container}/{last_part(task_arn)}"
    return LogPlace(region, str(options["awslogs-group"]), stream), ""


def tail(aws: Aws, place: LogPlace, most: int) -> list[str]:
    """Return the last lines of a stream, oldest first. Raises AwsError, NotFound without a stream."""
    found: list[str] = []
    token: dict[str, str] = {}
    empty = 0
    while len(found) < most and empty < _EMPTY_PAGES:
        answer = _page(aws, place, limit=min(MOST_EVENTS, most - len(found)), **token)
        page = _lines(answer)
        found = page + found
        empty = 0 if page else empty + 1
        after = str(answer.get("nextBackwardToken") or "")
        if not after or token.get("nextToken") == after:
            break
        token = {"nextToken": after}
    return found[-most:]


class Follower:
    """Reads one stream from its head to its end, each event once and in order.

    `aws` is the door to the stream's region. A stream that is not there yet is an empty one.
    """

    def __init__(self, aws: Aws, place: LogPlace) -> None:
        self.place = place
        self._aws = aws
        self._token: dict[str, str] = {}
        self._quiet_since: float | None = None
        self.count = 0
        """Lines read so far."""
        self.at_end = False
        """Whether the last page was the newest there was."""
        self.problem = ""
        """Why the last look failed, empty when it did not."""
        self.is_denied = False
        """Whether it failed for want of a permission, which no waiting gives."""

    def page(self) -> list[str]:
        """Return the next lines, none when there are none yet. An error is kept in `problem`.

        Reading a log never decides over a run: whoever may not read it still learns how the task ended.
        """
        try:
            answer = _page(
                self._aws, self.place, limit=MOST_EVENTS, startFromHead=True, **self._token
            )
        except NotFound:
            self.at_end, self.problem = True, ""
            return []
        except AwsError as error:
            self.at_end, self.problem = True, str(error)
            self.is_denied = isinstance(error, AccessDenied)
            return []
        after = str(answer.get("nextForwardToken") or "")
        self.at_end = not after or after == self._token.get("nextToken")
        self.problem = ""
        if after:
            self._token = {"nextToken": after}
        lines = _lines(answer)
        self.count += len(lines)
        return lines

    def pages(self, most: int) -> Iterator[list[str]]:
        """Yield what is there now, at most so many pages: a busy log must not keep us from the task."""
        for _ in range(most):
            lines = self.page()
            if lines:
                yield lines
            if self.at_end:
                return

    def settled(self, seconds: float, *, news: bool) -> bool:
        """Whether the log of a stopped task is complete by now: at its end, and quiet for `SETTLES`.

        `seconds` is the clock's, `news` whether this look brought something.
        """
        if news or not self.at_end or self._quiet_since is None:
            self._quiet_since = seconds
            return False
        return seconds - self._quiet_since >= SETTLES.total_seconds()


def _page(aws: Aws, place: LogPlace, **params: Any) -> dict[str, Any]:
    return aws.call(
        "logs",
        "GetLogEvents",
        logGroupName=place.group,
        logStreamName=place.stream,
        **params,
    )


def _lines(answer: Mapping[str, Any]) -> list[str]:
    """Return the events' texts; a line end of their own is not doubled."""
    return [str(event.get("message", "")).rstrip("\r\n") for event in answer.get("events", ())]
