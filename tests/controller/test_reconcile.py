"""One pass after the other: what is journaled, what is sent to AWS, and in which order."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from reconciler.aws.translate import from_code
from reconciler.model.errors import AccessDenied, AwsError, LeaseHeld, NotFound, PermanentError
from reconciler.model.names import Address
from reconciler.model.status import Health, Sync
from tests.controller.lab import KEY, WEB, Controller, Lab, files, release, service, set_hook
from tests.plan.builders import a_migration, image


@pytest.fixture
def lab():
    """Return an account with a cluster and nothing on it."""
    return Lab()


@pytest.fixture
def controller(lab):
    """Return the only controller."""
    return Controller(lab, "a")


@pytest.fixture
def shop(lab, controller):
    """Return the controller after release 1 has converged."""
    lab.files = release(1)
    assert controller.settle().status.converged
    controller.did()
    lab.entries()
    return controller


def acting(controller: Controller) -> list[tuple[list[str], list[str]]]:
    """Take passes to the end; return what each did and journaled, where it was anything."""
    lab, told = controller.lab, []
    for _ in range(60):
        result = controller.reconcile()
        did, story = controller.did(), lab.story()
        if did or story:
            told.append((did, story))
        if result.requeue_after is None:
            assert result.status.converged
            return told
        lab.go_on(result.requeue_after.total_seconds())
    raise AssertionError(told)


# The story -----------------------------------------------------------------------------------


def test_a_first_release_pass_by_pass(lab, controller):
    """Lease, generation, migration, and only then the service: one move in each pass."""
    lab.files = release(1)
    assert acting(controller) == [
        (
            ["RegisterTaskDefinition"],
            [
                "LEASE acquire",
                "GENERATION desired state changed",
                "INTENT migration/db RegisterTaskDefinition",
                "OUTCOME migration/db RegisterTaskDefinition ok",
                "RUN migration/db launching",
            ],
        ),
        (["RunTask"], ["RUN migration/db running"]),
        ([], ["RUN migration/db succeeded"]),
        (
            ["RegisterTaskDefinition", "CreateService"],
            [
                "INTENT service/web RegisterTaskDefinition",
                "OUTCOME service/web RegisterTaskDefinition ok",
                "INTENT service/web CreateService",
                "OUTCOME service/web CreateService ok",
            ],
        ),
        ([], ["SERVICE service/web steady"]),
    ]
    assert lab.image() == "1"


def test_a_tag_change_pass_by_pass(lab, shop):
    """The migration's new revision runs, then one UpdateService rolls the service, then it is steady."""
    lab.files = release(2)
    assert acting(shop) == [
        ([], ["GENERATION desired state changed", "RUN migration/db launching"]),
        (["RunTask"], ["RUN migration/db running"]),
        ([], ["RUN migration/db succeeded"]),
        (
            ["RegisterTaskDefinition", "UpdateService"],
            [
                "INTENT service/web RegisterTaskDefinition",
                "OUTCOME service/web RegisterTaskDefinition ok",
                "INTENT service/web UpdateService",
                "OUTCOME service/web UpdateService ok",
            ],
        ),
        ([], ["SERVICE service/web steady"]),
    ]
    assert lab.image() == "2"
    assert len(lab.ecs.tasks.commands.executions) == 2
    assert lab.store.verify() == []


def test_intent_call_outcome_status(lab, shop):
    """Each mutation stands between two commits of the journal, and the status row comes last."""
    lab.files = files(service(tag="2"), migrations=(a_migration("1"),))
    shop.reconcile()
    writes = ("TransactWriteItems", "RegisterTaskDefinition", "UpdateService", "PutItem")
    assert [o for o in shop.transport.operations() if o in writes] == [
        "TransactWriteItems",
        "TransactWriteItems",
        "RegisterTaskDefinition",
        "TransactWriteItems",
        "TransactWriteItems",
        "UpdateService",
        "TransactWriteItems",
        "PutItem",
    ]


