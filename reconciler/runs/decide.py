"""The decision: one consistent snapshot of a run in, one action out. PURE.

Called by `runs.advance`, which carries the action out by one transaction of `runs.transitions`. The
table below is the whole protocol of a leader's step; the first row that matches wins.
Why each row is safe: docs/exactly-once.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reconciler.model.run import RunState
from reconciler.runs.actions import (
    TOOK_TOO_LONG,
    Then,
    backoff,
    claimant,
    do,
    give_up,
    no_more,
    older,
    retry_later,
    starter_waits,
    stop,
    unknown,
    verdict,
    visible,
    wait,
)
from reconciler.runs.limits import look_again
from reconciler.runs.snapshot import Action, ClaimFacet, Do, Snapshot, TaskFacet

# state                claim       task           also                          → action
# --------------------------------------------------------------------------------------------------
# SUCCEEDED            ·           ·                                            nothing, for ever
# FAILED               ·           ·              over                          nothing
# absent               ·           ·              occurrence decided before     nothing
# NOT_STARTED          ·           ·              stop asked for | deserted     T9f FAILED, over
# FAILED               ·           ·              stop asked for | deserted     T13 over
# NOT_STARTED          ·           ·              a task, its starter not gone  wait
# absent|NOT_ST|FAILED ·           ·              revision not desired          nothing
# absent|NOT_ST|FAILED ·           ·              older, nobody asked           nothing, and say so
# absent|NOT_ST|FAILED ·           ·              slot taken by another run     wait
# absent               ·           ·                                            T6  intent
# NOT_STARTED          ·           ·              all launches | bad request    T9f FAILED
# NOT_STARTED          ·           ·              backoff not over              wait
# NOT_STARTED          ·           ·                                            T6' relaunch
# FAILED               ·           ·              attempt asked > recorded      T11 next attempt
# FAILED               ·           ·              attempts left, backoff        wait
# FAILED               ·           ·              attempts left                 T11 next attempt
# FAILED               ·           ·                                            nothing
# in flight            revoked     ·                                            T8  NOT_STARTED
# UNKNOWN              lost        ·                                            wait for a person
# other in flight      lost        ·                                            T10 UNKNOWN
# LAUNCHING            taken       ·                                            T7  RUNNING(claimant)
# LAUNCHING            offered     ·              another revision is desired   T8  cancel, for free
# LAUNCHING            offered     ·              stop asked for                T8  cancel, for free
# LAUNCHING            offered     ·              start timeout over            T8  revoke, StopTask
# LAUNCHING            offered     ·                                            RunTask, frozen request
# LAUNCHING            none        ·              token window open             RunTask, frozen request
# LAUNCHING|UNKNOWN    none        seen           no ARN recorded               T7  RUNNING(found)
# LAUNCHING            none        ·                                            T10 UNKNOWN
# the rest: RUNNING, STOPPING, UNKNOWN
#                      taken|none  exit 0                                       T9s SUCCEEDED
#                      taken|none  exit ≠ 0                                     T9f FAILED
#                      offered     exit code      (guard ignored?)              T10 UNKNOWN
#                      offered     stopped                                      T8  revoke
#                      taken       never started                                T9f FAILED, not executed
#                      none        never started                                T8  NOT_STARTED
#                      ·           no exit code   it did run                    T10 UNKNOWN
#                      ·           missing        shorter than 10 min           wait (note it once)
#                      offered     missing                                      T8  revoke
#                      ·           missing                                      T10 UNKNOWN
#                      ·           unseen                                       wait
#                      ·           alive          was noted missing             forget the note
#                      offered     alive          start timeout over            T8  revoke, StopTask
# UNKNOWN              ·           alive          no stop decided               T7' RUNNING again
# RUNNING              offered     alive          stop asked for                T8  revoke, StopTask
# RUNNING              not offered alive          stop asked for                T9  STOPPING
# RUNNING              not offered alive          timeout over                  T9  STOPPING
# STOPPING             ·           alive          stop unconfirmed for 12 min   T10 UNKNOWN
# STOPPING|UNKNOWN     ·           alive          stop decided                  StopTask again
#                      ·           alive                                        wait
# T10 for a run that is UNKNOWN already is: wait.

_State = RunState | None
_ABSENT: frozenset[_State] = frozenset({None})
_FAILED: frozenset[_State] = frozenset({RunState.FAILED})
_NOT_STARTED: frozenset[_State] = frozenset({RunState.NOT_STARTED})
_LAUNCHING: frozenset[_State] = frozenset({RunState.LAUNCHING})
_RUNNING: frozenset[_State] = frozenset({RunState.RUNNING})
_STOPPING: frozenset[_State] = frozenset({RunState.STOPPING})
_UNKNOWN: frozenset[_State] = frozenset({RunState.UNKNOWN})
_SUCCEEDED: frozenset[_State] = frozenset({RunState.SUCCEEDED})
_RESTING = _ABSENT | _NOT_STARTED | _FAILED
_STARTED = _RUNNING | _STOPPING | _UNKNOWN
_IN_FLIGHT = _LAUNCHING | _STARTED

_Claims = frozenset[ClaimFacet]
_ANY_CLAIM: _Claims = frozenset(ClaimFacet)
_OFFERED: _Claims = frozenset({ClaimFacet.OFFERED})
_TAKEN: _Claims = frozenset({ClaimFacet.TAKEN})
_NONE: _Claims = frozenset({ClaimFacet.NONE})
_REVOKED: _Claims = frozenset({ClaimFacet.REVOKED})
_LOST: _Claims = frozenset({ClaimFacet.LOST})

_Tasks = frozenset[TaskFacet]
_ANY_TASK: _Tasks = frozenset(TaskFacet)
_ALIVE: _Tasks = frozenset({TaskFacet.ALIVE})
_MISSING: _Tasks = frozenset({TaskFacet.MISSING})
_EXITED: _Tasks = frozenset({TaskFacet.EXIT_ZERO, TaskFacet.EXIT_NONZERO})
_STOPPED_WITHOUT_CODE: _Tasks = frozenset({TaskFacet.NEVER_STARTED, TaskFacet.NO_CODE})
_SEEN = _ALIVE | _EXITED | _STOPPED_WITHOUT_CODE


@dataclass(frozen=True)
class Row:
    """One row of the table: the facets it is for, a condition on top, and what follows."""

    states: frozenset[_State]
    claims: _Claims
    tasks: _Tasks
    also: Callable[[Snapshot], bool]
    then: Then

    def matches(self, snapshot: Snapshot) -> bool:
        """Whether the row is for this snapshot."""
        return (
            snapshot.state in self.states
            and snapshot.claim_facet in self.claims
            and snapshot.task_facet in self.tasks
            and self.also(snapshot)
        )


def _always(_: Snapshot) -> bool:
    return True


def _unwanted(s: Snapshot) -> bool:
    return bool(s.stop_asked) or s.deserted


_NO_CELL = "the claim cell of this launch is gone from the claims table"
_UNCLAIMED = "the container ran although nobody claimed the run: is its guard container in place?"
_LOST_CODE = "the container had started, and ECS does not know its exit code"
_GONE = "ECS no longer shows the task, and its outcome was not seen"
_NOT_FOUND = "the launch was not confirmed while ECS remembered its token, and no task is visible"
_UNSTOPPED = "StopTask was sent, and ECS has not confirmed the stop"
_NOBODY = "nobody claimed the run within its start timeout"

TABLE: tuple[Row, ...] = (
    Row(_SUCCEEDED, _ANY_CLAIM, _ANY_TASK, _always, do(Do.NOTHING, "succeeded")),
    Row(_FAILED, _ANY_CLAIM, _ANY_TASK, lambda s: s.over, do(Do.NOTHING, "failed")),
    Row(_ABSENT, _ANY_CLAIM, _ANY_TASK, lambda s: s.decided, do(Do.NOTHING, "decided before")),
    Row(_NOT_STARTED, _ANY_CLAIM, _ANY_TASK, _unwanted, no_more(Do.FAIL)),
    Row(
        _FAILED, _ANY_CLAIM, _ANY_TASK, lambda s: _unwanted(s) and s.unfinished, no_more(Do.SETTLE)
    ),
    Row(_NOT_STARTED, _ANY_CLAIM, _ANY_TASK, lambda s: s.left_by_starter, starter_waits),
    Row(_RESTING, _ANY_CLAIM, _ANY_TASK, lambda s: not s.desired, do(Do.NOTHING, "not desired")),
    Row(
        _RESTING,
        _ANY_CLAIM,
        _ANY_TASK,
        lambda s: bool(s.older_than) and not s.asked_by_operator,
        older,
    ),
    Row(_RESTING, _ANY_CLAIM, _ANY_TASK, lambda s: s.slot_taken, wait("another run is in flight")),
    Row(_ABSENT, _ANY_CLAIM, _ANY_TASK, _always, do(Do.INTENT)),
    Row(_NOT_STARTED, _ANY_CLAIM, _ANY_TASK, lambda s: s.launches_used_up, give_up),
    Row(_NOT_STARTED, _ANY_CLAIM, _ANY_TASK, lambda s: bool(s.backoff_left), backoff),
    Row(_NOT_STARTED, _ANY_CLAIM, _ANY_TASK, _always, do(Do.RELAUNCH)),
    Row(
        _FAILED,
        _ANY_CLAIM,
        _ANY_TASK,
        lambda s: s.run is not None and s.attempt_asked > s.run.attempt,
        do(Do.RETRY),
    ),
    Row(
        _FAILED,
        _ANY_CLAIM,
        _ANY_TASK,
        lambda s: s.attempts_left and bool(s.retry_left),
        retry_later,
    ),
    Row(_FAILED, _ANY_CLAIM, _ANY_TASK, lambda s: s.attempts_left, do(Do.RETRY)),
    Row(_FAILED, _ANY_CLAIM, _ANY_TASK, _always, do(Do.NOTHING, "failed")),
    Row(_IN_FLIGHT, _REVOKED, _ANY_TASK, _always, do(Do.REVOKE, "the claim was revoked")),
    Row(_IN_FLIGHT, _LOST, _ANY_TASK, _always, unknown(_NO_CELL)),
    Row(_LAUNCHING, _TAKEN, _ANY_TASK, _always, claimant),
    Row(
        _LAUNCHING,
        _OFFERED,
        _ANY_TASK,
        lambda s: s.superseded,
        do(Do.REVOKE, "another revision is desired, and this one has not started"),
    ),
    Row(_LAUNCHING, _OFFERED, _ANY_TASK, lambda s: bool(s.stop_asked), stop(Do.REVOKE)),
    Row(_LAUNCHING, _OFFERED, _ANY_TASK, lambda s: s.start_overdue, do(Do.REVOKE, _NOBODY)),
    Row(_LAUNCHING, _OFFERED, _ANY_TASK, _always, do(Do.LAUNCH)),
    Row(_LAUNCHING, _NONE, _ANY_TASK, lambda s: s.window_open, do(Do.LAUNCH)),
    Row(
        _LAUNCHING | _UNKNOWN,
        _NONE,
        _SEEN,
        lambda s: s.run is not None and s.run.task_arn is None,
        visible,
    ),
    Row(_LAUNCHING, _NONE, _ANY_TASK, _always, unknown(_NOT_FOUND)),
    Row(
        _STARTED,
        _TAKEN | _NONE,
        frozenset({TaskFacet.EXIT_ZERO}),
        _always,
        verdict(Do.SUCCEED),
    ),
    Row(
        _STARTED,
        _TAKEN | _NONE,
        frozenset({TaskFacet.EXIT_NONZERO}),
        _always,
        verdict(Do.FAIL),
    ),
    Row(_STARTED, _OFFERED, _EXITED, _always, unknown(_UNCLAIMED)),
    Row(_STARTED, _OFFERED, _STOPPED_WITHOUT_CODE, _always, verdict(Do.REVOKE)),
    Row(_STARTED, _TAKEN, frozenset({TaskFacet.NEVER_STARTED}), _always, verdict(Do.FAIL)),
    Row(_STARTED, _NONE, frozenset({TaskFacet.NEVER_STARTED}), _always, verdict(Do.REVOKE)),
    Row(_STARTED, _ANY_CLAIM, frozenset({TaskFacet.NO_CODE}), _always, unknown(_LOST_CODE)),
    Row(
        _STARTED,
        _ANY_CLAIM,
        _MISSING,
        lambda s: s.missing_young,
        wait("waiting for ECS to show the task"),
    ),
    Row(_UNKNOWN, _OFFERED, _MISSING, _always, do(Do.REVOKE, _GONE)),
    Row(_UNKNOWN, _ANY_CLAIM, _MISSING, _always, unknown(_GONE)),
    Row(_STARTED, _ANY_CLAIM, _MISSING, lambda s: not s.missing_noted, do(Do.NOTE_MISSING, _GONE)),
    Row(_STARTED, _OFFERED, _MISSING, _always, do(Do.REVOKE, _GONE)),
    Row(_STARTED, _ANY_CLAIM, _MISSING, _always, unknown(_GONE)),
    Row(
        _STARTED,
        _ANY_CLAIM,
        frozenset({TaskFacet.UNSEEN}),
        _always,
        wait("waiting for evidence of the task"),
    ),
    Row(_RUNNING, _ANY_CLAIM, _ALIVE, lambda s: s.missing_noted, do(Do.NOTE_SEEN, "visible again")),
    Row(_STARTED, _OFFERED, _ALIVE, lambda s: s.start_overdue, do(Do.REVOKE, _NOBODY)),
    Row(_UNKNOWN, _ANY_CLAIM, _ALIVE, lambda s: not s.stopping, visible),
    Row(_RUNNING, _OFFERED, _ALIVE, lambda s: bool(s.stop_asked), stop(Do.REVOKE)),
    Row(_RUNNING, _ANY_CLAIM, _ALIVE, lambda s: bool(s.stop_asked), stop(Do.STOP)),
    Row(
        _RUNNING,
        _ANY_CLAIM - _OFFERED,
        _ALIVE,
        lambda s: s.timed_out,
        do(Do.STOP, TOOK_TOO_LONG),
    ),
    Row(_STOPPING, _ANY_CLAIM, _ALIVE, lambda s: s.stop_overdue, unknown(_UNSTOPPED)),
    Row(_STOPPING | _UNKNOWN, _ANY_CLAIM, _ALIVE, _always, do(Do.SEND_STOP)),
    Row(_RUNNING, _OFFERED, _ALIVE, _always, wait("starting")),
    Row(_STARTED, _ANY_CLAIM, _ALIVE, _always, wait("running")),
)


def decide(snapshot: Snapshot) -> Action:
    """Return the one next action for a run; the same snapshot always gives the same action."""
    for row in TABLE:
        if row.matches(snapshot):
            return row.then(snapshot)
    return Action(Do.WAIT, "nothing to decide on", look_again(snapshot.age))
