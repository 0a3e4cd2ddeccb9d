"""A container's log in CloudWatch: where it is, its end, and following it while the task runs.

The one place that reads logs: `runs.diagnosis` takes the tail, `controller.run_output` follows, for every
verb that shows a log. Read only. What is read is the user's own text: masking is left to who shows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from reconciler.aws.door import Aws
from reconciler.model.errors import AwsError, NotFound
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
    pages = [page.lines for page in _backwards(aws, place, most)]
    return [line for lines in reversed(pages) for line in lines]


class Follower:
    """Reads one stream from its head to its end, each event once and in order.

    `aws` is the door to the stream's region. With `last` it begins so many lines before the end of what
    is there at the first look. A stream that is not there yet is an empty one. Holds one page at a time.
    """

    def __init__(self, aws: Aws, place: LogPlace, last: int | None = None) -> None:
        self.place = place
        self._aws, self._last = aws, last
        self._token = ""
        self._quiet_since: float | None = None
        self.count = 0
        """Lines read so far."""
        self.at_end = False
        """Whether the last page was the newest there was."""
        self.error: AwsError | None = None
        """Why the last look failed, None when it did not."""
        self.missing: NotFound | None = None
        """What CloudWatch said when there was no such group or stream at the last look."""

    def page(self) -> list[str]:
        """Return the next lines, none when there are none yet. An error is kept in `error`.

        Reading a log never decides over a run: whoever may not read it still learns how the task ended.
        """
        self.error = self.missing = None
        try:
            found = self._read()
        except NotFound as missing:
            # Whatever comes from now on is new.
            self.at_end, self.missing, self._last = True, missing, None
            return []
        except AwsError as error:
            self.at_end, self.error = True, error
            return []
        self.at_end = found.after in ("", self._token)
        self._token = found.after or self._token
        self.count += len(found.lines)
        return found.lines

    def _read(self) -> _Page:
        if self._last is not None:
            found = _last_page(self._aws, self.place, self._last)
            self._last = None
            return found
        more = {"nextToken": self._token} if self._token else {}
        return _page(self._aws, self.place, limit=MOST_EVENTS, startFromHead=True, **more)

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


@dataclass(frozen=True)
class _Page:
    """Some lines, and the tokens of what comes before and behind them."""

    lines: list[str]
    before: str
    after: str


def _last_page(aws: Aws, place: LogPlace, most: int) -> _Page:
    """Return the page with which the last so many lines begin: the rest of them follows it.

    Only one page is held, however many lines are wanted.
    """
    found = _Page([], "", "")
    for page in _backwards(aws, place, most):
        if page.lines or not found.after:
            found = page
    return found


def _backwards(aws: Aws, place: LogPlace, most: int) -> Iterator[_Page]:
    """Yield pages from the newest to the oldest that hold together the last so many lines."""
    token: dict[str, str] = {}
    left, empty = most, 0
    while empty < _EMPTY_PAGES:
        page = _page(aws, place, limit=max(1, min(MOST_EVENTS, left)), **token)
        lines = page.lines[-left:] if left else []
        yield _Page(lines, page.before, page.after)
        left -= len(lines)
        empty = 0 if lines else empty + 1
        if not left or not page.before or token.get("nextToken") == page.before:
            return
        token = {"nextToken": page.before}


def _page(aws: Aws, place: LogPlace, **params: Any) -> _Page:
    answer = aws.call(
        "logs",
        "GetLogEvents",
        logGroupName=place.group,
        logStreamName=place.stream,
        **params,
    )
    before, after = (str(answer.get(f"next{way}Token") or "") for way in ("Backward", "Forward"))
    return _Page(_lines(answer), before, after)


def _lines(answer: Mapping[str, Any]) -> list[str]:
    """Return the events' texts; a line end of their own is not doubled."""
    return [str(event.get("message", "")).rstrip("\r\n") for event in answer.get("events", ())]
