"""The fake DynamoDB answers as moto does, and the real ledger code works on both."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from reconciler.aws.boto import BotoTransport
from reconciler.aws.door import Aws, no_fence
from reconciler.model.errors import AwsError, ConditionFailed, InvalidRequest, LeaseHeld, Superseded
from reconciler.model.job import History, JobRecord
from reconciler.model.journal import Entry, EntryKind
from reconciler.model.run import RunKind, RunState
from reconciler.model.suspension import Suspension
from reconciler.store import records
from reconciler.store.job_records import job_write
from reconciler.store.ledger import AppStore
from reconciler.store.members import Member
from reconciler.store.run_records import forget_write
from reconciler.store.session import HeadChange
from reconciler.store.tables import Tables
from tests.fakes.clock import VirtualClock
from tests.fakes.dynamodb import FakeDynamoDB
from tests.fakes.transport import FakeTransport
from tests.store.test_job_records import OCCURRENCE
from tests.store.test_records import RUN, SERVICE
from tests.store.world import ENTRY, KEY, World

TABLE = {
    "TableName": "t",
    "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}
NAMES = ("st", "hb", "own", "opn.op1", "facts")
numbers = st.integers(0, 4).map(lambda n: {"N": str(n)})
texts = st.sampled_from(["", "OFFERED", "CLAIMED", "host#1"]).map(lambda t: {"S": t})
scalars = numbers | texts | st.booleans().map(lambda b: {"BOOL": b})
items = st.fixed_dictionaries(
    {},
    optional={
        "st": texts,
        "hb": numbers,
        "own": scalars,
        "opn": st.dictionaries(st.sampled_from(["op1", "op2"]), numbers).map(lambda m: {"M": m}),
        "facts": st.lists(scalars, max_size=2).map(lambda x: {"L": x}),
    },
)


@st.composite
def conditions(draw, values, depth=2):
    """Draw a condition over NAMES; placeholders are added to `values`."""

    def placeholder(attribute: str) -> str:
        # moto compares without types (1 equals true, 1 < "" is a crash): of the attribute's type only
        name = f":v{len(values)}"
        values[name] = draw(numbers if attribute in ("hb", "opn.op1") else texts)
        return name

    name = draw(st.sampled_from(NAMES))
    kinds = ["compare", "exists", "missing", "in", "begins"]
    kind = draw(st.sampled_from([*kinds, "and", "or", "not"] if depth else kinds))
    if kind in ("and", "or"):
        left = draw(conditions(values, depth - 1))
        right = draw(conditions(values, depth - 1))
        return f"({left} {kind.upper()} {right})"
    if kind == "not":
        inner = draw(conditions(values, depth - 1))
        return inner if inner.startswith("NOT") else f"NOT {inner}"
    if kind == "compare":
        sign = draw(st.sampled_from(["=", "<", "<=", ">", ">="]))
        name = name if sign == "=" else draw(st.sampled_from(["hb", "st"]))
        return f"{name} {sign} {placeholder(name)}"
    if kind == "in":
        return f"{name} IN ({placeholder(name)}, {placeholder(name)})"
    if kind == "begins":
        return f"begins_with(st, {placeholder('st')})"
    return f"attribute_{'exists' if kind == 'exists' else 'not_exists'}({name})"


@pytest.fixture(scope="module")
def moto():
    """Run moto in the process; the conditions are evaluated by its own parser."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.delenv("AWS_PROFILE", raising=False)
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        patch.setenv("AWS_CONFIG_FILE", "/dev/null")
        transport = BotoTransport("us-east-1")
        transport.send("dynamodb", "CreateTable", TABLE, no_fence)
        yield transport


def fake() -> FakeTransport:
    """Return a transport to an empty fake with the test's table."""
    clock = VirtualClock()
    dynamodb = FakeDynamoDB(clock, creation_seconds=0)
    dynamodb.handle("CreateTable", TABLE)
    return FakeTransport(clock, {"dynamodb": dynamodb.handle})


def outcome(transport, operation: str, params) -> tuple:
    """Return what a call came to: its error's type and items, or fine."""
    try:
        transport.send("dynamodb", operation, params, no_fence)
    except ConditionFailed as error:
        return ("refused", error.items, error.codes)
    except AwsError as error:
        return (type(error).__name__,)
    return ("fine",)


