"""What an answer of AWS means, which calls are made again, and when it is given up."""

from __future__ import annotations

import json
import zlib

import pytest

from reconciler.runs.once import table
from reconciler.runs.once.calls import (
    Caller,
    ConditionFailed,
    NoTable,
    Passing,
    Refused,
    StaleKeys,
    Wire,
)
from reconciler.runs.once.clock import Clock
from reconciler.runs.once.credentials import Credentials
from reconciler.runs.once.http import Answer, NoAnswer, NotSent
from reconciler.store.tables import Tables
from tests.fakes.clock import VirtualClock

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AK",
    "AWS_SECRET_ACCESS_KEY": "SK",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
}
DATE = {"date": "Sat, 28 Nov 2026 17:10:07 GMT"}


class Time(Clock):
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def boot(self) -> float:
        return self.seconds

    def jittered(self, seconds: float) -> float:
        return seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def wire(answer, environment=ENVIRONMENT):
    """Return a wire whose connection gives this answer, or raises it; what was sent is in `sent`."""
    made = Wire("dynamodb", "eu-west-1", environment, Credentials(environment), Clock())
    made.sent = []

    class Connection:
        def exchange(self, method, path, headers, body, seconds):
            made.sent.append((method, path, headers, body))
            if isinstance(answer, Exception):
                raise answer
            return answer

        def close(self): ...

    made._connection = Connection()
    return made


def answered(status, document, headers=DATE):
    """Make an answer of AWS."""
    return Answer(status, headers, json.dumps(document).encode())


def error_of(answer):
    """Return the error that an answer becomes."""
    with pytest.raises((ConditionFailed, Refused, Passing)) as caught:
        wire(answer).send("UpdateItem", {}, 1.0)
    return caught.value


def test_good_answer_brings_the_time():
    """The document, and AWS's clock."""
    made = wire(answered(200, {"Item": 1}))
    assert made.send("GetItem", {"a": "ü"}, 1.0) == ({"Item": 1}, 1795885807)
    method, path, headers, body = made.sent[0]
    assert (method, path, json.loads(body)) == ("POST", "/", {"a": "ü"})
    assert headers["X-Amz-Target"] == "DynamoDB_20120810.GetItem"
    assert headers["Content-Type"] == "application/x-amz-json-1.0"
    assert "Host" not in headers


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", ConditionFailed),
        (400, "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", NoTable),
        (400, "com.amazon.coral.service#AccessDeniedException", Refused),
        (400, "com.amazon.coral.service#ExpiredTokenException", StaleKeys),
        (400, "x#ProvisionedThroughputExceededException", Passing),
        (400, "ThrottlingException", Passing),
        (500, "InternalServerError", Passing),
        (503, "", Passing),
        (429, "", Passing),
        (400, "x#ValidationException", Refused),
        (403, "", Refused),
    ],
)
def test_codes(status, code, kind):
    """Each code is one of: the condition, no table, no permission, old keys, passing, final."""
    assert type(error_of(answered(status, {"__type": code, "message": "m"}))) is kind


def test_missing_permission_is_named():
    """The message says which action to add."""
    error = error_of(
        answered(400, {"__type": "x#AccessDeniedException", "Message": "not authorized"})
    )
    assert "add dynamodb:UpdateItem to the role" in str(error)
    assert error.is_denied


def test_item_of_a_failed_condition_is_kept():
    """ReturnValuesOnConditionCheckFailure brings what is there."""
    item = {"st": {"S": "DONE"}}
    document = {"__type": "x#ConditionalCheckFailedException", "Item": item}
    assert error_of(answered(400, document)).item == item


def test_damaged_answer_is_asked_for_again():
    """DynamoDB's checksum is compared."""
    body = b"{}"
    good = Answer(200, {**DATE, "x-amz-crc32": str(zlib.crc32(body))}, body)
    assert wire(good).send("GetItem", {}, 1.0)[0] == {}
    with pytest.raises(Passing, match="damaged"):
        wire(Answer(200, {**DATE, "x-amz-crc32": "1"}, body)).send("GetItem", {}, 1.0)


