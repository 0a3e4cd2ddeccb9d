"""A job's record: what is decided, asked for and ended; and HEAD's list of unfinished runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.aws.items import from_item, to_item
from reconciler.model.errors import CorruptLedger, Superseded
from reconciler.model.job import (
    Ended,
    History,
    JobRecord,
    Trigger,
    instant_of,
    occurrence,
    occurrence_by_hand,
)
from reconciler.model.run import RunKey, RunKind, RunState
from reconciler.store.job_records import decode_job, job_write
from reconciler.store.records import encode_run, run_place, run_write
from reconciler.store.run_records import forget_write
from reconciler.store.session import HeadChange
from tests.store.test_records import RUN, WHEN
from tests.store.world import ENTRY, KEY, World

OCCURRENCE = replace(RUN, kind=RunKind.JOB, name="report", revision=occurrence(WHEN))

instants = st.integers(946_684_800, 4_102_444_800).map(lambda s: datetime.fromtimestamp(s, UTC))
names = instants.map(occurrence) | st.from_regex(r"manual-[a-z0-9.:-]{1,20}", fullmatch=True)
jobs = st.builds(
    JobRecord,
    name=st.just("report"),
    floor=st.none() | instants,
    requests=st.lists(
        st.builds(Trigger, st.text(), st.text(), instants, st.text()), max_size=3
    ).map(tuple),
    recent=st.lists(
        st.builds(Ended, names, st.sampled_from(RunState), instants),
        max_size=20,
        unique_by=lambda e: e.occurrence,
    ).map(tuple),
    history=st.builds(History, st.integers(0, 9), st.integers(0, 9)),
    version=st.integers(0, 9),
)


@given(record=jobs)
def test_a_job_survives_being_stored(record):
    """Decoding what was encoded gives the same record, one version later."""
    write = job_write(KEY, record)
    stored = from_item(to_item({**write.key, **write.put, "v": 1}))
    assert decode_job(stored) == replace(record, version=record.version + 1)


@given(instant=instants)
def test_an_occurrence_is_named_after_its_instant(instant):
    """The name is the instant in UTC, and tells it back; one by hand has none."""
    assert instant_of(occurrence(instant)) == instant
    assert instant_of(occurrence_by_hand("x")) is None
    tokyo = timezone(timedelta(hours=9))
    assert occurrence(instant.astimezone(tokyo)) == occurrence(instant)


@given(record=jobs, through=st.lists(instants, min_size=1), name=names)
def test_the_floor_never_goes_back(record, through, name):
    """In whatever order occurrences are decided, everything that was decided stays so."""
    after = record
    for instant in through:
        after = after.passed(instant)
        assert after.decided(occurrence(instant))
    begun = after.begun(name, History())
    assert begun.floor is not None
    assert begun.floor >= after.floor
    assert begun.decided(name) is (instant_of(name) is not None)


@given(record=jobs, name=names, state=st.sampled_from([RunState.SUCCEEDED, RunState.FAILED]))
def test_history_keeps_the_newest_and_never_drops_the_last(record, name, state):
    """Nothing is lost or kept twice, limits hold up to the newest, and at most so many go at a time."""
    run = replace(OCCURRENCE, revision=name, state=state)
    after, dropped = record.ended(run, WHEN, 5)
    before = {e.occurrence for e in record.recent} | {name}
    kept = [e.occurrence for e in after.recent]
    assert set(kept) | set(dropped) == before
    assert len(kept) + len(dropped) == len(before)
    assert kept[-1] == name
    assert len(dropped) <= 5
    if len(dropped) < 5:
        good = [e for e in after.recent if e.state is RunState.SUCCEEDED]
        assert len(good) <= max(1, record.history.succeeded)
        assert len(after.recent) - len(good) <= max(1, record.history.failed)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("flo", "yesterday"),
        ("reqs", "none"),
        ("reqs", [{"key": "x"}]),
        ("rec", [{"occ": "tomorrow", "st": "FAILED", "t9": WHEN.isoformat()}]),
        ("rec", [{"occ": occurrence(WHEN), "st": "LOST", "t9": WHEN.isoformat()}]),
        ("hsuc", -1),
        ("ver", None),
    ],
)
def test_a_damaged_record_is_named(attribute, value):
    """What we did not write is refused with table and key, and never guessed at."""
    write = job_write(KEY, JobRecord("report"))
    item = {**write.key, **write.put, "v": 1, attribute: value}
    with pytest.raises(CorruptLedger, match="state: item A#production/shop L#JOB#report"):
        decode_job({k: v for k, v in item.items() if v is not None})


def test_unfinished_runs_come_with_the_snapshot():
    """HEAD lists them, the same three reads bring them; what was struck off is no longer read."""
    world = World()
    session = world.session()
    write = run_write(KEY, OCCURRENCE, None)
    session.commit([ENTRY], [write], HeadChange(listed=OCCURRENCE.key))
    sent = len(world.transport.calls)
    view = world.store().read()
    assert world.transport.operations()[sent:] == ["GetItem", "Query", "BatchGetItem"]
    assert view.unfinished_runs == (OCCURRENCE,)
    other = RunKey(RunKind.TASK, "web", "k.1")
    session.commit([ENTRY], change=HeadChange(listed=other, struck=OCCURRENCE.key))
    assert session.head.unfinished == (str(other),)
    session.commit([ENTRY], change=HeadChange(struck=other))
    assert world.store().read().unfinished == ()
    assert "unf" not in next(
        i for i in world.dynamodb.items("reconciler-state") if i["sk"] == "HEAD"
    )


def test_an_unfinished_run_without_its_item_is_damage():
    """HEAD names a run that nobody knows: nothing is guessed, the item is named."""
    world = World()
    world.session().commit([ENTRY], change=HeadChange(listed=OCCURRENCE.key))
    with pytest.raises(CorruptLedger, match=r"has no item OCC#report#.* put it back"):
        world.store().read()


def test_only_what_is_over_is_forgotten():
    """An item is marked for deletion only when nothing can follow; a repeated run takes the mark off."""
    world = World()
    session = world.session()
    forget = forget_write(KEY, OCCURRENCE.key, WHEN + timedelta(days=1))
    session.commit([ENTRY], [run_write(KEY, OCCURRENCE, None)])
    with pytest.raises(Superseded):
        session.commit([ENTRY], [forget])
    over = replace(OCCURRENCE, state=RunState.FAILED, over=True, version=2)
    session.commit([ENTRY], [run_write(KEY, over, OCCURRENCE)])
    session.commit([ENTRY], [forget])
    assert world.store().runs(RunKind.JOB) == []
    again = replace(over, over=False, version=3)
    session.commit([ENTRY], [run_write(KEY, again, over)])
    assert world.store().runs(RunKind.JOB) == [again]
    assert {**encode_run(again), **run_place(KEY, again.key), "v": 1} in world.dynamodb.items(
        "reconciler-state"
    )