def stored(transport, key: str):
    """Return the item under a key."""
    params = {"TableName": "t", "Key": {"k": {"S": key}}, "ConsistentRead": True}
    return transport.send("dynamodb", "GetItem", params, no_fence).get("Item")


counter = itertools.count()


@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data(), item=st.none() | items)
def test_conditions_and_updates_agree_with_moto(moto, data, item):
    """A random conditional update or put on a random item: same verdict, same item afterwards."""
    key = f"k{next(counter)}"
    values: dict = {}
    condition = data.draw(conditions(values))
    ours = fake()
    for transport in (moto, ours):
        if item is not None:
            params = {"TableName": "t", "Item": {"k": {"S": key}, **item}}
            transport.send("dynamodb", "PutItem", params, no_fence)
    params = {
        "TableName": "t",
        "ConditionExpression": condition,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    if values:
        params["ExpressionAttributeValues"] = values
    if data.draw(st.booleans()):
        operation = "PutItem"
        params["Item"] = {"k": {"S": key}, "st": {"S": "NEW"}}
    else:
        operation = "UpdateItem"
        changes = [
            ("SET #st = :new, hb = if_not_exists(hb, :one) + :one REMOVE own", True),
            ("SET #st = :new, opn.op1 = :one", "opn" in (item or {})),
            ("SET #st = :new, ver = :one REMOVE opn.op1", "opn" in (item or {})),
        ]
        text = data.draw(st.sampled_from([text for text, possible in changes if possible]))
        params["Key"] = {"k": {"S": key}}
        params["UpdateExpression"] = text
        params["ExpressionAttributeNames"] = {"#st": "st"}
        params["ExpressionAttributeValues"] = {**values, ":new": {"S": "X"}, ":one": {"N": "1"}}
    assert outcome(ours, operation, params) == outcome(moto, operation, params), (condition, item)
    assert stored(ours, key) == stored(moto, key)


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data(), before=st.lists(st.none() | items, min_size=2, max_size=3))
def test_transactions_agree_with_moto(moto, data, before):
    """All actions or none: the same reasons in the same places, the same items afterwards."""
    ours = fake()
    keys, actions = [], []
    for item in before:
        key = f"k{next(counter)}"
        keys.append(key)
        values: dict = {}
        action = {
            "TableName": "t",
            "ConditionExpression": data.draw(conditions(values, 1)),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if values:
            action["ExpressionAttributeValues"] = values
        if data.draw(st.booleans()):
            actions.append({"Put": {**action, "Item": {"k": {"S": key}, "st": {"S": "NEW"}}}})
        else:
            actions.append({"ConditionCheck": {**action, "Key": {"k": {"S": key}}}})
        for transport in (moto, ours):
            if item is not None:
                params = {"TableName": "t", "Item": {"k": {"S": key}, **item}}
                transport.send("dynamodb", "PutItem", params, no_fence)
    params = {"TransactItems": actions}
    assert outcome(ours, "TransactWriteItems", params) == outcome(
        moto, "TransactWriteItems", params
    )
    assert [stored(ours, key) for key in keys] == [stored(moto, key) for key in keys]


def test_the_ledger_works_on_moto_s_parser(moto):
    """Every expression of the ledger passes moto's parser and its list of reserved words."""
    clock = VirtualClock()
    aws, tables = Aws(moto, clock), Tables("parity")
    tables.ensure(aws, clock)
    assert tables.problems(aws) == []
    one, two = (Member(aws, tables, clock, host) for host in ("h1", "h2"))
    one.join()
    two.join()
    two.wants.add(KEY)
    two.beat()
    assert one.watch().wants == {KEY: two.id}
    store = AppStore(aws, tables, clock, KEY)
    session = store.acquire(store.read(), one)
    cell = records.claim_key(KEY, RUN.newest)
    writes = [records.run_write(KEY, RUN, None), records.offer_claim(cell, 1)]
    change = HeadChange(active=RUN.item_key, require_idle=True, generation=1, desired_hash="h")
    session.commit([ENTRY], writes, change)
    with pytest.raises(Superseded):
        session.commit([ENTRY], [records.offer_claim(cell, 1)])
    session.commit([ENTRY], [records.revoke_claim(cell)], HeadChange(active=None))
    operation = session.intent(Entry(EntryKind.INTENT, "service/web", "UpdateService"))
    session.outcome(
        operation,
        Entry(EntryKind.OUTCOME, "service/web", "UpdateService", outcome="ok"),
        [
            records.service_write(KEY, SERVICE),
            records.pins_write(KEY, {}, {"shop:1": "shop@sha256:1"}),
            records.suspension_write(KEY, None, Suspension("r", "w", "a")),
        ],
    )
    with pytest.raises(LeaseHeld):
        store.acquire(store.read(), two)
    session.release()
    one.leave()
    two.watch()
    assert two.is_dead(one.id)
    assert store.acquire(store.read(), two).lease.epoch == 2
    view = store.read([RUN.key])
    assert view.runs == {RUN.item_key: RUN}
    assert store.verify() == []
    assert len(list(store.journal(limit=3))) == 3


def test_the_ledger_of_jobs_works_on_moto_s_parser(moto):
    """HEAD's list, a job's record and the mark of a forgotten run are written and read back."""
    clock = VirtualClock()
    aws, tables = Aws(moto, clock), Tables("jobs")
    tables.ensure(aws, clock)
    store = AppStore(aws, tables, clock, KEY)
    session = store.operator(store.read(), "me")
    began, record = OCCURRENCE, JobRecord("report").begun(OCCURRENCE.revision, History())
    writes = [records.run_write(KEY, began, None), job_write(KEY, record)]
    session.commit([ENTRY], writes, HeadChange(listed=began.key))
    assert store.read().unfinished_runs == (began,)
    over = replace(began, state=RunState.SUCCEEDED, over=True, version=2)
    session.commit([ENTRY], [records.run_write(KEY, over, began)], HeadChange(struck=began.key))
    assert store.runs(RunKind.JOB, "report") == [over]
    session.commit([ENTRY], [forget_write(KEY, began.key, clock.now())])
    view = store.read()
    assert (view.unfinished, view.jobs) == ((), {"report": replace(record, version=1)})
    assert store.runs(RunKind.JOB) == []


def test_redundant_parentheses_are_refused_as_aws_does(moto):
    """AWS takes ((a)) for a mistake, and so do moto and the fake."""
    for text, verdict in (
        ("((attribute_exists(k)))", ("InvalidRequest",)),
        ("((attribute_exists(k)) OR attribute_not_exists(k))", ("fine",)),
    ):
        params = {"TableName": "t", "Item": {"k": {"S": "parens"}}, "ConditionExpression": text}
        assert outcome(fake(), "PutItem", params) == outcome(moto, "PutItem", params) == verdict


def test_a_token_makes_a_transaction_idempotent_for_ten_minutes():
    """As AWS documents: same token, same request: one effect; later it is a new request."""
    world = World()
    params = {
        "TransactItems": [
            {
                "Update": {
                    "TableName": "reconciler-claims",
                    "Key": {"k": {"S": "c"}},
                    "UpdateExpression": "SET n = if_not_exists(n, :zero) + :one",
                    "ExpressionAttributeValues": {":zero": {"N": "0"}, ":one": {"N": "1"}},
                }
            }
        ],
        "ClientRequestToken": "token",
    }
    world.dynamodb.handle("TransactWriteItems", params)
    world.dynamodb.handle("TransactWriteItems", params)
    assert world.dynamodb.items("reconciler-claims") == [{"k": "c", "n": 1}]
    other = {**params, "TransactItems": [*params["TransactItems"]] * 1}
    other["TransactItems"] = [
        {"Put": {"TableName": "reconciler-claims", "Item": {"k": {"S": "d"}}}}
    ]
    with pytest.raises(InvalidRequest, match="IdempotentParameterMismatch"):
        world.dynamodb.handle("TransactWriteItems", other)
    world.pass_time(601)
    world.dynamodb.handle("TransactWriteItems", params)
    assert world.dynamodb.items("reconciler-claims") == [{"k": "c", "n": 2}]