def test_the_journal_says_why_and_what(lab, shop):
    """An intent names the commit and what changes; its outcome AWS's request and deployment."""
    lab.files = replace(files(service(tag="2"), migrations=(a_migration("1"),)), commit="3f2a91c")
    shop.reconcile()
    intent, outcome = lab.entries()[-2:]
    assert intent["cause"] == "git 3f2a91c"
    assert intent["commit"] == "3f2a91c"
    (before,) = intent["before"].values()
    assert before.endswith(f"@sha256:{1:064x}")
    assert intent["after"]["taskDefinition"].endswith("shop-production-web:2")
    assert intent["op"] == outcome["op"] != ""
    assert outcome["request_id"].startswith("req-")
    assert outcome["detail"]["deploymentId"] == lab.live()["deployments"][0]["id"]


def test_a_pass_in_sync_reads_four_times_and_writes_nothing(shop):
    """HEAD, the records, the runs, and one DescribeServices."""
    result = shop.reconcile()
    assert result.requeue_after is None
    assert shop.transport.operations() == ["GetItem", "Query", "BatchGetItem", "DescribeServices"]


def test_drift_is_healed_and_called_so(lab, shop):
    """A count that somebody changed by hand goes back, with one update that starts no deployment."""
    update = {"cluster": "production", "service": WEB, "desiredCount": 5}
    lab.ecs.handle("UpdateService", update)
    before = lab.live()["deployments"][0]["id"]
    shop.settle()
    assert shop.did() == ["UpdateService"]
    assert [e["cause"].split()[0] for e in lab.entries() if e["kind"] == "INTENT"] == ["drift"]
    assert lab.live()["desiredCount"] == 1
    assert lab.live()["deployments"][0]["id"] == before


def test_scaling_up_is_waited_for(lab, shop):
    """It starts no deployment, so the missing tasks are what is looked at until they run."""
    lab.files = files(service(desiredCount=3), migrations=(a_migration("1"),))
    status = shop.settle().status
    assert (status.converged, status.resources[-1].running) == (True, "3/3")
    assert shop.did() == ["UpdateService"]


def test_tasks_that_never_come_are_said_in_the_end(lab, shop):
    """After some minutes a service with too few tasks is degraded, and the pass asks for no other."""
    lab.ecs.services.scale_seconds = 3600.0
    lab.files = files(service(desiredCount=3), migrations=(a_migration("1"),))
    began = lab.timeline.seconds
    status = shop.settle(passes=200).status
    assert (status.exit_code, status.health) == (1, Health.DEGRADED)
    assert "1/3 running" in status.resources[-1].message
    assert 180 <= lab.timeline.seconds - began < 190


# Status and pins -----------------------------------------------------------------------------


def test_the_status_row_is_written_only_when_it_changed(lab, controller):
    """A rollout of many passes writes it when something new is to be said, not in each pass."""
    lab.files = files(service())
    seen, written = [], 0
    for _ in range(25):
        result = controller.reconcile()
        seen.append(result.status)
        written += controller.wrote().count("PutItem")
        if result.requeue_after is None:
            break
        lab.go_on(result.requeue_after.total_seconds())
    changes = 1 + sum(a != b for a, b in pairwise(seen))
    assert len(seen) > 10
    assert written == changes
    assert lab.ledger.status["health"] == "Healthy"


def test_pins_are_written_once(lab, controller):
    """The first intent of a new image pins all of them; later ones and later passes do not."""
    lab.files = files(service("web"), service("worker"))
    controller.settle()
    pins = [
        params
        for _, operation, params in controller.transport.calls
        if operation == "TransactWriteItems" and "L#PINS" in str(params)
    ]
    assert len(pins) == 1
    assert lab.ledger.pins[image("1")] == f"{image('1').rpartition(':')[0]}@sha256:{1:064x}"


