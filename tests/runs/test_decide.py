"""The decision table: each row once, then every combination against what must never be decided."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler.model.run import (
    Claim,
    ClaimState,
    GuardMode,
    Run,
    RunKind,
    RunState,
    TaskPhase,
    TaskSighting,
)
from reconciler.runs.decide import TABLE, decide
from reconciler.runs.snapshot import (
    FINAL,
    GUARD_CONTAINER,
    MISSING_SINCE,
    STOPPING_SINCE,
    Do,
    Snapshot,
    TaskFacet,
)
from tests.fakes.clock import START
from tests.runs.conftest import MakeRun

ARN = "arn:aws:ecs:r:1:task/production/aaa"
TASKS: dict[str, TaskSighting | None] = {
    "unseen": None,
    "starting": TaskSighting(TaskPhase.STARTING, ARN),
    "running": TaskSighting(
        TaskPhase.RUNNING,
        ARN,
        started_at=START - timedelta(seconds=50),
        container_started=frozenset({"app"}),
    ),
    "exit 0": TaskSighting(TaskPhase.STOPPED, ARN, started_at=START, exit_codes={"app": 0}),
    "exit 1": TaskSighting(
        TaskPhase.STOPPED, ARN, started_at=START, exit_codes={"app": 1, "log": 0}
    ),
    "never started": TaskSighting(TaskPhase.STOPPED, ARN, stop_code="TaskFailedToStart"),
    "guard refused": TaskSighting(
        TaskPhase.STOPPED, ARN, started_at=START, exit_codes={GUARD_CONTAINER: 75}
    ),
    "no code": TaskSighting(
        TaskPhase.STOPPED, ARN, started_at=START, container_started=frozenset({"app"})
    ),
    "missing": TaskSighting(TaskPhase.MISSING, ARN),
}
CLAIMS: dict[str, Claim | None] = {
    "lost": None,
    **{str(state): Claim("k", state, 1, task_arn=ARN) for state in ClaimState},
}
OLD = START - timedelta(hours=2)
AGES = {"young": START - timedelta(minutes=1), "old": OLD}
FACTS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "missing since long": {MISSING_SINCE: OLD.isoformat()},
    "missing since now": {MISSING_SINCE: START.isoformat()},
    "stopping since long": {STOPPING_SINCE: OLD.isoformat()},
    "final": {FINAL: True},
}


def look(run: Run | None, claim: str = "CLAIMED", task: str = "running", **more: Any) -> Snapshot:
    """Return a snapshot in which the run is desired and holds the slot while it is in flight."""
    values = {"desired_revision": "1", "desired_attempt": 1, **more}
    return Snapshot(START, run, CLAIMS[claim], TASKS[task], **values)


def every_snapshot(make_run: MakeRun) -> itertools.chain[Snapshot]:
    """Every combination of the facets that a decision looks at."""

    def combine() -> Any:
        for state, mode, claim, task, age, facts, desired, older, slot, asked in itertools.product(
            RunState,
            GuardMode,
            CLAIMS,
            TASKS,
            AGES,
            FACTS,
            ("1", "2", None),
            ("", "9"),
            (None, "MIG#other#1"),
            (0, 2),
        ):
            run = make_run(
                state=state,
                mode=mode,
                intent_at=AGES[age],
                running_since=AGES[age],
                settled_at=AGES[age],
                facts=FACTS[facts],
                requested_attempt=asked,
                task_arn=None if state is RunState.LAUNCHING else ARN,
            )
            yield look(run, claim, task, desired_revision=desired, older_than=older, slot=slot)

    return itertools.chain(combine())


def every_snapshot_without_slot(make_run: MakeRun) -> Iterator[Snapshot]:
    """Every combination of what jobs and tasks add: kind, wish, stop, attempts left, being over."""
    for state, mode, claim, task, kind, wanted, stop, attempts, over, age in itertools.product(
        RunState,
        GuardMode,
        CLAIMS,
        TASKS,
        (RunKind.JOB, RunKind.TASK),
        ("1", None),
        ("", "replaced"),
        (1, 2),
        (False, True),
        AGES,
    ):
        run = make_run(
            kind=kind,
            state=state,
            mode=mode,
            stop_asked=stop,
            most_attempts=attempts,
            backoff_seconds=600,
            over=over,
            intent_at=AGES[age],
            running_since=AGES[age],
            settled_at=AGES[age],
            task_arn=None if state is RunState.LAUNCHING else ARN,
        )
        yield look(run, claim, task, desired_revision=wanted)


def keeps_the_rules(seen: Snapshot) -> Do:
    """Decide, check what holds for every kind of run, and return what was decided."""
    action, run = decide(seen), seen.run
    assert run is not None
    taken = seen.claim is not None and seen.claim.state in (ClaimState.CLAIMED, ClaimState.DONE)
    offered = seen.claim is not None and seen.claim.state is ClaimState.OFFERED
    token = run.mode is GuardMode.TOKEN
    evidence = token or taken
    match action.do:
        case Do.LAUNCH:
            assert run.state is RunState.LAUNCHING
            assert seen.window_open if token else offered
        case Do.SUCCEED:
            assert evidence
            assert seen.task_facet is TaskFacet.EXIT_ZERO
        case Do.FAIL if run.state is not RunState.NOT_STARTED:
            assert evidence
            assert seen.task_facet in (TaskFacet.EXIT_NONZERO, TaskFacet.NEVER_STARTED)
        case Do.REVOKE:
            assert not taken or token
        case Do.RELAUNCH | Do.RETRY | Do.INTENT:
            assert seen.slot is None
            assert run.revision == seen.desired_revision
            assert not seen.older_than or run.requested_attempt > run.attempt
            assert not run.state.in_flight
        case Do.STOP | Do.SEND_STOP:
            assert seen.task_facet is TaskFacet.ALIVE
        case Do.SETTLE:
            assert run.state is RunState.FAILED
            assert run.unfinished
    if run.state is RunState.SUCCEEDED:
        assert action.do is Do.NOTHING
    if run.state in (RunState.FAILED, RunState.NOT_STARTED):
        assert action.do in (Do.NOTHING, Do.WAIT, Do.RELAUNCH, Do.RETRY, Do.FAIL, Do.SETTLE)
    return action.do


def test_no_combination_breaks_a_rule(make_run: MakeRun) -> None:
    """Over all combinations: launches, verdicts and stops only where the protocol allows them."""
    done = Counter(keeps_the_rules(seen) for seen in every_snapshot(make_run))
    assert set(done) == set(Do) - {Do.INTENT, Do.SETTLE}


def test_no_combination_of_a_job_or_task_breaks_a_rule(make_run: MakeRun) -> None:
    """What is over, or to be stopped, or wanted by nobody is never started again; the rules hold."""
    done: Counter[Do] = Counter()
    for seen in every_snapshot_without_slot(make_run):
        did, run = keeps_the_rules(seen), seen.run
        assert run is not None
        done[did] += 1
        if did in (Do.RETRY, Do.RELAUNCH):
            assert not run.stop_asked
            assert seen.desired_revision is not None
        if did is Do.RETRY:
            assert not run.over
            assert run.attempt < run.most_attempts
    assert set(done) == set(Do) - {Do.INTENT, Do.NOTE_SEEN}


def test_every_row_is_reached(make_run: MakeRun) -> None:
    """No row of the table is shadowed by those above it."""
    reached: set[int] = set()
    absent = [
        look(None, "lost", "unseen", decided=True),
        *(
            look(None, "lost", "unseen", slot=slot, older_than=o)
            for slot in (None, "x")
            for o in ("", "9")
        ),
    ]
    unfound = make_run(state=RunState.UNKNOWN, mode=GuardMode.TOKEN, task_arn=None)
    recent = make_run(state=RunState.NOT_STARTED, settled_at=START)
    stopping = make_run(state=RunState.STOPPING, facts={STOPPING_SINCE: START.isoformat()})
    started = make_run(start_timeout_seconds=7200, intent_at=START, running_since=START)
    extra = [
        *absent,
        look(unfound),
        look(recent),
        look(stopping),
        look(started, "OFFERED", "starting"),
    ]
    slotless = every_snapshot_without_slot(make_run)
    for seen in itertools.chain(extra, slotless, every_snapshot(make_run)):
        reached.add(next(n for n, row in enumerate(TABLE) if row.matches(seen)))
    assert reached == set(range(len(TABLE)))


@pytest.mark.parametrize(
    ("state", "claim", "task", "expected"),
    [
        (RunState.LAUNCHING, "OFFERED", "unseen", Do.LAUNCH),
        (RunState.LAUNCHING, "CLAIMED", "unseen", Do.RUNNING),
        (RunState.LAUNCHING, "REVOKED", "unseen", Do.REVOKE),
        (RunState.LAUNCHING, "lost", "unseen", Do.UNKNOWN),
        (RunState.RUNNING, "CLAIMED", "exit 0", Do.SUCCEED),
        (RunState.STOPPING, "CLAIMED", "exit 0", Do.SUCCEED),
        (RunState.UNKNOWN, "CLAIMED", "exit 0", Do.SUCCEED),
        (RunState.RUNNING, "CLAIMED", "exit 1", Do.FAIL),
        (RunState.RUNNING, "CLAIMED", "never started", Do.FAIL),
        (RunState.RUNNING, "CLAIMED", "guard refused", Do.FAIL),
        (RunState.RUNNING, "OFFERED", "never started", Do.REVOKE),
        (RunState.RUNNING, "OFFERED", "guard refused", Do.REVOKE),
        (RunState.RUNNING, "OFFERED", "exit 0", Do.UNKNOWN),
        (RunState.RUNNING, "CLAIMED", "no code", Do.UNKNOWN),
        (RunState.RUNNING, "CLAIMED", "missing", Do.WAIT),
        (RunState.RUNNING, "CLAIMED", "running", Do.WAIT),
        (RunState.RUNNING, "OFFERED", "starting", Do.WAIT),
        (RunState.UNKNOWN, "CLAIMED", "running", Do.RUNNING),
        (RunState.UNKNOWN, "lost", "exit 0", Do.WAIT),
    ],
)
def test_verdicts_come_from_claim_and_named_container(
    make_run: MakeRun, state: RunState, claim: str, task: str, expected: Do
) -> None:
    """The claimant's task and the exit code of the named container decide, as the table says."""
    arn = None if state is RunState.LAUNCHING else ARN
    assert decide(look(make_run(state=state, task_arn=arn), claim, task)).do is expected


