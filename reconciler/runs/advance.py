"""One protocol step of a run: read task and claim, decide, do at most one transition.

Called by `controller.driving` once per pass, under the app's lease, and by `controller.one_off` without
one. Waits for nothing: the answer says when to look again. AWS's errors and lost races (Superseded,
LeaseLost) go up to the worker.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from reconciler.model.errors import AwsError
from reconciler.model.observed import LedgerView
from reconciler.model.run import Claim, GuardMode, Run, RunKind, RunState, TaskPhase, TaskSighting
from reconciler.model.work import Work
from reconciler.plan.gate import active_run, older_than
from reconciler.runs import evidence, transitions
from reconciler.runs.decide import decide
from reconciler.runs.limits import LONGEST_LOOK, SHORTEST_LOOK
from reconciler.runs.snapshot import ClaimFacet, Do, Snapshot
from reconciler.runs.start import AT_ONCE, offer, start
from reconciler.runs.step import Advance, RunContext, Step
from reconciler.store.records import claim_key

__all__ = ["Advance", "RunContext", "advance", "observe"]

STOP_AGAIN = timedelta(seconds=15)


def advance(
    context: RunContext, work: Work | None, view: LedgerView, run: Run | None = None
) -> Advance:
    """Take the next step of a run: of `run`, else of the active one of the migration, else of `work`.

    With `work` None the run is driven to its end, whatever the files say; without `run` too, the
    active migration is. Raises LeaseLost, Superseded (somebody was faster: read again) and AwsError;
    after each of them the same step may simply be taken again.
    """
    run = run or _subject(work, view)
    if run is None and work is None:
        return Advance(None)
    snapshot = observe(context, work, view, run)
    action = decide(snapshot)
    return _PERFORM[action.do](Step(context, work, view, snapshot, action))


def _subject(work: Work | None, view: LedgerView) -> Run | None:
    """Return the run that this step is about: the active one of this migration before the desired one."""
    active = active_run(view)
    if active is not None and (work is None or active.address == work.address):
        return active
    return view.runs.get(str(work.key)) if work else None


def observe(context: RunContext, work: Work | None, view: LedgerView, run: Run | None) -> Snapshot:
    """Return what `decide` may know. Reads only.

    The task is read before the claim: a cell that is still OFFERED after its task was seen STOPPED was
    never taken by it. The other order would miss a task that claims and ends between the reads.
    """
    sighting, claim = None, None
    if run is not None and run.state.in_flight:
        sighting = _sighting(context, run)
        if run.mode is GuardMode.CLAIM:
            key = claim_key(view.key, run.newest)
            claim = evidence.claim(context.aws, context.tables.claims, key)
        sighting = _of_claimant(context, claim, sighting)
    return Snapshot(
        now=context.aws.now(),
        run=run,
        claim=claim,
        sighting=sighting,
        desired_revision=work.revision if work else None,
        desired_attempt=work.attempt if work else 1,
        older_than=_older_than(work, view),
        slot=_slot(work, view, run),
        decided=_decided(work, view),
    )


def _older_than(work: Work | None, view: LedgerView) -> str:
    if work is None or work.kind is not RunKind.MIGRATION:
        return ""
    return older_than(view, work.name, work.revision)


def _slot(work: Work | None, view: LedgerView, run: Run | None) -> str | None:
    """Return the other run that has the slot, for one that needs it."""
    subject = run or work
    needed = subject is not None and subject.kind.has_slot
    mine = run is not None and run.item_key == view.active_run
    return view.active_run if needed and not mine else None


def _decided(work: Work | None, view: LedgerView) -> bool:
    if work is None or work.kind is not RunKind.JOB or work.name not in view.jobs:
        return False
    return view.jobs[work.name].decided(work.revision)


def _sighting(context: RunContext, run: Run) -> TaskSighting | None:
    if run.task_arn is not None:
        return evidence.look_at(context.aws, context.cluster, run.task_arn)
    blind = run.mode is GuardMode.TOKEN and (
        run.state is RunState.UNKNOWN or not Snapshot(now=context.aws.now(), run=run).window_open
    )
    if not blind:
        return None
    return evidence.find(context.aws, context.cluster, run)


def _of_claimant(
    context: RunContext, claim: Claim | None, sighting: TaskSighting | None
) -> TaskSighting | None:
    """Look at the claimant's task: the authoritative one, whatever ARN RunTask answered."""
    arn = claim.task_arn if claim else None
    if not arn or (sighting is not None and sighting.arn == arn):
        return sighting
    return evidence.look_at(context.aws, context.cluster, arn)


