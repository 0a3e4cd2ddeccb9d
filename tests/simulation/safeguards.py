"""Each safeguard of the protocol, switched off: what the directed schedules must catch.

Only tests switch them; the product has no such flags. Every function takes pytest's monkeypatch.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from reconciler.aws.door import Aws
from reconciler.model.errors import LeaseHeld
from reconciler.model.names import AppKey
from reconciler.model.observed import LedgerView
from reconciler.model.run import Run, RunState
from reconciler.plan import planner
from reconciler.runs import advance, decide, launch, snapshot, start, transitions
from reconciler.runs.snapshot import Action, Do
from reconciler.store import ledger, session
from reconciler.store.members import Member
from reconciler.store.run_records import encode_run, run_place
from reconciler.store.write import Write
from tests.simulation.body import DirectBody

Patch = pytest.MonkeyPatch


def no_token(patch: Patch) -> None:
    """RunTask carries a new clientToken at each attempt."""
    numbers = itertools.count()
    call = Aws.call

    def forgetful(self: Aws, service: str, operation: str, /, **params: Any) -> dict[str, Any]:
        if operation == "RunTask":
            params["clientToken"] = f"{params['clientToken'][:50]}-{next(numbers)}"
        return call(self, service, operation, **params)

    patch.setattr(Aws, "call", forgetful)


def no_window(patch: Patch) -> None:
    """Token mode replays RunTask for ever."""
    patch.setattr(snapshot.Snapshot, "window_open", property(lambda _: True))


def guard_not_awaited(patch: Patch) -> None:
    """Switch off: the user's container does not depend on the guard."""
    patch.setattr(launch, "_depends_on_guard", dict)


def no_record(patch: Patch) -> None:
    """Switch off: a lock is all there is: a new owner of the lease does not know what ran before."""
    lead, go_on = DirectBody._lead, DirectBody._advance

    def leading(self: DirectBody, view: LedgerView) -> session.Session:
        before = self.session
        self.is_new = lead(self, view) is not before  # type: ignore[attr-defined]
        assert self.session is not None
        return self.session

    def forgetful(self: DirectBody, aws: Any, held: Any, desired: Any, view: LedgerView) -> Any:
        if self.is_new:  # type: ignore[attr-defined]
            view = replace(view, runs={}, active_run=None)
        return go_on(self, aws, held, desired, view)

    patch.setattr(DirectBody, "_lead", leading)
    patch.setattr(DirectBody, "_advance", forgetful)
    _blind_runs(patch)


def no_epoch(patch: Patch) -> None:
    """HEAD's owner and epoch are not part of the commit's condition; the journal's number is."""
    _head_condition(
        patch,
        lambda text: " AND ".join(
            p for p in text.split(" AND ") if "ep" not in p and "own" not in p
        ),
    )


def no_cas(patch: Patch) -> None:
    """Switch off: the journal's number and the records' versions are not part of any condition."""
    _blind_runs(patch)
    _blind_journal(patch, keep_epoch=True)


def no_fencing(patch: Patch) -> None:
    """Neither epoch nor number: whoever writes last has the last word."""
    _blind_runs(patch)
    _blind_journal(patch, keep_epoch=False)


def no_intent(patch: Patch) -> None:
    """RunTask first, the record of it afterwards."""
    offer = start.offer

    def eager(step: Any) -> Any:
        context, work = step.context, step.work
        one = launch.Launch(work.name, work.revision, work.attempt, 0)
        document = launch.task_definition(work, context.guard, context.images, {})
        arn = context.register(document)
        mode = launch.mode_of(context.guard)
        table = context.tables.claims if mode is launch.GuardMode.CLAIM else None
        context.aws.call("ecs", "RunTask", **launch.request(context.place, one, work, arn, table))
        return offer(step)

    patch.setitem(advance._PERFORM, Do.INTENT, eager)


def missing_is_failure(patch: Patch) -> None:
    """Switch off: a task that ECS does not show is taken for a failed one."""
    _rewrite_rows(patch, decide._MISSING, Do.UNKNOWN, Do.FAIL)


def timeout_is_failure(patch: Patch) -> None:
    """Switch off: a migration that takes too long is recorded as failed while it runs."""
    _rewrite_rows(patch, decide._ALIVE, Do.STOP, Do.FAIL)


def no_gate(patch: Patch) -> None:
    """Services do not wait for their migration."""
    original = DirectBody._advance

    def ungated(self: DirectBody, aws: Any, held: Any, desired: Any, view: LedgerView) -> Any:
        self._service(aws, held, desired, desired.services[0])
        return original(self, aws, held, desired, view)

    patch.setattr(DirectBody, "_advance", ungated)
    patch.setattr(planner, "gates_of", lambda *_: ())