def test_absent_run_of_the_desired_revision_is_intended() -> None:
    """A revision that the ledger does not know is offered."""
    assert decide(look(None, "lost", "unseen")).do is Do.INTENT


def test_older_revision_never_runs_by_itself() -> None:
    """An older revision in git is said to be one, and nothing happens."""
    action = decide(look(None, "lost", "unseen", older_than="9"))
    assert action.do is Do.NOTHING
    assert "older than 9" in action.reason


def test_superseded_launch_is_cancelled_only_while_unclaimed(make_run: MakeRun) -> None:
    """Another desired revision takes back an offered launch; a claimed one is driven to its end."""
    run = make_run(state=RunState.LAUNCHING, task_arn=None)
    assert decide(look(run, "OFFERED", "unseen", desired_revision="2")).do is Do.REVOKE
    assert decide(look(run, "CLAIMED", "unseen", desired_revision="2")).do is Do.RUNNING


def test_timeout_stops_first_and_judges_later(make_run: MakeRun) -> None:
    """Past its timeout a run is stopped; only its end decides, even an exit 0."""
    run = make_run(timeout_seconds=30)
    assert decide(look(run)).do is Do.STOP
    stopping = make_run(state=RunState.STOPPING, facts={STOPPING_SINCE: START.isoformat()})
    assert decide(look(stopping)).do is Do.SEND_STOP
    overdue = replace(stopping, facts={STOPPING_SINCE: OLD.isoformat()})
    assert decide(look(overdue)).do is Do.UNKNOWN