def test_a_tag_that_moved_does_not_roll(lab, shop):
    """What a tag stood for when it was first applied is what it stands for, restart or not."""
    lab.ecr.digests["shop", "1"] = f"sha256:{9:064x}"
    assert shop.reconcile().status.converged
    assert shop.crash().settle().status.converged
    assert lab.image() == "1"


def test_a_missing_image_is_said_and_touches_nothing(lab, shop):
    """No digest, no registration: the status has the code of what AWS refuses."""
    lab.files = files(service(tag="none"), migrations=(a_migration("1"),))
    status = shop.reconcile().status
    assert shop.did() == []
    assert (status.exit_code, status.health) == (3, Health.DEGRADED)
    assert "none" in status.message


def test_a_broken_file_is_said_with_the_last_good_state(shop):
    """The last good desired state stays in force; the status says what is wrong with the files."""
    shop.broken = "app.yaml:3:5: unknown field"
    status = shop.reconcile().status
    assert status.converged
    assert "app.yaml:3:5" in status.message


# Failures ------------------------------------------------------------------------------------


def deny(controller: Controller, name: str) -> None:
    """Have AWS refuse every update of one service."""

    def hook(_service, operation, params):
        if operation == "UpdateService" and params["service"] == f"shop-production-{name}":
            raise from_code("ecs:UpdateService", "AccessDeniedException", "not authorized")

    set_hook(controller, hook, applied=False)


@pytest.fixture
def pair(lab, controller):
    """Return the controller after two independent services have converged."""
    lab.files = files(service("web"), service("worker"))
    controller.settle()
    controller.did()
    lab.entries()
    return controller


def test_a_failing_service_does_not_stop_another(lab, pair):
    """The other is rolled in the same pass, and the refusal is raised and stands in the status."""
    lab.files = files(service("web", "2"), service("worker", "2"))
    deny(pair, "web")
    with pytest.raises(AccessDenied):
        pair.reconcile()
    assert lab.image("shop-production-worker") == "2"
    assert lab.image() == "1"
    assert "OUTCOME service/web UpdateService AccessDeniedException" in lab.story()
    status = lab.ledger.status
    assert status["exit_code"] == 3
    assert "ecs:UpdateService" in status["message"]


def test_it_goes_on_when_it_is_permitted(lab, pair):
    """The revision that was registered in vain is used again."""
    lab.files = files(service("web", "2"), service("worker", "2"))
    deny(pair, "web")
    with pytest.raises(AccessDenied):
        pair.reconcile()
    set_hook(pair, None, applied=False)
    assert pair.settle().status.converged
    assert lab.ledger.status["message"] == ""
    assert sorted(lab.ecs.definitions) == [
        "shop-production-web:1",
        "shop-production-web:2",
        "shop-production-worker:1",
        "shop-production-worker:2",
    ]


def test_a_rollout_beside_a_refused_change_is_under_way(lab, pair):
    """Until ECS is done with it; what waits for a person alone is not. Of a part, its own counts."""
    refused = service("web", schedulingStrategy="DAEMON")
    lab.files = files(refused, service("worker", "2"))
    result = pair.reconcile()
    assert (result.status.exit_code, result.under_way) == (4, True)
    pair.reconciler.only = frozenset({refused.address})
    assert not pair.reconcile().under_way
    pair.reconciler.only = frozenset()
    result = pair.settle()
    assert (result.status.exit_code, result.under_way) == (4, False)
    assert lab.image("shop-production-worker") == "2"


def test_a_service_that_comes_after_a_failing_one_waits(lab, pair):
    """`after` is an order: the second does not roll before the first has settled."""
    web, worker = service("web", "2"), service("worker", "2", after=(Address("service", "web"),))
    lab.files = files(web, worker)
    deny(pair, "web")
    for _ in range(2):
        with pytest.raises(AccessDenied):
            pair.reconcile()
    assert lab.image("shop-production-worker") == "1"