def blind_revoke(patch: Patch) -> None:
    """Switch off: the claim is revoked whether or not a task has taken it."""

    def blindly(cell: str) -> Write:
        return Write("claims", {"k": cell}, "attribute_exists(k)", set={"st": "REVOKED"})

    patch.setattr(transitions, "revoke_claim", blindly)


def no_slot(patch: Patch) -> None:
    """Two revisions of one app may be in flight."""
    action = session.head_action

    def roomy(table: str, before: Any, after: Any, **_: Any) -> Any:
        return action(table, before, after, require_idle=False)

    patch.setattr(session, "head_action", roomy)
    observe = advance.observe

    def alone(context: Any, work: Any, view: LedgerView, _: Any) -> Any:
        run = view.runs.get(str(work.key))
        return replace(observe(context, work, view, run), slot=None)

    patch.setattr(advance, "observe", alone)


def no_takeover(patch: Patch) -> None:
    """Switch off: a lock that only its holder releases."""

    def patient(self: ledger.AppStore, view: LedgerView, member: Member, cause: str = "") -> Any:
        if view.owner not in (None, member.id):
            raise LeaseHeld("held", holder=str(view.owner))
        return acquire(self, view, member, cause)

    acquire = ledger.AppStore.acquire
    patch.setattr(ledger.AppStore, "acquire", patient)


def no_unknown(patch: Patch) -> None:
    """Unknown is not accepted as an end: the tool waits for evidence that will not come."""
    _rewrite_rows(patch, decide._MISSING, Do.UNKNOWN, Do.WAIT)


def no_deadline(patch: Patch) -> None:
    """Switch off: the fence before each wire attempt lets everything pass."""
    patch.setattr(Member, "check", lambda _: None)


# -- how -------------------------------------------------------------------------------------------


def _blind_runs(patch: Patch) -> None:
    def blindly(key: AppKey, run: Run, previous: Run | None) -> Write:
        place = run_place(key, run.key)
        free = "attribute_exists(pk) OR attribute_not_exists(pk)"
        return Write("state", place, free, put=encode_run(run))

    def again(cell: str, epoch: int) -> Write:
        free = "attribute_exists(k) OR attribute_not_exists(k)"
        return Write("claims", {"k": cell}, free, put={"st": "OFFERED", "ep": epoch})

    def records(key: AppKey, record: Any) -> Write:
        return replace(
            migration_write(key, record),
            condition="attribute_exists(pk) OR attribute_not_exists(pk)",
            values={},
        )

    migration_write = transitions.migration_write
    patch.setattr(transitions, "run_write", blindly)
    patch.setattr(transitions, "offer_claim", again)
    patch.setattr(transitions, "migration_write", records)


def _head_condition(patch: Patch, change: Any) -> None:
    action = session.head_action

    def changed(*args: Any, **kwargs: Any) -> Any:
        made = action(*args, **kwargs)
        for body in made.values():
            body["ConditionExpression"] = change(body["ConditionExpression"])
            _drop_unused(body)
        return made

    patch.setattr(session, "head_action", changed)


def _drop_unused(body: dict[str, Any]) -> None:
    text = " ".join(str(body.get(k, "")) for k in ("ConditionExpression", "UpdateExpression"))
    words = set(text.replace("(", " ").replace(")", " ").replace(",", " ").split())
    values = {k: v for k, v in body.get("ExpressionAttributeValues", {}).items() if k in words}
    body["ExpressionAttributeValues"] = values
    if not values:
        del body["ExpressionAttributeValues"]


def _rewrite_rows(patch: Patch, tasks: Any, of: Do, to: Do) -> None:
    def rewritten(row: decide.Row) -> decide.Row:
        def then(seen: snapshot.Snapshot) -> Action:
            action = row.then(seen)
            if action.do is not of or seen.state is RunState.LAUNCHING:
                return action
            return replace(action, do=to, after=decide.look_again(seen.age))

        return dataclasses.replace(row, then=then) if row.tasks <= tasks else row

    patch.setattr(decide, "TABLE", tuple(rewritten(row) for row in decide.TABLE))


def _blind_journal(patch: Patch, *, keep_epoch: bool) -> None:
    def change(text: str) -> str:
        parts = [p for p in text.split(" AND ") if "jn" not in p]
        if not keep_epoch:
            parts = [p for p in parts if "ep" not in p and "own" not in p]
        return " AND ".join(parts) or "attribute_exists(pk) OR attribute_not_exists(pk)"

    _head_condition(patch, change)
    append = session.journal.put_action

    def anywhere(table: str, key: AppKey, record: Any) -> Mapping[str, Any]:
        made = append(table, key, record)
        made["Put"]["ConditionExpression"] = "attribute_exists(pk) OR attribute_not_exists(pk)"
        return made

    patch.setattr(session.journal, "put_action", anywhere)