def _running(step: Step) -> Advance:
    run = step.commit(transitions.running(step.at, step.run, step.action))
    return Advance(SHORTEST_LOOK, f"{run.which} runs: {step.action.reason}")


def _revoke(step: Step) -> Advance:
    run = step.run
    revoked = step.snapshot.claim_facet is ClaimFacet.REVOKED
    step.commit(transitions.not_started(step.at, run, step.action, revoked=revoked))
    _stop_leftover(step)
    return Advance(SHORTEST_LOOK, f"{run.which} did not start: {step.action.reason}")


def _stop_leftover(step: Step) -> None:
    """Stop what may still be starting: its guard will refuse, this only spares the wait.

    The transition that revoked the claim is the intent of this StopTask.
    """
    seen, run = step.snapshot.sighting, step.run
    try:
        if seen is None and run.mode is GuardMode.CLAIM:
            seen = evidence.find(step.context.aws, step.context.cluster, run)
        if seen is not None and seen.phase in (TaskPhase.STARTING, TaskPhase.RUNNING):
            _send_stop(step, seen.arn)
    except AwsError:
        # Best effort: nothing depends on it.
        return


def _send_stop(step: Step, arn: str) -> None:
    reason = f"reconciler: {step.action.reason or step.run.reason}"[:255]
    step.context.aws.call("ecs", "StopTask", cluster=step.context.cluster, task=arn, reason=reason)


def _stop(step: Step) -> Advance:
    run = step.commit(transitions.stopping(step.at, step.run, step.action))
    stopped = Step(step.context, step.work, step.view, replace(step.snapshot, run=run), step.action)
    return _stop_again(stopped)


def _stop_again(step: Step) -> Advance:
    seen = step.snapshot.sighting
    if seen is not None:
        _send_stop(step, seen.arn)
    return Advance(STOP_AGAIN, f"stopping {step.run.which}: {step.run.reason}")


def _succeed(step: Step) -> Advance:
    run = step.commit(transitions.verdict(step.at, step.run, step.action, RunState.SUCCEEDED))
    return Advance(AT_ONCE, f"{run.which} succeeded", succeeded=True)


def _fail(step: Step) -> Advance:
    if step.run.state is RunState.NOT_STARTED:
        commit = transitions.gave_up(step.at, step.run, step.action)
    else:
        commit = transitions.verdict(step.at, step.run, step.action, RunState.FAILED)
    run = step.commit(commit)
    return Advance(AT_ONCE, f"{run.which} failed: {run.reason}", run)


def _settle(step: Step) -> Advance:
    run = step.commit(transitions.settle(step.at, step.run, step.action))
    return Advance(AT_ONCE, f"{run.which} is over: {step.action.reason}", run)


def _unknown(step: Step) -> Advance:
    run = step.commit(transitions.unknown(step.at, step.run, step.action))
    said = f"the outcome of {run.which} is unknown: {run.reason}"
    return Advance(LONGEST_LOOK, said, run)


def _note(step: Step) -> Advance:
    step.commit(transitions.note(step.at, step.run, missing=step.action.do is Do.NOTE_MISSING))
    return Advance(SHORTEST_LOOK, step.action.reason)


def _wait(step: Step) -> Advance:
    return Advance(step.action.after, step.action.reason)


def _nothing(step: Step) -> Advance:
    return Advance(None, step.action.reason)


_PERFORM: Mapping[Do, Callable[[Step], Advance]] = {
    Do.INTENT: offer,
    Do.RELAUNCH: offer,
    Do.RETRY: offer,
    Do.LAUNCH: start,
    Do.RUNNING: _running,
    Do.REVOKE: _revoke,
    Do.STOP: _stop,
    Do.SEND_STOP: _stop_again,
    Do.SUCCEED: _succeed,
    Do.FAIL: _fail,
    Do.SETTLE: _settle,
    Do.UNKNOWN: _unknown,
    Do.NOTE_MISSING: _note,
    Do.NOTE_SEEN: _note,
    Do.WAIT: _wait,
    Do.NOTHING: _nothing,
}