def test_a_missing_cluster_is_raised_and_nothing_is_planned(lab, controller):
    """Without the cluster there is nothing to compare with."""
    lab.ecs.clusters.clear()
    with pytest.raises(NotFound):
        controller.reconcile()
    assert controller.did() == []


def test_a_failed_migration_holds_the_service(lab, shop):
    """The service stays on its image, the status has the code of a failed migration."""
    lab.ecs.tasks.nature.exit_code = lambda: 1
    lab.files = release(2)
    result = shop.settle()
    assert (result.status.exit_code, lab.image()) == (6, "1")
    assert "UpdateService" not in shop.did()
    assert len(lab.ecs.tasks.commands.executions) == 2


# What a pass may be told ---------------------------------------------------------------------


def test_told_to_stop_it_starts_no_further_step(lab, controller):
    """Between two steps the pass asks whether to go on, and its status is stored all the same."""
    lab.files = files(service("web"), service("worker"))
    answers = iter([True, False, False])
    controller.reconciler.go_on = lambda _: next(answers)
    controller.reconcile()
    assert controller.did() == ["RegisterTaskDefinition", "CreateService"]
    assert lab.ledger.status is not None


def test_a_part_of_the_app_can_be_applied(lab, controller):
    """Only the named addresses are carried out, and the status speaks of them alone."""
    lab.files = files(service("web"), service("worker"))
    controller.reconciler.only = frozenset({Address("service", "worker")})
    result = controller.settle()
    assert list(lab.ecs.services.by_name) == [("production", "shop-production-worker")]
    assert [str(r.address) for r in result.status.resources] == ["service/worker"]
    assert result.status.converged
    assert lab.ledger.status["sync"] == Sync.OUT_OF_SYNC


# Generations ---------------------------------------------------------------------------------


def test_content_that_is_known_raises_no_generation(lab, shop):
    """The same files again, by the same process or a new one, journal nothing but the lease."""
    shop.reconcile()
    assert lab.story() == []
    shop.crash().settle()
    assert lab.story() == ["LEASE acquire"]
    assert lab.ledger.generation == 1


def test_a_revert_is_a_new_generation(lab, shop):
    """A git revert brings older content with a newer meaning: it acts."""
    lab.files = files(service(tag="2"), migrations=(a_migration("1"),))
    shop.settle()
    lab.files = release(1)
    assert shop.settle().status.converged
    assert (lab.image(), lab.ledger.generation) == ("1", 3)


@pytest.fixture
def late(lab, shop):
    """Return a controller whose checkout stayed behind while the other one applied a newer one."""
    shop.reconciler.release(KEY)
    late = Controller(lab, "late")
    late.files = lab.files
    assert late.reconcile().status.converged
    late.reconciler.release(KEY)
    lab.files = files(service(tag="2"), migrations=(a_migration("1"),))
    shop.settle()
    late.did()
    lab.entries()
    return late


def test_older_content_never_acts(lab, shop, late):
    """A controller whose files stayed behind stalls instead of rolling back."""
    shop.reconciler.release(KEY)
    for _ in range(2):
        with pytest.raises(PermanentError, match="older than what was last applied"):
            late.reconcile()
    assert (late.did(), lab.image()) == ([], "2")


def test_older_content_does_not_keep_the_lease(lab, shop, late):
    """Who may not act must not keep those from acting whose files are newer."""
    shop.reconciler.release(KEY)
    with pytest.raises(PermanentError):
        late.reconcile()
    assert shop.settle().status.converged


def test_a_standby_knows_that_its_copy_lags(lab, shop):
    """It never led, but it saw the ledger while its files were current: it rolls nothing back."""
    standby = Controller(lab, "standby")
    standby.files = lab.files
    with pytest.raises(LeaseHeld):
        standby.reconcile()
    lab.files = files(service(tag="2"), migrations=(a_migration("1"),))
    shop.settle()
    shop.reconciler.release(KEY)
    with pytest.raises(PermanentError, match="older than what was last applied"):
        standby.reconcile()
    assert lab.image() == "2"


