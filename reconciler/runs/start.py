"""Starting a run: offer its claim, send the frozen RunTask, and make sense of each answer.

Called by `runs.advance`. Every RunTask is covered by an intent in the ledger and is a replay of it:
whoever sends it, and however often, it is the same request with the same token.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from reconciler.model.errors import (
    AccessDenied,
    AwsError,
    Conflict,
    InvalidRequest,
    NotFound,
    Superseded,
)
from reconciler.model.job import JobRecord
from reconciler.model.names import last_part
from reconciler.model.observed import LedgerView, MigrationRecord
from reconciler.model.run import (
    GuardMode,
    Launch,
    PastAttempt,
    Run,
    RunKind,
    RunState,
    TaskPhase,
    TaskSighting,
)
from reconciler.model.work import Work
from reconciler.plan.ownership import ownership_tags
from reconciler.runs import evidence, transitions
from reconciler.runs.launch import (
    mode_of,
    request,
    started_by,
    task_definition,
    token,
)
from reconciler.runs.limits import REFUSAL_SETTLES, SHORTEST_LOOK, TASK_SETTLES, look_again
from reconciler.runs.snapshot import FINAL, Action, Do
from reconciler.runs.step import Advance, Step

AT_ONCE = timedelta(0)
MOST_PAST = 20
"""Attempts that a run remembers: its item stays small whatever `retries` says."""


def offer(step: Step) -> Advance:
    """T6, T6', T11: freeze the request and offer its claim. RunTask comes with the next step."""
    context, work, before = step.context, step.work, step.snapshot.run
    if work is None:
        raise AssertionError("an intent was decided for a run that nobody wants")
    launch = _identity(step.action.do, work, before, step.snapshot.attempt_asked)
    mode = mode_of(context.guard)
    marks = ownership_tags(step.view.key, work.address)
    document = task_definition(work, context.guard, context.images, marks)
    arn = context.register(document)
    table = context.tables.claims if mode is GuardMode.CLAIM else None
    frozen = request(context.place, launch, work, arn, table)
    record = _record(step.view, work, before)
    # The clock is read anew: registering took time, and the token's window counts from the intent.
    at = replace(step.at, now=context.aws.now())
    run = Run(
        name=work.name,
        revision=work.revision,
        kind=work.kind,
        state=RunState.LAUNCHING,
        attempt=launch.attempt,
        launch=launch.launch,
        ordinal=before.ordinal if before else _ordinal(record),
        mode=mode,
        container=work.container,
        token=token(context.place, launch),
        started_by=started_by(step.view.key, token(context.place, launch)),
        request=frozen,
        timeout_seconds=int(work.timeout.total_seconds()),
        start_timeout_seconds=int(work.start_timeout.total_seconds()),
        intent_at=at.now,
        version=before.version + 1 if before else 1,
        generation=step.view.generation,
        irreversible=work.irreversible,
        requested_attempt=before.requested_attempt if before else 0,
        most_attempts=work.most_attempts,
        backoff_seconds=int(work.backoff.total_seconds()),
        most_launches=work.most_launches,
        definition=work.definition,
        past=_past(before, launch),
    )
    epoch = context.session.head.epoch
    step.commit(transitions.intent(at, run, before, record, epoch))
    return Advance(AT_ONCE, f"launching {run.which}{_which(run)}")


def _past(before: Run | None, launch: Launch) -> tuple[PastAttempt, ...]:
    """Return the attempts before this launch's, so that their logs are found."""
    if before is None:
        return ()
    if launch.attempt == before.attempt or before.task_arn is None:
        return before.past
    ended = PastAttempt(
        before.attempt,
        before.task_arn,
        str(before.request["taskDefinition"]),
        before.intent_at,
        before.settled_at or before.intent_at,
        before.reason,
        before.exit_code,
    )
    return (*before.past, ended)[-MOST_PAST:]


def _identity(do: Do, work: Work, before: Run | None, asked: int) -> Launch:
    if before is None:
        return Launch(work.name, work.revision, max(1, work.attempt), 0, work.kind)
    if do is Do.RETRY:
        attempt = max(asked, before.attempt + 1)
        return replace(before.newest, attempt=attempt, launch=0)
    return replace(before.newest, launch=before.launch + 1)


def _which(run: Run) -> str:
    again = f", attempt {run.attempt}" if run.attempt > 1 else ""
    return again + (f", launch {run.launch + 1}" if run.launch else "")


def _record(view: LedgerView, work: Work, before: Run | None) -> MigrationRecord | JobRecord | None:
    """Return the record of the run's migration or job as this intent leaves it, None: as it is."""
    match work.kind:
        case RunKind.MIGRATION:
            return _migration_record(view, work, before)
        case RunKind.JOB if before is None:
            known = view.jobs.get(work.name) or JobRecord(work.name)
            return known.begun(work.revision, work.history)
        case _:
            return None


