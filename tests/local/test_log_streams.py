"""CloudWatch Logs as its API reference describes it: batches, pages, tokens, refusals."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.local.clock import WorldClock
from reconciler.local.log_streams import LogsError, LogStreams
from tests.local.talk import code_of, logging_to, sh

NAMES = {"logGroupName": "/g", "logStreamName": "s"}
NOW = int(time.time() * 1000)


@pytest.fixture
def logs(start):
    """Return a client of CloudWatch Logs with the stream `s` of group `/g`."""
    logs = start(clock=WorldClock()).logs  # the events are of `NOW`
    logs.create_log_group(logGroupName="/g")
    logs.create_log_stream(**NAMES)
    return logs


def event(message: str, at: int = NOW) -> dict:
    """Return one event of a batch."""
    return {"timestamp": at, "message": message}


def forward(ask, **more):
    """Read a stream from its head until the token comes back unchanged."""
    token, found, pages = {}, [], []
    while True:
        answer = ask(startFromHead=True, **token, **more)
        found += [e["message"] for e in answer["events"]]
        pages.append(len(answer["events"]))
        if token.get("nextToken") == answer["nextForwardToken"]:
            return found, pages
        token = {"nextToken": answer["nextForwardToken"]}


@given(
    st.lists(st.tuples(st.integers(0, 5), st.text("ab", min_size=1, max_size=3)), max_size=60),
    st.integers(1, 7),
)
def test_every_page_size_gives_the_same_whole(events, limit):
    """Forward pages of any size give every event once, by time, equal times as they came; so backward."""
    streams = LogStreams(WorldClock(), lambda *_: True)
    streams.answer("CreateLogStream", "r", NAMES)
    for offset, message in events:
        batch = [event(message, NOW + offset)]
        streams.answer("PutLogEvents", "r", {**NAMES, "logEvents": batch})
    wanted = [message for _, message in sorted(events, key=lambda e: e[0])]

    def ask(**params):
        return streams.answer("GetLogEvents", "r", {**NAMES, "limit": limit, **params})

    assert forward(ask)[0] == wanted
    token, found = {}, []
    while True:
        answer = ask(**token)
        found = [e["message"] for e in answer["events"]] + found
        if token.get("nextToken") == answer["nextBackwardToken"]:
            break
        token = {"nextToken": answer["nextBackwardToken"]}
    assert found == wanted


def test_a_token_goes_on_where_it_was(logs):
    """The token of the end gives what came since, and itself when nothing did."""
    first = logs.get_log_events(**NAMES, startFromHead=True)
    again = logs.get_log_events(**NAMES, startFromHead=True, nextToken=first["nextForwardToken"])
    logs.put_log_events(**NAMES, logEvents=[event("late")])
    later = logs.get_log_events(**NAMES, startFromHead=True, nextToken=again["nextForwardToken"])

    assert again["nextForwardToken"] == first["nextForwardToken"]
    assert [e["message"] for e in later["events"]] == ["late"]
    assert later["nextForwardToken"] != again["nextForwardToken"]


def test_pages_hold_ten_thousand_events_or_a_megabyte(logs):
    """Whichever comes first; nothing is lost between them."""
    for batch in range(3):
        messages = [f"{batch}-{n}" for n in range(8_000)]
        logs.put_log_events(**NAMES, logEvents=[event(m, NOW + batch) for m in messages])
    found, pages = forward(lambda **p: logs.get_log_events(**NAMES, **p))
    assert (len(found), pages) == (24_000, [10_000, 10_000, 4_000, 0])

    logs.create_log_stream(logGroupName="/g", logStreamName="long")
    long = {**NAMES, "logStreamName": "long"}
    for _ in range(3):
        logs.put_log_events(**long, logEvents=[event("x" * 600_000)])
    assert forward(lambda **p: logs.get_log_events(**long, **p))[1] == [1, 1, 1, 0]


@pytest.mark.parametrize(
    ("events", "code"),
    [
        ([event("b", NOW + 1), event("a", NOW)], "InvalidParameterException"),
        ([event("a", NOW - 90_000_000), event("b")], "InvalidParameterException"),
        ([event("x" * 1_048_560)], "InvalidParameterException"),
        ([event("x")] * 10_001, "InvalidParameterException"),
    ],
    ids=["order", "24 hours", "1 MB", "10,000 events"],
)
def test_batches_that_aws_refuses(logs, events, code):
    """Order, span, size and number of a batch are checked; nothing of it is taken."""
    assert code_of(logs.put_log_events, **NAMES, logEvents=events) == code
    assert logs.get_log_events(**NAMES)["events"] == []


def test_events_of_the_wrong_time_are_rejected_and_told(logs):
    """More than two hours ahead or 14 days old: left out, and the answer says where."""
    day = 86_400_000
    old = logs.put_log_events(**NAMES, logEvents=[event("old", NOW - 15 * day)])
    new = logs.put_log_events(**NAMES, logEvents=[event("ok"), event("new", NOW + 3 * 3_600_000)])

    assert old["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}
    assert new["rejectedLogEventsInfo"] == {"tooNewLogEventStartIndex": 1}
    assert [e["message"] for e in logs.get_log_events(**NAMES)["events"]] == ["ok"]


def test_what_does_not_exist(logs):
    """A stream or group that is not there, twice the same stream, a foreign token: AWS's codes."""
    missing = "ResourceNotFoundException"
    assert code_of(logs.get_log_events, logGroupName="/no", logStreamName="s") == missing
    assert code_of(logs.get_log_events, logGroupName="/g", logStreamName="no") == missing
    assert code_of(logs.create_log_stream, **NAMES) == "ResourceAlreadyExistsException"
    assert code_of(logs.get_log_events, **NAMES, nextToken="x") == "InvalidParameterException"
    logs.delete_log_group(logGroupName="/g")
    logs.create_log_group(logGroupName="/g")
    assert code_of(logs.get_log_events, **NAMES) == missing


