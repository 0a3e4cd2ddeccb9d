"""CloudWatch Logs' streams and events. Log groups are moto's; moto's events are too slow for real logs.

Asked by `front` for requests and by `awslogs` for the driver's batches. Limits, tokens and refusals are
those of the API reference (logs: PutLogEvents, GetLogEvents, FilterLogEvents).
"""

from __future__ import annotations

import bisect
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple

from reconciler.model.clock import Clock

MOST_EVENTS, MOST_BYTES, EVENT_OVERHEAD = 10_000, 1_048_576, 26
"""Of one batch and of one page (PutLogEvents, GetLogEvents)."""
_TOO_NEW, _TOO_OLD, _LONGEST_SPAN = timedelta(hours=2), timedelta(days=14), timedelta(hours=24)
_TOKEN = re.compile(r"([fb])/(-?\d+)/(-?\d+)")

Document = dict[str, Any]
GroupExists = Callable[[str, str], bool]


class LogsError(Exception):
    """A refusal in AWS's words."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Event(NamedTuple):
    """One event. Sorted by time; of the same millisecond the one that came first is first."""

    timestamp: int
    number: int
    ingested: int
    message: str


@dataclass
class Stream:
    """One stream, sorted."""

    name: str
    created: int
    events: list[Event] = field(default_factory=list)
    number: int = 0

    def add(self, timestamp: int, ingested: int, message: str) -> None:
        """Take one event in."""
        self.number += 1
        event = Event(timestamp, self.number, ingested, message)
        if self.events and event < self.events[-1]:
            bisect.insort(self.events, event)
        else:
            self.events.append(event)


class LogStreams:
    """The streams of all groups, by region and group. `group_exists` asks moto."""

    def __init__(self, clock: Clock, group_exists: GroupExists) -> None:
        self._clock = clock
        self._group_exists = group_exists
        self._groups: dict[tuple[str, str], dict[str, Stream]] = {}
        self._lock = threading.Lock()

    def handles(self, operation: str) -> bool:
        """Whether this operation is answered here."""
        return operation in _OPERATIONS

    def answer(self, operation: str, region: str, params: Mapping[str, Any]) -> Document:
        """Answer a request. Raises LogsError."""
        group = str(params.get("logGroupName") or params.get("logGroupIdentifier") or "")
        group = group.partition(":log-group:")[2].removesuffix(":*") or group
        if not self._group_exists(region, group):
            raise LogsError("ResourceNotFoundException", "The specified log group does not exist.")
        with self._lock:
            streams = self._groups.setdefault((region, group), {})
            return _OPERATIONS[operation](self, streams, params)

    def forget(self, region: str, group: str) -> None:
        """Take a deleted group's streams away."""
        with self._lock:
            self._groups.pop((region, group), None)

    # --- operations ------------------------------------------------------------------------------

    def _now(self) -> int:
        return int(self._clock.now().timestamp() * 1000)

    def _create(self, streams: dict[str, Stream], params: Mapping[str, Any]) -> Document:
        name = str(params["logStreamName"])
        if not re.fullmatch(r"[^:*]{1,512}", name):
            raise LogsError("InvalidParameterException", f"Log stream name {name} is not valid.")
        if name in streams:
            raise LogsError(
                "ResourceAlreadyExistsException", "The specified log stream already exists"
            )
        streams[name] = Stream(name, self._now())
        return {}

    def _delete(self, streams: dict[str, Stream], params: Mapping[str, Any]) -> Document:
        _stream(streams, params)
        del streams[str(params["logStreamName"])]
        return {}

    def _describe(self, streams: dict[str, Stream], params: Mapping[str, Any]) -> Document:
        prefix = str(params.get("logStreamNamePrefix") or "")
        found = sorted((s for s in streams.values() if s.name.startswith(prefix)), key=_by_name)
        if params.get("orderBy") == "LastEventTime":
            found.sort(key=lambda s: s.events[-1].timestamp if s.events else s.created)
        if params.get("descending"):
            found.reverse()
        start = int(params.get("nextToken") or 0)
        end = start + int(params.get("limit") or 50)
        more = {"nextToken": str(end)} if end < len(found) else {}
        return {"logStreams": [_described(s) for s in found[start:end]], **more}

    def _put(self, streams: dict[str, Stream], params: Mapping[str, Any]) -> Document:
        stream, events = _stream(streams, params), params.get("logEvents") or []
        _check_batch(events)
        now = self._now()
        newest, oldest = now + _millis(_TOO_NEW), now - _millis(_TOO_OLD)
        rejected: Document = {}
        for index, event in enumerate(events):
            moment = int(event["timestamp"])
            if moment > newest:
                rejected.setdefault("tooNewLogEventStartIndex", index)
            elif moment < oldest:
                rejected["tooOldLogEventEndIndex"] = index + 1
            else:
                stream.add(moment, now, str(event["message"]))
        token = {"nextSequenceToken": str(stream.number)}
        return {**token, "rejectedLogEventsInfo": rejected} if rejected else token

    def _get(self, streams: dict[str, Stream], params: Mapping[str, Any]) -> Document:
        """One page. Its tokens say between which events it lies: at an end they come back unchanged."""
        events = _stream(streams, params).events
        first, last = _bounds(events, params)
        limit = min(MOST_EVENTS, int(params.get("limit") or MOST_EVENTS))
        token = str(params.get("nextToken") or "")
        forward = bool(params.get("startFromHead"))
        if token:
            forward, place = _read_token(token)
            border = bisect.bisect_left(events, place)
            first, last = (max(first, border), last) if forward else (first, min(last, border))
        if forward:
            last = first + _fitting(events, range(first, max(first, last)), limit)
        else:
            first = last - _fitting(events, range(last - 1, min(first, last) - 1, -1), limit)
        page = events[first:last]
        before = f"b/{page[0].timestamp}/{page[0].number}" if page else token or _edge("b", events)
        after = f"f/{page[-1].timestamp}/{page[-1].number + 1}" if page else token or "f/0/0"
        if not page and token:
            other = token.partition("/")[2]
            before, after = f"b/{other}", f"f/{other}"
        return {
            "events": [_event(event) for event in page],
            "nextForwardToken": after,
            "nextBackwardToken": before,
        }

    def _filter(self, streams: dict[str, Stream], params: Mapping[str, Any]) -> Document:
        """Events of several streams by time. Patterns are matched as one literal text."""
        names, prefix = params.get("logStreamNames"), str(params.get("logStreamNamePrefix") or "")
        wanted = str(params.get("filterPattern") or "").strip('"')
        found = [
            (event.timestamp, event.ingested, stream.name, event)
            for stream in streams.values()
            if (stream.name in names if names else stream.name.startswith(prefix))
            for event in _within(stream.events, params)
            if wanted in event.message
        ]
        found.sort()
        start = int(params.get("nextToken") or 0)
        room = min(MOST_EVENTS, int(params.get("limit") or MOST_EVENTS))
        page = [event for *_, event in found[start : start + room]]
        count = _fitting(page, range(len(page)), room)
        more = {"nextToken": str(start + count)} if start + count < len(found) else {}
        events = [
            {
                **_event(event),
                "logStreamName": name,
                "eventId": f"{event.ingested}{event.number:020}",
            }
            for _, _, name, event in found[start : start + count]
        ]
        return {"events": events, "searchedLogStreams": [], **more}


