"""A rollback, pass by pass: the suspension first, the exact revision, no migration, and what stops it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from reconciler.aws.operations import is_mutating
from reconciler.controller import operator
from reconciler.controller.repeats import MOST
from reconciler.controller.rollback import Order, Rollback
from reconciler.model.errors import GuardRefused, LeaseHeld
from reconciler.model.events import EventKind
from reconciler.model.names import Address
from reconciler.model.observed import RolloutState
from reconciler.model.run import RunState
from reconciler.model.status import Health, Sync
from tests.controller.lab import (
    BREAKER,
    KEY,
    WEB,
    Controller,
    Lab,
    files,
    release,
    service,
    set_hook,
)

SERVICE = Address("service", "web")


@pytest.fixture
def lab():
    """Return an account with a cluster and nothing on it."""
    return Lab()


@pytest.fixture
def controller(lab):
    """Return the controller after releases 1 and 2 have converged."""
    controller = Controller(lab, "a")
    for number in (1, 2):
        lab.files = release(number)
        assert controller.settle().status.converged
    controller.did()
    lab.entries()
    return controller


def a_rollback(
    controller: Controller, begun: int | None = None, recheck=lambda _: None, explain=None
) -> Rollback:
    """Return a rollback to a release, by default the oldest one."""
    releases = {r.begun: r for r in controller.store.releases(SERVICE)}
    order = Order({SERVICE: releases[begun or min(releases)]}, "rolled back", "arn:me")
    hold, open_app = controller.reconciler.hold, controller.open
    lab = controller.lab
    back = Rollback(
        lab.files, order, open_app, hold, lab.timeline, controller.events.append, recheck
    )
    if explain is not None:
        back.explain_rollout = explain
    return back


def passes(back: Rollback, controller: Controller):
    """Take passes to the end; return the last result."""
    for _ in range(60):
        result = back.take_back(KEY)
        if result.requeue_after is None:
            return result
        controller.lab.go_on(result.requeue_after.total_seconds())
    raise AssertionError(result)


def test_every_rollout_that_ended_well_is_remembered(lab, controller):
    """With its revision, its declaration and the desired state that it belongs to."""
    newest, oldest = list(lab.store.releases(SERVICE))
    assert (oldest.generation, newest.generation) == (1, 2)
    assert oldest.begun < newest.begun
    assert newest.task_definition_arn == lab.live()["taskDefinition"]
    assert oldest.applied["service"]["desiredCount"] == 1


def test_back_to_the_exact_revision(lab, controller):
    """Suspended first, one UpdateService, nothing registered, and the record says what it is now."""
    first = min(controller.store.releases(SERVICE), key=lambda r: r.begun)

    result = passes(a_rollback(controller), controller)

    assert (result.status.sync, result.status.health) == (Sync.SYNCED, Health.HEALTHY)
    assert lab.live()["taskDefinition"] == first.task_definition_arn
    assert controller.did() == ["UpdateService"]
    assert lab.story() == [
        "OPERATOR rollback",
        "INTENT service/web UpdateService",
        "OUTCOME service/web UpdateService ok",
        "SERVICE service/web steady",
    ]
    (intent,) = [r.content for r in lab.store.journal(limit=4) if r.content["kind"] == "INTENT"]
    assert intent["cause"] == "rollback to generation 1"
    ledger = lab.ledger
    assert dict(ledger.suspension.rolled_back) == {"service/web": first.begun}
    record = ledger.services["web"]
    assert (record.generation, record.state) == (1, RolloutState.STEADY)
    assert ledger.generation == 2


def test_nobody_undoes_it_until_resume(lab, controller):
    """A pass of the files leaves it alone, says so, and goes forward again once it is resumed."""
    passes(a_rollback(controller), controller)
    controller.did()
    result = controller.reconcile()
    assert controller.did() == []
    assert (result.status.sync, result.status.exit_code) == (Sync.OUT_OF_SYNC, 4)
    assert "suspended: rolled back" in result.status.message
    ledger = lab.ledger
    operator.resume(lab.store.operator(ledger, "me"), ledger, "fixed", "arn:me")
    assert controller.settle().status.converged
    assert lab.image() == "2"
    assert "RunTask" not in controller.did()


def test_count_and_tags_stay(lab, controller):
    """Going back does not scale: what was set since is kept, in ECS and in the ledger."""
    lab.files = files(service(tag="2", desiredCount=3), migrations=release(2).migrations)
    controller.settle()
    passes(a_rollback(controller), controller)
    assert lab.live()["desiredCount"] == 3
    assert lab.image() == "1"
    assert lab.ledger.services["web"].applied["service"]["desiredCount"] == 3


def test_fields_go_back_too(lab, controller):
    """What the files set since is taken back with the revision, in the same call."""
    lab.files = files(
        service(
            tag="2",
            healthCheckGracePeriodSeconds=90,
            deploymentConfiguration={**BREAKER, "maximumPercent": 150},
        ),
        migrations=release(2).migrations,
    )
    controller.settle()
    controller.did()
    assert lab.live()["healthCheckGracePeriodSeconds"] == 90
    passes(a_rollback(controller), controller)
    live = lab.live()
    assert live["healthCheckGracePeriodSeconds"] == 0
    assert live["deploymentConfiguration"]["maximumPercent"] == 200
    assert controller.did() == ["UpdateService"]


def test_an_update_without_effect_is_not_sent_for_ever(lab, controller):
    """ECS takes the field and answers as before: after a few calls it is held, and says what and why."""
    for tag, seconds in (("1", 90), ("2", 30)):
        changed = service(tag=tag, healthCheckGracePeriodSeconds=seconds)
        lab.files = files(changed, migrations=release(2).migrations)
        controller.settle()
    controller.did()
    _, target, *_ = controller.store.releases(SERVICE)
    update = lab.ecs.services.UpdateService

    def forgetting(wanted):
        wanted.pop("healthCheckGracePeriodSeconds", None)
        return update(wanted)

    lab.ecs.services.UpdateService = forgetting

    result = passes(a_rollback(controller, target.begun), controller)

    assert controller.did() == ["UpdateService"] * (1 + MOST)  # the first one brought the revision
    assert lab.image() == "1"
    assert (result.status.exit_code, result.status.health) == (4, Health.DEGRADED)
    assert "ECS took healthCheckGracePeriodSeconds 3 times" in result.status.resources[0].message


def test_another_process_finishes_what_one_began(lab, controller):
    """Killed after the suspension, the same order again sends what is missing, and no second suspension."""
    back = a_rollback(controller)

    def die(_service, name, _params):
        if name == "UpdateService":
            raise KeyboardInterrupt

    set_hook(controller, die, applied=False)
    with pytest.raises(KeyboardInterrupt):
        back.take_back(KEY)
    assert lab.ledger.suspension is not None
    assert lab.image() == "2"
    successor = controller.crash()
    passes(a_rollback(successor), successor)
    assert lab.image() == "1"
    assert [e["action"] for e in lab.entries() if e["kind"] == "OPERATOR"] == ["rollback"]


def test_whoever_resumes_ends_it(lab, controller):
    """A rollback that is resumed by somebody stops instead of fighting."""
    back = a_rollback(controller)
    back.take_back(KEY)
    ledger = lab.ledger
    operator.resume(lab.store.operator(ledger, "me"), ledger, "no", "arn:me")
    controller.did()
    with pytest.raises(GuardRefused, match="resumed meanwhile"):
        back.take_back(KEY)
    assert controller.did() == []


def test_a_deregistered_revision_is_refused_before_anything_is_done(lab, controller):
    """Neither suspended nor sent; the message names the revision and the way through git."""
    back = a_rollback(controller)
    (target,) = back.order.releases.values()
    lab.ecs.definition(target.task_definition_arn)["status"] = "INACTIVE"
    with pytest.raises(GuardRefused, match=r":1 was deregistered: go back in git"):
        back.take_back(KEY)
    assert lab.ledger.suspension is None
    assert controller.did() == []


def test_another_situation_is_refused_under_the_lease(lab, controller):
    """What the person was shown is checked again once nobody else can act."""

    def recheck(_):
        raise GuardRefused("migration/db 3 succeeded since")

    with pytest.raises(GuardRefused, match="succeeded since"):
        a_rollback(controller, recheck=recheck).take_back(KEY)
    assert lab.ledger.suspension is None


def test_a_rollback_that_ecs_reverts_is_not_repeated(lab, controller):
    """The old image does not start any more: held with exit code 8, after one attempt."""
    back = a_rollback(controller)
    (target,) = back.order.releases.values()
    (container,) = target.applied["taskDefinition"]["containerDefinitions"]
    lab.ecs.services.bad_images.add(container["image"])
    result = passes(back, controller)
    assert result.status.exit_code == 8
    assert result.status.health is Health.HELD
    assert controller.did() == ["UpdateService"]
    assert lab.ledger.suspension is not None


def test_a_failed_rollout_is_told_with_what_became_of_its_tasks(lab, controller):
    """Whoever waits for a rollback reads why it failed, as for a rollout of the files."""

    def explain(record, *, aws, cluster):
        assert (record.state, cluster, bool(aws)) == (RolloutState.HELD, "production", True)
        return ["  likely cause: the image is gone"]

    back = a_rollback(controller, explain=explain)
    (target,) = back.order.releases.values()
    (container,) = target.applied["taskDefinition"]["containerDefinitions"]
    lab.ecs.services.bad_images.add(container["image"])
    passes(back, controller)
    (failed,) = [e for e in controller.events if e.kind is EventKind.FAILED]
    assert "likely cause: the image is gone" in failed.message


def test_the_lease_is_waited_for(lab, controller):
    """While another member holds the app a rollback is told so, and touches nothing."""
    other = Controller(lab, "b")
    with pytest.raises(LeaseHeld):
        a_rollback(other).take_back(KEY)
    assert lab.ledger.suspension is None
    assert lab.live(WEB)["taskDefinition"].endswith(":2")


def test_the_controller_goes_on_when_a_suspension_ends(lab, controller):
    """It looks again at the very moment, lifts it, and carries out what waited."""
    ledger = lab.ledger
    now = controller.aws.now()
    operator.suspend(
        lab.store.operator(ledger, "me"),
        ledger,
        operator.suspension_now("db move", "arn:me", now, timedelta(minutes=10)),
    )
    lab.files = files(service(tag="2", desiredCount=2), migrations=release(2).migrations)
    result = controller.reconcile()
    assert timedelta(minutes=9) < result.requeue_after <= timedelta(minutes=10)
    assert controller.did() == []
    lab.go_on(result.requeue_after.total_seconds() + 1)
    assert controller.settle().status.converged
    assert lab.live()["desiredCount"] == 2
    assert lab.ledger.suspension is None


class Dead(BaseException):
    """The process ends here."""


def cut(controller: Controller, number: int, *, applied: bool) -> list[str]:
    """Kill the process at its `number`th mutating call, before or after it took effect."""
    seen: list[str] = []

    def hook(_service, name, _params):
        if is_mutating(name):
            seen.append(name)
            if len(seen) == number:
                raise Dead

    set_hook(controller, hook, applied=applied)
    return seen


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("number", range(1, 9))
def test_cut_at_any_call_the_next_one_finishes(lab, controller, number, applied):
    """Wherever it dies: the same order again ends back, suspended, the journal whole, no task definition more."""
    back = a_rollback(controller)
    first = next(iter(back.order.releases.values()))
    cut(controller, number, applied=applied)
    definitions = len(lab.ecs.definitions)
    try:
        for _ in range(20):
            lab.go_on((back.take_back(KEY).requeue_after or timedelta(0)).total_seconds())
    except Dead:
        pass
    set_hook(controller, None, applied=applied)
    successor = controller.crash()
    assert passes(a_rollback(successor, first.begun), successor).status.converged
    assert lab.live()["taskDefinition"] == first.task_definition_arn
    assert dict(lab.ledger.suspension.rolled_back) == {"service/web": first.begun}
    assert lab.ledger.open_intents == {}
    assert len(lab.ecs.definitions) == definitions
    assert lab.store.verify() == []
    assert len(lab.ecs.tasks.commands.executions) == 2


def test_a_migration_in_flight_is_watched_to_its_end(lab, controller):
    """ECS forgets its exit code in an hour: a rollback does not leave it alone, and starts none."""
    lab.files = release(3)
    while not lab.ledger.active_run:
        lab.go_on((controller.reconcile().requeue_after or timedelta(0)).total_seconds())
    back = a_rollback(controller)
    passes(back, controller)
    for _ in range(10):
        back.take_back(KEY)
        lab.go_on(10)
    runs = {run.revision: run.state for run in lab.store.runs()}
    assert runs["3"] is RunState.SUCCEEDED
    assert lab.image() == "1"
    assert lab.ledger.active_run is None
