"""Records and their conditional writes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.aws.items import from_item, to_item
from reconciler.model.errors import CorruptLedger, Superseded
from reconciler.model.observed import (
    MigrationRecord,
    ResourceRecord,
    RolloutState,
    ServiceRecord,
)
from reconciler.model.run import ClaimState, GuardMode, PastAttempt, Run, RunKey, RunKind, RunState
from reconciler.model.suspension import Suspension
from reconciler.store import records
from tests.store.world import ENTRY, KEY, World

WHEN = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
RUN = Run(
    name="db",
    revision="20261122093000",
    state=RunState.LAUNCHING,
    attempt=1,
    launch=0,
    ordinal=2,
    mode=GuardMode.CLAIM,
    container="app",
    token="ab" * 32,
    started_by="reconciler/shop/abab",
    request={"taskDefinition": "shop:1", "count": 1, "ratio": 0.5},
    timeout_seconds=1200,
    start_timeout_seconds=900,
    intent_at=WHEN,
    version=1,
)
SERVICE = ServiceRecord(
    name="web",
    applied={"service": {"desiredCount": 3}, "taskDefinition": {}},
    desired_hash="hash",
    task_definition_arn="arn:td",
    deployment_id="ecs-svc/1",
    state=RolloutState.CONVERGING,
)

runs = st.builds(
    replace,
    st.just(RUN),
    state=st.sampled_from(RunState),
    mode=st.sampled_from(GuardMode),
    exit_code=st.none() | st.integers(0, 255),
    task_arn=st.none() | st.text(min_size=1),
    reason=st.text(),
    running_since=st.none() | st.just(WHEN),
    settled_at=st.none() | st.just(WHEN),
    last_seen_at=st.none() | st.just(WHEN),
    requested_attempt=st.integers(0, 9),
    kind=st.sampled_from(RunKind),
    most_attempts=st.integers(0, 9),
    backoff_seconds=st.integers(0, 900),
    most_launches=st.integers(1, 9),
    stop_asked=st.text(),
    definition=st.text(),
    past=st.lists(
        st.builds(
            PastAttempt,
            st.integers(1, 9),
            st.text(min_size=1),
            st.text(min_size=1),
            st.just(WHEN),
            st.just(WHEN),
            st.text(),
            st.none() | st.integers(0, 255),
        ),
        max_size=2,
    ).map(tuple),
    over=st.booleans(),
    facts=st.dictionaries(st.text(), st.integers() | st.text() | st.none()),
)


@settings(max_examples=60)
@given(run=runs)
def test_a_run_survives_being_stored(run):
    """Decoding what was encoded gives the same run, through DynamoDB's types."""
    key = records.run_place(KEY, run.key)
    stored = to_item({**records.encode_run(run), **key, "v": 1})
    assert records.decode_run(from_item(stored)) == run


def test_a_migration_s_item_of_before_is_read_as_it_was_meant():
    """An item that knows nothing of kinds is a migration's, with one attempt and five launches."""
    item = {
        "pk": "A#production/shop", "sk": "MIG#db#20261122093000", "v": 1, "st": "FAILED", "att": 2,
        "lau": 1, "ord": 2, "gm": "claim", "ctr": "app", "tok": "ab" * 32, "sby": "reconciler/shop/abab",
        "req": '{"taskDefinition":"shop:1"}', "tmo": 1200, "sto": 900, "t0": WHEN.isoformat(),
        "ver": 7, "dg": 3, "arn": "arn:task", "t1": WHEN.isoformat(), "t9": WHEN.isoformat(),
        "why": "container app exited 1", "xc": 1, "evi": "DescribeTasks", "ratt": 0, "facts": "{}",
    }  # fmt: skip
    run = records.decode_run(item)
    assert (run.kind, run.key) == (RunKind.MIGRATION, RunKey.migration("db", "20261122093000"))
    assert (run.most_attempts, run.most_launches, run.stop_asked) == (1, 5, "")
    assert not run.unfinished
    assert {**records.encode_run(run), **records.run_place(KEY, run.key), "v": 1} == item


@pytest.mark.parametrize("sort", ["MIG#db", "OCC#a#b#c", "OCC#report#", "JOB#report#1", "HEAD"])
def test_an_item_that_is_no_run_s_is_refused(sort):
    """A sort key of another form is damage, not a run."""
    item = {**records.encode_run(RUN), "pk": f"A#{KEY}", "sk": sort, "v": 1}
    with pytest.raises(CorruptLedger, match="'sk'"):
        records.decode_run(item)


@pytest.mark.parametrize(
    "attribute", ["att", "lau", "ord", "ver", "tmo", "sto", "dg", "ratt", "matt"]
)
@pytest.mark.parametrize("value", [-1, 10**15])
def test_a_number_that_cannot_be_is_refused(attribute, value):
    """A negative or absurd counter is named with its range, and never used as a length of time."""
    item = {
        **records.encode_run(RUN),
        **records.run_place(KEY, RunKey.migration("db", "1")),
        "v": 1,
        attribute: value,
    }
    with pytest.raises(CorruptLedger, match=f"'{attribute}'.* from 0 to 2147483647"):
        records.decode_run(item)