def batches(lines: Sequence[tuple[int, str]]) -> Iterator[list[Document]]:
    """Split what the driver ships into batches that PutLogEvents takes."""
    batch: list[Document] = []
    size = 0
    for timestamp, message in lines:
        more = len(message.encode()) + EVENT_OVERHEAD
        if batch and (len(batch) == MOST_EVENTS or size + more > MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append({"timestamp": timestamp, "message": message})
        size += more
    if batch:
        yield batch


def _stream(streams: Mapping[str, Stream], params: Mapping[str, Any]) -> Stream:
    found = streams.get(str(params.get("logStreamName")))
    if found is None:
        raise LogsError("ResourceNotFoundException", "The specified log stream does not exist.")
    return found


def _check_batch(events: Sequence[Mapping[str, Any]]) -> None:
    moments = [int(event["timestamp"]) for event in events]
    size = sum(len(str(event["message"]).encode()) + EVENT_OVERHEAD for event in events)
    if not events or not all(event["message"] for event in events):
        raise LogsError("InvalidParameterException", "Log event message must not be empty")
    if len(events) > MOST_EVENTS:
        raise LogsError(
            "InvalidParameterException",
            f"1 validation error detected: Value at 'logEvents' failed to satisfy constraint: "
            f"Member must have length less than or equal to {MOST_EVENTS}",
        )
    if size > MOST_BYTES:
        raise LogsError(
            "InvalidParameterException",
            f"Upload too large: {size} bytes exceeds limit of {MOST_BYTES}",
        )
    if moments != sorted(moments):
        raise LogsError(
            "InvalidParameterException",
            "Log events in a single PutLogEvents request must be in chronological order.",
        )
    if moments[-1] - moments[0] > _millis(_LONGEST_SPAN):
        raise LogsError(
            "InvalidParameterException",
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
        )


def _bounds(events: Sequence[Event], params: Mapping[str, Any]) -> tuple[int, int]:
    """Return the places of `startTime` (inclusive) and `endTime` (exclusive)."""
    start, end = params.get("startTime"), params.get("endTime")
    first = 0 if start is None else bisect.bisect_left(events, (int(start),))
    last = len(events) if end is None else bisect.bisect_left(events, (int(end),))
    return first, max(first, last)


def _within(events: Sequence[Event], params: Mapping[str, Any]) -> Sequence[Event]:
    first, last = _bounds(events, params)
    return events[first:last]


def _fitting(events: Sequence[Event], places: range, limit: int) -> int:
    """Return how many of these events make one page; a single one always does."""
    size = count = 0
    for place in places[:limit]:
        size += len(events[place].message.encode()) + EVENT_OVERHEAD
        if size > MOST_BYTES and count:
            break
        count += 1
    return count


def _read_token(token: str) -> tuple[bool, tuple[int, int]]:
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise LogsError("InvalidParameterException", "The specified nextToken is invalid.")
    return found[1] == "f", (int(found[2]), int(found[3]))


def _edge(direction: str, events: Sequence[Event]) -> str:
    return f"{direction}/{events[0].timestamp}/{events[0].number}" if events else f"{direction}/0/0"


def _event(event: Event) -> Document:
    return {
        "timestamp": event.timestamp,
        "message": event.message,
        "ingestionTime": event.ingested,
    }


def _described(stream: Stream) -> Document:
    described: Document = {"logStreamName": stream.name, "creationTime": stream.created}
    if stream.events:
        described["firstEventTimestamp"] = stream.events[0].timestamp
        described["lastEventTimestamp"] = stream.events[-1].timestamp
        described["lastIngestionTime"] = stream.events[-1].ingested
    return {**described, "storedBytes": 0, "uploadSequenceToken": str(stream.number)}


def _by_name(stream: Stream) -> str:
    return stream.name


def _millis(length: timedelta) -> int:
    return int(length.total_seconds() * 1000)


_OPERATIONS: Mapping[str, Callable[[LogStreams, dict[str, Stream], Mapping[str, Any]], Document]]
_OPERATIONS = {
    "CreateLogStream": LogStreams._create,  # noqa: SLF001 - this file's own table
    "DeleteLogStream": LogStreams._delete,  # noqa: SLF001 - as above
    "DescribeLogStreams": LogStreams._describe,  # noqa: SLF001 - as above
    "FilterLogEvents": LogStreams._filter,  # noqa: SLF001 - as above
    "GetLogEvents": LogStreams._get,  # noqa: SLF001 - as above
    "PutLogEvents": LogStreams._put,  # noqa: SLF001 - as above
}