def test_missing_task_is_noted_before_it_is_unknown(make_run: MakeRun) -> None:
    """A task that vanishes gets ten minutes from its first missing look, however long it was seen."""
    run = make_run(intent_at=OLD, running_since=OLD)
    assert decide(look(run, task="missing")).do is Do.NOTE_MISSING
    noted = replace(run, facts={MISSING_SINCE: START.isoformat()})
    assert decide(look(noted, task="missing")).do is Do.WAIT
    assert decide(look(noted, task="running")).do is Do.NOTE_SEEN
    long_gone = replace(run, facts={MISSING_SINCE: OLD.isoformat()})
    assert decide(look(long_gone, task="missing")).do is Do.UNKNOWN
    assert decide(look(long_gone, "OFFERED", "missing")).do is Do.REVOKE


def test_failed_run_waits_for_a_higher_attempt(make_run: MakeRun) -> None:
    """Only git's attempt or an operator's request above the recorded one repeats a failed run."""
    run = make_run(state=RunState.FAILED)
    assert decide(look(run)).do is Do.NOTHING
    assert decide(look(run, desired_attempt=2)).do is Do.RETRY
    assert decide(look(replace(run, requested_attempt=2))).do is Do.RETRY


def test_relaunch_backs_off_and_gives_up_after_five(make_run: MakeRun) -> None:
    """A launch that never executed is repeated after 30 s, 60 s …, and five of them are a failure."""
    run = make_run(state=RunState.NOT_STARTED, settled_at=START - timedelta(seconds=20))
    waiting = decide(look(run))
    assert (waiting.do, waiting.after) == (Do.WAIT, timedelta(seconds=10))
    assert decide(look(replace(run, settled_at=START - timedelta(seconds=30)))).do is Do.RELAUNCH
    assert decide(look(replace(run, launch=1))).after == timedelta(seconds=40)
    assert decide(look(replace(run, launch=4))).do is Do.FAIL
    assert decide(look(replace(run, facts={FINAL: True}))).do is Do.FAIL


def test_token_mode_launches_only_inside_the_window(make_run: MakeRun) -> None:
    """Without a claim cell RunTask is replayed for 40 minutes; then the task is looked for."""
    run = make_run(state=RunState.LAUNCHING, mode=GuardMode.TOKEN, task_arn=None)
    assert decide(look(run, "lost", "unseen")).do is Do.LAUNCH
    late = replace(run, intent_at=START - timedelta(minutes=40))
    assert decide(look(late, "lost", "unseen")).do is Do.UNKNOWN
    found = decide(look(late, "lost", "exit 0"))
    assert (found.do, found.arn) == (Do.RUNNING, ARN)


def test_waits_grow_from_two_to_thirty_seconds(make_run: MakeRun) -> None:
    """What has just begun is looked at every two seconds, what goes on every thirty."""
    young = make_run(intent_at=START, running_since=START)
    assert decide(look(young, "OFFERED", "starting")).after == timedelta(seconds=2)
    old = make_run(running_since=OLD, timeout_seconds=90_000)
    running = replace(TASKS["running"], started_at=OLD)  # type: ignore[type-var]
    seen = Snapshot(START, old, CLAIMS["CLAIMED"], running, desired_revision="1")
    assert decide(seen).after == timedelta(seconds=30)
