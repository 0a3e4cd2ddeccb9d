"""Facts about what is due: each occurrence is started once or skipped for ever, in order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.due import CatchUp, Concurrency, JobPolicy
from reconciler.plan.occurrences import COUNTED, ON_TIME, due, resumed
from reconciler.plan.schedule import Schedule

HOURLY = Schedule.parse("0 * * * *")
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def _policy(
    catch_up: CatchUp = CatchUp.LATEST,
    concurrency: Concurrency = Concurrency.FORBID,
    deadline: timedelta | None = None,
) -> JobPolicy:
    return JobPolicy(concurrency, catch_up, deadline)


def test_nothing_is_due_between_two_occurrences() -> None:
    """After the floor and before the next occurrence there is nothing to do, and it says when there is."""
    found = due(HOURLY, _policy(), NOON, NOON + HOUR / 2)
    assert (found.start, found.skipped, found.waits) == (None, (), "")
    assert found.next == found.look_again == NOON + HOUR


def test_occurrence_is_started_in_its_second() -> None:
    """An occurrence is due at its instant and not a moment before."""
    assert due(HOURLY, _policy(), NOON, NOON + HOUR).start == NOON + HOUR
    assert due(HOURLY, _policy(), NOON, NOON + HOUR - timedelta(microseconds=1)).start is None


def test_latest_of_ten_missed_is_started_and_nine_are_skipped() -> None:
    """After ten missed occurrences the latest runs, and the record says what became of the others."""
    found = due(HOURLY, _policy(), NOON, NOON + 10.5 * HOUR)
    assert found.start == NOON + 10 * HOUR
    (skipped,) = found.skipped
    assert (skipped.first, skipped.last, skipped.count) == (NOON + HOUR, NOON + 9 * HOUR, 9)
    assert skipped.reason == "a later one is due"


def test_all_missed_are_started_one_after_the_other() -> None:
    """With `catchUp: all` the earliest comes first."""
    found = due(HOURLY, _policy(CatchUp.ALL), NOON, NOON + 10.5 * HOUR)
    assert (found.start, found.skipped) == (NOON + HOUR, ())


def test_none_of_the_missed_is_started_but_one_in_time_is() -> None:
    """With `catchUp: none` only what is started within two minutes runs."""
    late = due(HOURLY, _policy(CatchUp.NONE), NOON, NOON + 10.5 * HOUR)
    assert late.start is None
    assert late.skipped[0].count == 10
    assert "catchUp is none" in late.skipped[0].reason
    in_time = due(HOURLY, _policy(CatchUp.NONE), NOON, NOON + 10 * HOUR + ON_TIME)
    assert in_time.start == NOON + 10 * HOUR
    assert in_time.skipped[0].count == 9


def test_starting_deadline_is_the_last_moment() -> None:
    """At its starting deadline an occurrence still runs, after it never."""
    policy = _policy(deadline=HOUR / 2)
    at = NOON + HOUR
    assert due(HOURLY, policy, NOON, at + HOUR / 2).start == at
    late = due(HOURLY, policy, NOON, at + HOUR / 2 + timedelta(seconds=1))
    assert late.start is None
    assert late.skipped[0].reason == "its starting deadline has passed"


def test_forbid_waits_and_says_why_and_until_when() -> None:
    """While a run is under way the next one waits, undecided, until its deadline."""
    policy = _policy(deadline=HOUR / 2)
    found = due(HOURLY, policy, NOON, NOON + HOUR, under_way=True)
    assert (found.start, found.skipped) == (None, ())
    assert found.waits == "a run of it is under way"
    assert found.look_again == NOON + 1.5 * HOUR


def test_allow_and_replace_do_not_wait() -> None:
    """A run under way keeps back only a job that forbids two at a time."""
    for concurrency in (Concurrency.ALLOW, Concurrency.REPLACE):
        policy = _policy(concurrency=concurrency)
        assert due(HOURLY, policy, NOON, NOON + HOUR, under_way=True).start == NOON + HOUR


def test_held_job_waits_with_the_reason() -> None:
    """While a migration holds it, an occurrence that is due is neither started nor skipped."""
    found = due(HOURLY, _policy(), NOON, NOON + HOUR, held="migration/db failed")
    assert (found.start, found.waits) == (None, "migration/db failed")


def test_suspended_job_decides_nothing_and_forgets_when_resumed() -> None:
    """A suspended job moves nothing; what it missed is skipped in one piece when it goes on."""
    policy = JobPolicy(suspended=True)
    found = due(HOURLY, policy, NOON, NOON + 3 * HOUR)
    assert (found.start, found.skipped, found.waits) == (None, (), "suspended")
    (skipped,) = resumed(HOURLY, NOON, NOON + 3.5 * HOUR)
    assert (skipped.count, skipped.last) == (3, NOON + 3 * HOUR)


def test_half_a_million_missed_are_not_counted_one_by_one() -> None:
    """What a job of every minute misses in a year is skipped in one piece, to its very last one."""
    every_minute = Schedule.parse("* * * * *")
    found = due(every_minute, _policy(deadline=HOUR), NOON, NOON + timedelta(days=365))
    assert found.start == NOON + timedelta(days=365)
    assert found.skipped[0].count == COUNTED
    assert found.skipped[0].last == NOON + timedelta(days=365) - HOUR - timedelta(minutes=1)


POLICIES = st.builds(
    JobPolicy,
    st.sampled_from(Concurrency),
    st.sampled_from(CatchUp),
    st.sampled_from([None, timedelta(minutes=5), HOUR, 5 * HOUR]),
)
STEPS = st.lists(
    st.tuples(st.integers(-7200, 20_000), st.booleans(), st.booleans()), min_size=1, max_size=40
)


@settings(max_examples=300)
@given(POLICIES, STEPS, st.sampled_from(["0 * * * *", "*/5 * * * *", "rate(17 minutes)"]))
def test_every_occurrence_is_decided_once_and_in_order(
    policy: JobPolicy, steps: list[tuple[int, bool, bool]], text: str
) -> None:
    """However the clock jumps, no occurrence is started twice, early, or after it was skipped."""
    schedule, floor, now, highest = Schedule.parse(text), NOON, NOON, NOON
    started: list[datetime] = []
    skipped = 0
    for seconds, under_way, held in steps:
        now += timedelta(seconds=seconds)
        highest = max(highest, now)
        found = due(schedule, policy, floor, now, under_way=under_way, held="held" if held else "")
        for piece in found.skipped:
            assert floor < piece.first <= piece.last <= now
            floor = piece.last
            skipped += piece.count
        if found.start is not None:
            assert floor < found.start <= now
            assert not held
            floor = found.start
            started.append(found.start)
        assert found.next is None or found.next > now
    assert started == sorted(set(started))
    decided = list(schedule.between(NOON, floor))
    assert len(decided) == len(started) + skipped
    assert set(started) <= set(decided)
    assert floor <= highest