def test_a_resource_survives_being_stored():
    """What was applied to a resource comes back as it was, under its address and with its version."""
    record = ResourceRecord("redis/main", {"group": {"numCacheClusters": 2}}, 4)
    write = records.resource_write(KEY, record)
    assert (write.condition, write.values) == ("ver = :ver", {":ver": 4})
    stored = to_item({**write.key, **write.put, "v": 1})
    assert records.decode_resource(from_item(stored)) == replace(record, version=5)


def test_a_negative_exit_code_is_one():
    """Windows containers end with such codes."""
    item = {
        **records.encode_run(RUN),
        **records.run_place(KEY, RunKey.migration("db", "1")),
        "v": 1,
        "xc": -1073741510,
    }
    assert records.decode_run(item).exit_code == -1073741510


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("st", "DANCING"), ("req", "[]"), ("t0", "yesterday"), ("att", True), ("tok", None), ("v", 2)],
)
def test_a_run_that_we_did_not_write_is_refused(attribute, value):
    """Wrong state, request, time, number, missing token, newer schema: CorruptLedger, named."""
    item = {
        **records.encode_run(RUN),
        **records.run_place(KEY, RunKey.migration("db", "1")),
        "v": 1,
    }
    item[attribute] = value
    with pytest.raises(CorruptLedger, match="MIG#db#1"):
        records.decode_run({k: v for k, v in item.items() if v is not None})


def test_a_run_moves_only_from_the_state_and_version_that_were_seen():
    """A transition from an outdated record is refused, as is creating it twice."""
    world = World()
    session = world.session()
    running = replace(RUN, state=RunState.RUNNING, version=2)
    session.commit([ENTRY], [records.run_write(KEY, RUN, None)])
    session.commit([ENTRY], [records.run_write(KEY, running, RUN)])
    for outdated in (records.run_write(KEY, RUN, None), records.run_write(KEY, running, RUN)):
        with pytest.raises(Superseded, match="MIG#db#"):
            session.commit([ENTRY], [outdated])
    with pytest.raises(ValueError, match="version"):
        records.run_write(KEY, running, running)


def test_a_claim_is_offered_once_and_revoked_only_while_offered():
    """A cell that was revoked or claimed can be neither offered nor revoked again."""
    world = World()
    session = world.session()
    cell = records.claim_key(KEY, RUN.newest)
    assert cell == "mig#production/shop/db#20261122093000#1#0"
    session.commit([ENTRY], [records.offer_claim(cell, 1)])
    session.commit([ENTRY], [records.revoke_claim(cell)])
    (item,) = world.dynamodb.items("reconciler-claims")
    assert records.decode_claim(item).state is ClaimState.REVOKED
    for write in (records.offer_claim(cell, 1), records.revoke_claim(cell)):
        with pytest.raises(Superseded, match="claims mig#"):
            session.commit([ENTRY], [write])


@pytest.mark.parametrize(
    ("make", "record"),
    [
        (records.service_write, SERVICE),
        (records.migration_write, MigrationRecord("db", "1", 1, gates=False, when="after")),
    ],
)
def test_records_are_replaced_only_at_the_version_that_was_read(make, record):
    """The first write needs that there is none, the next ones the version that was read."""
    world = World()
    session = world.session()
    session.commit([ENTRY], [make(KEY, record)])
    with pytest.raises(Superseded):
        session.commit([ENTRY], [make(KEY, record)])
    session.commit([ENTRY], [make(KEY, replace(record, version=1))])
    view = world.store().read()
    assert replace(record, version=2) in (*view.services.values(), *view.migrations.values())


def test_look_ups_come_back_as_they_were():
    """Lists, numbers, truth values and what was absent keep their types; nothing is as good as no item."""
    world = World()
    session = world.session()
    values = {
        "service/web": {
            "ssm:/a": "x",
            "ssm:/b": ("1", "2"),
            "tfstate:x.y.z": 3,
            "c": True,
            "d": None,
        }
    }
    session.commit([ENTRY], [records.lookups_write(KEY, {}, values)])
    assert world.store().read().lookups == values
    with pytest.raises(Superseded):
        session.commit([ENTRY], [records.lookups_write(KEY, {}, {})])
    session.commit([ENTRY], [records.lookups_write(KEY, values, {})])
    assert world.store().read().lookups == {}


def test_pins_and_suspension_are_conditional_on_what_was_read():
    """Their content's hash is their version: a writer with another snapshot is refused."""
    world = World()
    session = world.session()
    old, new = {"shop:1": "shop@sha256:1"}, {"shop:2": "shop@sha256:2"}
    session.commit([ENTRY], [records.pins_write(KEY, {}, old)])
    with pytest.raises(Superseded):
        session.commit([ENTRY], [records.pins_write(KEY, {}, new)])
    session.commit([ENTRY], [records.pins_write(KEY, old, new)])
    session.commit([ENTRY], [records.pins_write(KEY, new, {})])
    session.commit([ENTRY], [records.pins_write(KEY, {}, old)])
    pause = Suspension("deploy freeze", "arn:someone", "2026-11-22T09:30:00Z")
    session.commit([ENTRY], [records.suspension_write(KEY, None, pause)])
    assert world.store().read().suspension == pause
    session.commit([ENTRY], [records.suspension_write(KEY, pause, None)])
    assert world.store().read().suspension is None
    session.commit([ENTRY], [records.suspension_write(KEY, None, pause)])
    view = world.store().read()
    assert (view.suspension, view.pins) == (pause, old)