def test_streams_are_listed_by_name_and_by_time(logs):
    """DescribeLogStreams pages by name; by the last event on request."""
    logs.create_log_stream(logGroupName="/g", logStreamName="a")
    # Later than the creation of `a`, which counts for a stream without events.
    later = int(time.time() * 1000) + 60_000
    logs.put_log_events(**NAMES, logEvents=[event("x", later)])
    page = logs.describe_log_streams(logGroupName="/g", limit=1)
    rest = logs.describe_log_streams(logGroupName="/g", limit=1, nextToken=page["nextToken"])
    newest = logs.describe_log_streams(logGroupName="/g", orderBy="LastEventTime", descending=True)

    names = [s["logStreamName"] for a in (page, rest) for s in a["logStreams"]]
    assert names == ["a", "s"]
    assert newest["logStreams"][0]["lastEventTimestamp"] == later


def test_long_lines_are_several_events_with_whole_characters(talk):
    """A line of more than 256 KiB is cut where no character is torn, and loses none."""
    script = "python3 -c \"print('é' * 200000, end='')\""
    task = talk.finish(sh(script, logConfiguration=logging_to("/long")))
    stream = f"p/main/{task['taskArn'].rpartition('/')[2]}"
    found, _ = forward(
        lambda **p: talk.logs.get_log_events(logGroupName="/long", logStreamName=stream, **p)
    )

    assert "".join(found) == "é" * 200_000
    assert len(found) == 2


def test_a_batch_without_messages_is_no_batch():
    """An event without text is refused here, as botocore refuses it before it is sent."""
    streams = LogStreams(WorldClock(), lambda *_: True)
    streams.answer("CreateLogStream", "r", NAMES)
    with pytest.raises(LogsError, match="must not be empty"):
        streams.answer("PutLogEvents", "r", {**NAMES, "logEvents": [event("")]})
