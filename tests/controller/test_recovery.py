"""What becomes of an app when answers are lost, processes die, leases change hands, or rollouts fail."""

from __future__ import annotations

import pytest

from reconciler.aws.translate import from_code
from reconciler.controller import operator
from reconciler.model.errors import LeaseHeld, LeaseLost, OutcomeUnknown
from reconciler.model.names import Address
from reconciler.model.status import Health, Sync
from tests.controller.lab import KEY, WEB, Controller, Lab, files, lose, service, set_hook
from tests.plan.builders import REPOSITORY, a_migration

WEB_ADDRESS = Address("service", "web")


class Killed(BaseException):
    """The process dies here."""


@pytest.fixture
def lab():
    """Return an account with a cluster and nothing on it."""
    return Lab()


@pytest.fixture
def web(lab):
    """Return a controller after one service has converged on tag 1."""
    controller = Controller(lab, "a")
    lab.files = files(service())
    assert controller.settle().status.converged
    controller.did()
    lab.entries()
    return controller


def kill_at(controller: Controller, operation: str, *, applied: bool) -> None:
    """Have the process die right before or right after an operation takes effect."""
    lose(controller, operation, Killed(), applied=applied)


# Lost answers and crashes ----------------------------------------------------------------------


def test_a_lost_answer_is_asked_for_again(lab, web):
    """UpdateService is repeated with the same parameters: one deployment, one outcome, which is ok."""
    lab.files = files(service(tag="2"))
    lost = OutcomeUnknown("lost", operation="ecs:UpdateService")
    lose(web, "UpdateService", lost, applied=True)
    assert web.settle().status.converged
    assert web.did() == ["RegisterTaskDefinition", "UpdateService", "UpdateService"]
    assert [s for s in lab.story() if "UpdateService" in s] == [
        "INTENT service/web UpdateService",
        "OUTCOME service/web UpdateService ok",
    ]
    assert lab.live()["deployments"][0]["id"].endswith("2")


@pytest.mark.parametrize(("applied", "updates"), [(True, 1), (False, 2)])
def test_an_answer_that_never_comes_is_settled_by_looking(lab, web, applied, updates):
    """The outcome is unknown; the next pass sees what took effect and remembers it, or sends it again."""

    def hook(_service, operation, _params):
        if operation == "UpdateService":
            raise OutcomeUnknown("lost", operation="ecs:UpdateService")

    lab.files = files(service(tag="2"))
    set_hook(web, hook, applied=applied)
    with pytest.raises(OutcomeUnknown):
        web.reconcile()
    assert lab.story()[-1] == "OUTCOME service/web UpdateService unknown"
    assert lab.ledger.open_intents == {}
    set_hook(web, None, applied=applied)
    lab.go_on(5)
    assert web.settle().status.converged
    story = lab.story()
    assert ("SERVICE service/web remember" in story) is applied
    assert story[-1] == "SERVICE service/web steady"
    assert lab.live()["deployments"][0]["id"].endswith("2")
    intents = [e for e in lab.store.journal(newest_first=False) if "UpdateService" in e.body]
    assert len(intents) == 2 * updates


def test_a_register_whose_answer_is_lost_is_not_repeated_blindly(lab, web):
    """It has no token: the next pass finds the revision by its content and uses it."""
    lab.files = files(service(tag="2"))
    lost = OutcomeUnknown("lost", operation="ecs:RegisterTaskDefinition")
    lose(web, "RegisterTaskDefinition", lost, applied=True)
    with pytest.raises(OutcomeUnknown):
        web.reconcile()
    assert web.did() == ["RegisterTaskDefinition"]
    assert web.settle().status.converged
    assert web.did() == ["UpdateService"]
    assert sorted(lab.ecs.definitions) == ["shop-production-web:1", "shop-production-web:2"]


@pytest.mark.parametrize(
    ("applied", "outcome", "calls"),
    [(True, "applied", []), (False, "not applied", ["UpdateService"])],
)
def test_a_crash_around_an_update(lab, web, applied, outcome, calls):
    """The successor closes the intent with what is live, and sends only what did not take effect."""
    lab.files = files(service(tag="2"))
    kill_at(web, "UpdateService", applied=applied)
    with pytest.raises(Killed):
        web.reconcile()
    assert len(lab.ledger.open_intents) == 1
    lab.entries()
    successor = web.crash()
    successor.reconcile()
    story = lab.story()
    assert story[:2] == ["LEASE acquire", f"OUTCOME service/web UpdateService {outcome}"]
    assert lab.ledger.open_intents == {}
    assert successor.settle().status.converged
    assert successor.did() == calls
    assert lab.live()["deployments"][0]["id"].endswith("2")
    assert lab.ledger.services["web"].deployment_id == lab.live()["deployments"][0]["id"]
    assert lab.store.verify() == []