def test_what_was_older_acts_once_it_is_current_again(lab, shop, late):
    """When the newer content is reverted, the copy that stayed behind is no longer behind."""
    with pytest.raises(PermanentError):
        late.reconcile()
    lab.files = release(1)
    shop.settle()
    shop.reconciler.release(KEY)
    assert late.reconcile().status.converged
    assert lab.ledger.owner == late.member.id


def test_who_caught_up_acts_again(lab, shop, late):
    """The newest files make it an equal again; what it changes then is a new generation."""
    shop.reconciler.release(KEY)
    late.files = lab.files
    assert late.settle().status.converged
    late.files = files(service(tag="3"), migrations=(a_migration("1"),))
    assert late.settle().status.converged
    assert (lab.image(), lab.ledger.generation) == ("3", 3)


# Prune, adopt, replace -----------------------------------------------------------------------


def test_what_left_the_files_stays_unless_pruning_is_on(lab, pair):
    """It is shown and left alone; with prune it is deleted once and forgotten."""
    lab.files = files(service("web"))
    assert pair.settle().status.converged
    assert pair.did() == []
    pair.reconciler.prune = True
    result = pair.settle()
    assert pair.did() == ["DeleteService"]
    assert [s for s in lab.story() if "DeleteService" in s] == [
        "INTENT service/shop-production-worker DeleteService",
        "OUTCOME service/shop-production-worker DeleteService ok",
    ]
    assert result.status.converged
    assert lab.ledger.services["worker"].applied == {}


def by_hand(lab, desired) -> None:
    """Create a service as a person would: as the files say, without tags of ours."""
    definition = {**desired.task_definition}
    containers = [
        {**c, "image": f"{c['image'].rpartition(':')[0]}@sha256:{1:064x}"}
        for c in definition["containerDefinitions"]
    ]
    made = lab.ecs.handle(
        "RegisterTaskDefinition", {**definition, "containerDefinitions": containers}
    )
    arn = made["taskDefinition"]["taskDefinitionArn"]
    lab.ecs.handle(
        "CreateService", {**desired.service, "cluster": "production", "taskDefinition": arn}
    )
    lab.go_on(60)


def test_adopting_what_is_as_desired_only_tags_it(lab, controller):
    """No deployment, no new revision: TagResource, and the ledger remembers it as ours."""
    by_hand(lab, service())
    before = lab.live()["deployments"][0]["id"]
    assert controller.settle().status.converged
    assert controller.did() == ["TagResource"]
    assert lab.live()["deployments"][0]["id"] == before
    tags = {t["key"]: t["value"] for t in lab.live()["tags"]}
    assert tags["reconciler:app"] == "shop"
    assert lab.ledger.services["web"].applied
    assert controller.reconcile().requeue_after is None
    assert controller.did() == []


def test_a_deleted_service_is_created_again_when_it_has_drained(lab, shop):
    """While ECS drains it nothing can be created under its name; then a new client token makes it."""
    lab.ecs.handle("DeleteService", {"cluster": "production", "service": WEB, "force": True})
    shop.reconcile()
    assert shop.did() == []
    lab.go_on(30)
    assert shop.settle().status.converged
    assert shop.did() == ["CreateService"]


def test_errors_carry_no_secret_into_the_status(lab, pair):
    """What AWS says may quote values of ours."""

    def hook(_service, operation, _params):
        if operation == "UpdateService":
            raise from_code(
                "ecs:UpdateService", "InvalidParameterException", "bad PASSWORD=hunter2hunter2"
            )

    set_hook(pair, hook, applied=False)
    lab.files = files(service("web", "2"), service("worker"))
    with pytest.raises(AwsError):
        pair.reconcile()
    assert "hunter2" not in str(lab.entries())
    assert "hunter2" not in str(lab.ledger.status)
