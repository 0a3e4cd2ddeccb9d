"""Following a log: every line once and in order, to the last one, whatever CloudWatch answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.aws.door import Aws
from reconciler.aws.translate import from_code
from reconciler.local.log_streams import LogsError, LogStreams
from reconciler.model.errors import NotFound
from reconciler.runs.task_log import SETTLES, Follower, LogPlace, place_of, tail
from tests.fakes.timeline import Timeline
from tests.fakes.transport import FakeTransport

PLACE = LogPlace("eu-west-1", "/ecs/shop", "app/app/aaa")
NAMES = {"logGroupName": PLACE.group, "logStreamName": PLACE.stream}
ARN = "arn:aws:ecs:eu-west-1:123456789012:task/production/aaa"


class Cloud:
    """CloudWatch Logs with one stream, asked through the door; `holes` answers so many pages empty."""

    def __init__(self) -> None:
        self.timeline = Timeline()
        self.streams = LogStreams(self.timeline, lambda *_: True)
        self.transport = FakeTransport(self.timeline, {"logs": self._handle})
        self.aws = Aws(self.transport, self.timeline, deadline=timedelta(seconds=1))
        self.failing = ""
        self.holes = 0

    def begin(self) -> None:
        """Make the stream."""
        self.streams.answer("CreateLogStream", "", NAMES)

    def say(self, *messages: str, later: int = 0) -> None:
        """Put events, all of one millisecond."""
        at = int(self.timeline.now().timestamp() * 1000) + later
        events = [{"timestamp": at, "message": m} for m in messages]
        self.streams.answer("PutLogEvents", "", {**NAMES, "logEvents": events})

    def _handle(self, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        if self.failing:
            raise from_code(f"logs:{operation}", self.failing, "no")
        if self.holes:
            self.holes -= 1
            token = f"{params.get('nextToken', 'f/0/0')}"
            far = (
                f"f/0/-{self.holes + 1}"
                if params.get("startFromHead")
                else f"b/9{'9' * 15}/{self.holes}"
            )
            return {
                "events": [],
                "nextForwardToken": far if far != token else "f/0/0",
                "nextBackwardToken": far,
            }
        try:
            return self.streams.answer(operation, "", params)
        except LogsError as error:
            raise from_code(f"logs:{operation}", error.code, str(error)) from error


@pytest.fixture
def cloud() -> Cloud:
    """Return it with its stream."""
    found = Cloud()
    found.begin()
    return found


def everything(follower: Follower, most: int = 100) -> list[str]:
    """Read what is there."""
    return [line for page in follower.pages(most) for line in page]


@given(
    st.lists(st.lists(st.text("xyz", min_size=1, max_size=4), min_size=1, max_size=9), max_size=9)
)
def test_each_line_comes_once_and_in_order(chunks: list[list[str]]) -> None:
    """However the output is cut into batches and looks, what is read is what was said."""
    cloud = Cloud()
    cloud.begin()
    follower, read = Follower(cloud.aws, PLACE), []
    for chunk in chunks:
        cloud.say(*chunk)
        read += everything(follower)
    read += everything(follower)

    assert read == [message for chunk in chunks for message in chunk]
    assert follower.count == len(read)


def test_more_than_a_page_is_read_to_the_end(cloud: Cloud) -> None:
    """25,000 lines of the same millisecond are three pages; the look after them is empty."""
    lines = [f"line {n}" for n in range(25_000)]
    for start in range(0, len(lines), 10_000):
        cloud.say(*lines[start : start + 10_000])
    follower = Follower(cloud.aws, PLACE)

    assert everything(follower) == lines
    assert follower.at_end
    assert everything(follower) == []


def test_an_empty_page_is_not_the_end(cloud: Cloud) -> None:
    """GetLogEvents may answer nothing although more follows: only a token that comes back ends it."""
    cloud.say("first", "second")
    cloud.holes = 3

    assert everything(Follower(cloud.aws, PLACE)) == ["first", "second"]
    cloud.holes = 3
    assert tail(cloud.aws, PLACE, 10) == ["first", "second"]


def test_a_stream_that_is_not_there_yet_is_empty() -> None:
    """A task that starts has no stream: nothing is read, and later everything."""
    cloud = Cloud()
    follower = Follower(cloud.aws, PLACE)
    assert everything(follower) == []
    assert (follower.at_end, follower.error) == (True, None)
    assert "does not exist" in str(follower.missing)

    cloud.begin()
    cloud.say("here")
    assert everything(follower) == ["here"]
    assert follower.missing is None


def test_an_error_is_kept_and_reading_goes_on_where_it_was(cloud: Cloud) -> None:
    """A refusal does not end the run: it is told, and the next look misses nothing."""
    follower = Follower(cloud.aws, PLACE)
    cloud.say("one")
    assert everything(follower) == ["one"]
    cloud.failing = "AccessDeniedException"
    cloud.say("two")
    assert everything(follower) == []
    assert "GetLogEvents" in str(follower.error)

    cloud.failing = ""
    assert everything(follower) == ["two"]
    assert follower.error is None


def test_a_stopped_tasks_log_is_complete_once_it_is_quiet(cloud: Cloud) -> None:
    """What arrives late begins the wait anew; after three quiet seconds it is complete."""
    follower, seconds, read = Follower(cloud.aws, PLACE), 0.0, []
    quiet = SETTLES.total_seconds()
    late = {1.0: "one", 3.5: "two"}
    for _ in range(20):
        if message := late.get(seconds):
            cloud.say(message)
        news = everything(follower)
        read += news
        if follower.settled(seconds, news=bool(news)):
            break
        seconds += 0.5

    assert read == ["one", "two"]
    assert seconds == 3.5 + quiet


def test_the_tail_takes_the_newest_lines_over_pages(cloud: Cloud) -> None:
    """Of long lines a page holds few: pages are put together, the newest lines last."""
    for n in range(5):
        cloud.say(f"{n}" + "x" * 600_000, later=n)

    assert [line[0] for line in tail(cloud.aws, PLACE, 4)] == ["1", "2", "3", "4"]
    with pytest.raises(NotFound):
        tail(cloud.aws, LogPlace("eu-west-1", "/ecs/shop", "no"), 4)


@given(
    st.lists(st.integers(1, 6_000), min_size=1, max_size=5),
    st.integers(0, 25_000),
    st.integers(0, 3),
)
def test_begun_before_the_end_exactly_the_rest_comes(
    batches: list[int], last: int, later: int
) -> None:
    """The last n lines, over as many pages as they fill, then what comes: nothing missing, nothing twice."""
    cloud, lines = Cloud(), []
    cloud.begin()
    for number, count in enumerate(batches):
        some = [f"{number}.{n}" for n in range(count)]
        cloud.say(*some, later=number)
        lines += some
    follower = Follower(cloud.aws, PLACE, last)

    assert everything(follower) == (lines[-last:] if last else [])
    more = [f"later {n}" for n in range(later)]
    if more:
        cloud.say(*more, later=len(batches))
    assert everything(follower) == more


def test_begun_before_the_end_of_nothing_everything_comes() -> None:
    """A stream that comes after the first look is read from its head: all of it is new."""
    cloud = Cloud()
    follower = Follower(cloud.aws, PLACE, 2)
    assert everything(follower) == []
    cloud.begin()
    cloud.say("one", "two", "three")
    assert everything(follower) == ["one", "two", "three"]


def test_an_error_at_the_first_look_keeps_the_beginning(cloud: Cloud) -> None:
    """Throttled while it looks for the last lines, a follower begins there the next time."""
    follower = Follower(cloud.aws, PLACE, 1)
    cloud.say("one", "two")
    cloud.failing = "AccessDeniedException"
    assert everything(follower) == []
    cloud.failing = ""
    assert everything(follower) == ["two"]


@pytest.mark.parametrize(
    ("log", "said"),
    [
        (None, "no logConfiguration"),
        ({"logDriver": "awsfirelens"}, "FireLens"),
        ({"logDriver": "splunk", "options": {}}, "logs with splunk"),
        ({"logDriver": "awslogs", "options": {"awslogs-group": "/g"}}, "awslogs-stream-prefix"),
    ],
)
def test_why_a_log_cannot_be_read_here(log: dict[str, Any] | None, said: str) -> None:
    """No driver, another driver, a stream whose name nobody knows: said in words."""
    container = {"name": "app", **({"logConfiguration": log} if log else {})}
    place, why = place_of({"containerDefinitions": [container]}, "app", ARN)

    assert place is None
    assert said in why


def test_where_a_log_is() -> None:
    """The stream is prefix, container and task id; the region is the driver's, else the task's."""
    options = {"awslogs-group": "/ecs/shop", "awslogs-stream-prefix": "app"}
    container = {"name": "app", "logConfiguration": {"logDriver": "awslogs", "options": options}}
    document = {"containerDefinitions": [container]}
    assert place_of(document, "app", ARN)[0] == PLACE

    options["awslogs-region"] = "us-east-1"
    elsewhere, _ = place_of(document, "app", ARN)
    assert elsewhere is not None
    assert elsewhere.region == "us-east-1"
    assert place_of(document, "sidecar", ARN)[1] == "there is no container sidecar"