@pytest.mark.parametrize(("applied", "revisions"), [(True, 2), (False, 2)])
def test_a_crash_around_a_register(lab, web, applied, revisions):
    """What became of it cannot be seen at the service: unknown; one revision for one content all the same."""
    lab.files = files(service(tag="2"))
    kill_at(web, "RegisterTaskDefinition", applied=applied)
    with pytest.raises(Killed):
        web.reconcile()
    lab.entries()
    successor = web.crash()
    assert successor.settle().status.converged
    assert "OUTCOME service/web RegisterTaskDefinition unknown" in lab.story()
    assert len(lab.ecs.definitions) == revisions


@pytest.mark.parametrize("applied", [True, False])
def test_a_crash_around_a_creation(lab, applied):
    """The successor creates the service, or finds it as it should be and remembers it."""
    first = Controller(lab, "a")
    kill_at(first, "CreateService", applied=applied)
    with pytest.raises(Killed):
        first.reconcile()
    successor = first.crash()
    assert successor.settle().status.converged
    assert successor.did() == ([] if applied else ["CreateService"])
    assert len(lab.ecs.definitions) == 1
    assert lab.ledger.services["web"].deployment_id == lab.live()["deployments"][0]["id"]


def test_a_crash_before_the_status_row(lab, web):
    """The next pass says it; nothing else was lost."""
    lab.files = files(service(tag="2"))
    kill_at(web, "PutItem", applied=False)
    with pytest.raises(Killed):
        web.reconcile()
    successor = web.crash()
    assert successor.settle().status.converged
    assert successor.did() == []
    assert lab.ledger.status["health"] == "Healthy"


# Leases --------------------------------------------------------------------------------------


def test_who_comes_second_waits(lab, web):
    """While the holder lives, another pass changes nothing and learns who it is."""
    second = Controller(lab, "b")
    with pytest.raises(LeaseHeld) as held:
        second.reconcile()
    assert held.value.holder == "a#1"
    assert "a#1" in str(held.value)
    assert (second.did(), lab.story()) == ([], [])


def test_a_dead_holder_is_succeeded(lab, web):
    """Once it has outlived its lease the next one takes over with a higher epoch."""
    epoch = lab.ledger.epoch
    second = web.crash()
    second.reconcile()
    assert (lab.ledger.owner, lab.ledger.epoch) == ("a+#1", epoch + 1)


def test_a_lease_is_handed_over_to_who_asks(lab, web):
    """`apply` asks through its membership: the holder releases in its next pass and keeps away."""
    second = Controller(lab, "b")
    second.member.wants = {KEY}
    lab.go_on(10)
    with pytest.raises(LeaseHeld, match="handed over to b#1"):
        web.reconcile()
    assert lab.story() == ["RELEASE release"]
    assert second.reconcile().status.converged
    assert lab.ledger.owner == "b#1"
    with pytest.raises(LeaseHeld):
        web.reconcile()


def test_released_at_the_end_it_is_free_at_once(lab, web):
    """SIGTERM gives the lease back: the next one need not wait for anybody's death."""
    web.reconciler.release(KEY)
    web.reconciler.release(KEY)
    assert lab.story() == ["RELEASE release"]
    assert Controller(lab, "b").reconcile().status.converged


def test_who_slept_through_its_lease_does_nothing(lab, web):
    """A process that was stopped for a minute finds another owner, and sends no mutation."""
    lab.controllers.remove(web)
    second = Controller(lab, "b")
    lab.go_on(60)
    second.reconcile()
    lab.files = files(service(tag="2"))
    with pytest.raises((LeaseLost, LeaseHeld)):
        web.reconcile()
    assert web.did() == []


def test_a_pause_between_intent_and_call_is_fenced(lab, web):
    """Past the local deadline the wire attempt is refused here; the successor closes the intent."""
    lab.files = files(service(tag="2"))

    def sleep_after_intent(_service, operation, params):
        if operation == "TransactWriteItems" and "UpdateService" in str(params):
            lab.timeline.advance(45)

    set_hook(web, sleep_after_intent, applied=True)
    with pytest.raises(LeaseLost):
        web.reconcile()
    assert "UpdateService" not in web.did()
    assert lab.image() == "1"
    lab.entries()
    successor = web.crash()
    assert successor.settle().status.converged
    assert "OUTCOME service/web UpdateService not applied" in lab.story()


def test_an_operator_who_was_faster_supersedes_the_pass(lab, web):
    """A commit between a pass's snapshot and its own makes it look again, not overwrite."""
    lab.files = files(service(tag="2"))
    ledger = lab.ledger
    suspension = operator.suspension_now("incident", "me", lab.timeline.now())

    def suspend_meanwhile(_service, operation, _params):
        if operation == "DescribeServices":
            set_hook(web, None, applied=True)
            operator.suspend(lab.store.operator(lab.ledger, "me"), ledger, suspension)

    set_hook(web, suspend_meanwhile, applied=True)
    with pytest.raises(Exception, match="somebody else wrote"):
        web.reconcile()
    assert web.did() == []
    assert web.reconcile().status.exit_code == 4
    assert (web.did(), lab.image()) == ([], "1")