@pytest.mark.parametrize("problem", [NotSent("refused"), NoAnswer("closed")])
def test_no_answer_is_passing(problem):
    """Whether it left or not: it may be asked again."""
    with pytest.raises(Passing, match="dynamodb:GetItem: "):
        wire(problem).send("GetItem", {}, 1.0)


def test_wrong_clock_is_corrected_by_awss():
    """A machine whose clock is off signs its next attempt by the time that AWS has told."""
    skewed = answered(
        400, {"__type": "x#InvalidSignatureException", "message": "Signature expired"}
    )
    made = wire(skewed)
    with pytest.raises(Passing):
        made.send("GetItem", {}, 1.0)
    with pytest.raises(Refused):
        made.send("GetItem", {}, 1.0)
    assert made.sent[1][2]["X-Amz-Date"].startswith("20261128T17")


@pytest.mark.parametrize("url", ["x", "ftp://a", "http://a/b"])
def test_endpoint_that_is_none_is_refused(url):
    """A wrong endpoint is told before anything is sent."""
    with pytest.raises(Refused):
        wire(None, ENVIRONMENT | {"AWS_ENDPOINT_URL_DYNAMODB": url})


def caller(*answers):
    """Return a caller whose attempts end as given, one after the other, and its clock."""
    clock, left, limits = Time(), list(answers), []

    def send(_operation, _params, seconds):
        limits.append(seconds)
        found = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(found, Exception):
            clock.seconds += 1.0
            raise found
        return found, 1000.0

    made = Caller(send, clock)
    made.limits = limits
    return made, clock


def test_passing_errors_are_repeated_until_patience_ends():
    """For a minute, with pauses that grow to five seconds; then the last error is raised."""
    made, clock = caller(Passing("throttled"))
    with pytest.raises(Passing, match="throttled"):
        made.call("GetItem", {})
    assert 53 <= clock.seconds <= 60
    assert 10 <= len(made.limits) <= 16
    assert all(limit <= 5.0 for limit in made.limits)


def test_final_errors_are_not_repeated():
    """A refusal is told at once; old keys get one more attempt."""
    made, _ = caller(Refused("no"))
    with pytest.raises(Refused):
        made.call("GetItem", {})
    assert len(made.limits) == 1
    made, _ = caller(StaleKeys("old"), {"fine": True})
    assert made.call("GetItem", {}) == {"fine": True}
    made, _ = caller(StaleKeys("old"))
    with pytest.raises(StaleKeys):
        made.call("GetItem", {})
    assert len(made.limits) == 2


def test_awss_time_goes_on_between_answers():
    """The newest Date header and the seconds since."""
    made, clock = caller({})
    assert made.now() is None
    made.call("GetItem", {})
    clock.seconds += 7.0
    assert made.now() == 1007.0


def test_time_without_a_date_header_is_the_machines():
    """An emulator that sends none does not put its records into 1970."""
    made = Caller(lambda *_: ({}, None), Clock())
    made.call("GetItem", {})
    assert abs(made.now() - Clock().wall()) < 60


def test_table_is_the_stores():
    """`once` creates the same table as the ledger does: same key, billing and protection."""
    sent = []

    class Aws:
        def call(self, service, operation, **params):
            sent.append((operation, params))
            if operation == "DescribeTable":
                from reconciler.model.errors import NotFound

                if not any(
                    o == "CreateTable" and p["TableName"] == params["TableName"] for o, p in sent
                ):
                    raise NotFound(
                        "none", operation="DescribeTable", code="ResourceNotFoundException"
                    )
                return {"Table": {"TableStatus": "ACTIVE"}}
            return {}

    Tables().ensure(Aws(), VirtualClock())
    made = [p for o, p in sent if o == "CreateTable" and p["TableName"] == Tables().claims]
    assert made == [table.creation(Tables().claims)]