def _ordinal(record: MigrationRecord | JobRecord | None) -> int:
    return record.latest_ordinal if isinstance(record, MigrationRecord) else 0


def _migration_record(view: LedgerView, work: Work, before: Run | None) -> MigrationRecord:
    """Return the migration's record: the newest revision, and its gate."""
    known = view.migrations.get(work.name)
    if known is None:
        return MigrationRecord(work.name, work.revision, 1, when=work.when)
    if before is not None and before.revision != known.latest_revision:
        return known
    newest = known.latest_ordinal + (work.revision != known.latest_revision)
    return replace(
        known, latest_revision=work.revision, latest_ordinal=newest, gates=True, when=work.when
    )


def start(step: Step) -> Advance:
    """Send the frozen RunTask and take the transition that its answer calls for.

    Throttling, lost answers and an AWS out of reach are raised: the next step sends the same again.
    """
    run, context = step.run, step.context
    aws = context.aws.fenced(_within_window(step)) if run.mode is GuardMode.TOKEN else context.aws
    try:
        answer = aws.call("ecs", "RunTask", **run.request)
    except Conflict as conflict:
        return _adopt(step, conflict)
    except InvalidRequest as error:
        return _never_ran(step, f"RunTask: {error}", final=True)
    except (AccessDenied, NotFound) as error:
        # The starter of a task waits for an answer, and must not be overtaken later.
        if run.kind is RunKind.TASK:
            return _never_ran(step, f"RunTask: {error}", final=True)
        _remember(step, error)
        raise
    if answer.get("tasks"):
        return _running(step, str(answer["tasks"][0]["taskArn"]), "started")
    return _not_placed(step, answer)


def _within_window(step: Step) -> Callable[[], None]:
    """Without a claim cell the token is all there is: check its window when the bytes leave."""
    aws, fence = step.context.aws, step.context.aws.fence

    def check() -> None:
        fence()
        if not replace(step.snapshot, now=aws.now()).window_open:
            raise Superseded(
                "the launch is older than ECS's memory of its token: looking for its task"
            )

    return check


def _running(step: Step, arn: str, reason: str) -> Advance:
    after = step.commit(transitions.running(step.at, step.run, Action(Do.RUNNING, reason, arn=arn)))
    return Advance(SHORTEST_LOOK, f"{after.which} {reason}: task {last_part(arn)}")


def _not_placed(step: Step, answer: dict[str, Any]) -> Advance:
    """Read `failures[]`: ECS remembers them with the token, so only a new launch can do better."""
    said = [str(failure.get("reason", "")) for failure in answer.get("failures", ())]
    reason = "ECS could not place the task: " + (", ".join(filter(None, said)) or "no reason given")
    return _never_ran(step, reason)


def _never_ran(step: Step, reason: str, *, final: bool = False) -> Advance:
    """End a launch that AWS refused, unless a task of it can be seen after all.

    `failures[]` is no proof that nothing started. With a claim cell, T8 is one; without it, only time.
    """
    run, context = step.run, step.context
    seen = evidence.find(context.aws, context.cluster, run)
    if seen is not None and seen.phase is not TaskPhase.STOPPED:
        return _running(step, seen.arn, "found by startedBy")
    if run.mode is GuardMode.TOKEN:
        if seen is not None:
            return _running(step, seen.arn, "found by startedBy")
        settles = TASK_SETTLES if run.kind is RunKind.TASK else REFUSAL_SETTLES
        if step.snapshot.age < settles:
            return Advance(look_again(step.snapshot.age), reason)
    action = Action(Do.REVOKE, reason, facts={FINAL: True} if final else {})
    step.commit(transitions.not_started(step.at, run, action))
    return Advance(SHORTEST_LOOK, reason)


def _adopt(step: Step, conflict: Conflict) -> Advance:
    """Take over the task that already has our token, if it is ours."""
    run, context = step.run, step.context
    seen = [evidence.look_at(context.aws, context.cluster, arn) for arn in conflict.resource_ids]
    ours = next((task for task in seen if _is_ours(task, run)), None)
    if ours is not None:
        return _running(step, ours.arn, "adopted")
    if any(task.phase is TaskPhase.MISSING for task in seen):
        return Advance(
            look_again(step.snapshot.age), "waiting for ECS to show the task of this launch"
        )
    reason = "the clientToken of this launch belongs to another request"
    if run.mode is GuardMode.TOKEN:
        step.commit(transitions.unknown(step.at, run, Action(Do.UNKNOWN, reason)))
        return Advance(look_again(step.snapshot.age), reason)
    return _never_ran(step, reason)


def _is_ours(task: TaskSighting, run: Run) -> bool:
    return task.phase is not TaskPhase.MISSING and task.started_by == run.started_by


def _remember(step: Step, error: AwsError) -> None:
    """Write down, once, why the launch waits, so that `status` can say it from anywhere."""
    commit = transitions.refused(step.at, step.run, f"RunTask: {error}")
    if commit.run.reason != step.run.reason:
        step.commit(commit)