# Suspended -----------------------------------------------------------------------------------


def test_a_suspended_app_is_looked_at_and_left_alone(lab, web):
    """No call, the code of a guard, and its reason in the message; resumed it goes on."""
    by = operator.suspension_now("incident 42", "me", lab.timeline.now())
    operator.suspend(lab.store.operator(lab.ledger, "me"), lab.ledger, by)
    lab.files = files(service(tag="2"))
    result = web.reconcile()
    assert (web.did(), lab.image()) == ([], "1")
    assert (result.status.exit_code, result.status.health) == (4, Health.SUSPENDED)
    assert "incident 42" in result.status.message
    operator.resume(lab.store.operator(lab.ledger, "me"), lab.ledger, "over", "me")
    assert web.settle().status.converged
    assert lab.image() == "2"


# Held ----------------------------------------------------------------------------------------


@pytest.fixture
def held(lab, web):
    """Return the controller after tag 2 was rolled out in vain and ECS went back to tag 1."""
    lab.ecs.services.bad_images.add(f"{REPOSITORY}@sha256:{2:064x}")
    lab.files = files(service(tag="2"))
    status = web.settle().status
    assert (status.exit_code, status.health) == (8, Health.HELD)
    web.did()
    lab.go_on(60)
    return web


def test_a_reverted_rollout_is_not_tried_again(lab, held):
    """Pass after pass, restart after restart: ECS said no to this very desired state."""
    assert "SERVICE service/web held" in lab.story()
    assert held.settle().status.exit_code == 8
    assert (held.did(), lab.story(), lab.image()) == ([], [], "1")
    successor = held.crash()
    assert successor.settle().status.exit_code == 8
    assert successor.did() == []


def test_drift_is_healed_while_held(lab, held):
    """What starts no task is put right; the hold and its reason stay."""
    lab.ecs.handle("UpdateService", {"cluster": "production", "service": WEB, "desiredCount": 7})
    assert held.settle().status.exit_code == 8
    assert held.did() == ["UpdateService"]
    assert (lab.live()["desiredCount"], lab.image()) == (1, "1")
    assert lab.ledger.services["web"].held_hash
    assert held.crash().settle().status.exit_code == 8


def test_a_count_healed_behind_a_migration_is_no_rollout(lab, web):
    """What rolls nothing passes the gate, and does not make the old revision the desired one."""
    lab.ecs.tasks.nature.exit_code = lambda: 1
    lab.files = files(service(tag="2", desiredCount=2), migrations=(a_migration("2"),))
    assert web.settle().status.exit_code == 6
    assert (lab.live()["desiredCount"], lab.image()) == (2, "1")
    assert web.did().count("UpdateService") == 1
    status = web.crash().settle().status
    assert (status.exit_code, status.sync) == (6, Sync.OUT_OF_SYNC)
    web_line = next(r for r in status.resources if r.address == WEB_ADDRESS)
    assert web_line.sync is Sync.OUT_OF_SYNC


def test_other_content_releases_a_hold(lab, held):
    """A new image is another desired state."""
    lab.files = files(service(tag="3"))
    assert held.settle().status.converged
    assert lab.image() == "3"


def test_going_back_ends_a_hold(lab, held):
    """With the files at the image that runs there is nothing to roll."""
    lab.files = files(service(tag="1"))
    assert held.settle().status.converged
    assert held.did() == []


def test_retry_tries_the_same_again(lab, held):
    """A person's word, journaled with its reason, is what it takes; then it converges."""
    lab.ecs.services.bad_images.clear()
    said = operator.retry(
        lab.store.operator(lab.ledger, "me"), lab.ledger, WEB_ADDRESS, "registry was down", "me"
    )
    assert said.startswith("service/web is released")
    assert held.settle().status.converged
    assert held.did() == ["UpdateService"]
    assert lab.image() == "2"


def test_retry_in_vain_is_held_again(lab, held):
    """One request is one more rollout, not a loop."""
    operator.retry(lab.store.operator(lab.ledger, "me"), lab.ledger, WEB_ADDRESS, "again", "me")
    assert held.settle().status.exit_code == 8
    assert held.did() == ["UpdateService"]
    lab.go_on(60)
    assert held.settle().status.exit_code == 8
    assert (held.did(), lab.image()) == ([], "1")


def test_throttling_is_waited_out_inside_the_call(lab, web):
    """One intent, one outcome; the rate is no failure of the pass."""
    lab.files = files(service(tag="2"))
    lose(web, "UpdateService", from_code("ecs:UpdateService", "ThrottlingException"), applied=False)
    assert web.settle().status.converged
    assert [s for s in lab.story() if "UpdateService" in s] == [
        "INTENT service/web UpdateService",
        "OUTCOME service/web UpdateService ok",
    ]
