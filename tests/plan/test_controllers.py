"""Services that CodeDeploy or an external controller deploys: in sync, changed where allowed, else held."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.observed import Deployment, ObservedService, RolloutState, ServicePresence
from reconciler.model.plan import Verb
from reconciler.model.status import Health
from reconciler.plan.assess import assess
from reconciler.plan.planner import make_plan
from reconciler.plan.rollout import judge
from reconciler.shapes.botocore_model import input_of
from reconciler.shapes.controllers import IN_TASK_SETS, UPDATABLE
from tests.plan.world import World, a_service, a_task_definition, an_app, image, only

NAME = "shop-production-web"
BALANCER = [{"targetGroupArn": "tg", "containerName": "app", "containerPort": 80}]


def service(controller: str, **fields):
    """Return a desired service with a controller."""
    return a_service(deploymentController={"type": controller}, **fields)


def deployed(controller: str, **fields) -> World:
    """Return a world where such a service runs, deployed by its controller, and is ours."""
    world = World()
    world.converge(an_app(service("ECS", **fields)))
    world.edit(NAME, deploymentController={"type": controller})
    live = world.services[NAME]
    task_set = replace(live.deployments[0], rollout_state="", pending_count=0)
    world.services[NAME] = replace(live, deployments=(task_set,))
    world.converge(an_app(service(controller, **fields)))
    world.calls.clear()
    return world


@pytest.mark.parametrize("controller", UPDATABLE)
def test_what_is_as_declared_is_in_sync(controller) -> None:
    """No call, and a healthy status."""
    world = deployed(controller, loadBalancers=BALANCER)
    app = an_app(service(controller, loadBalancers=BALANCER))
    plan = world.plan(app)
    assert plan.in_sync
    assert assess(app, world.observe(app), plan).exit_code == 0
    assert world.ledger.services["web"].state is RolloutState.STEADY


@pytest.mark.parametrize("controller", UPDATABLE)
def test_a_new_task_definition_is_held_and_says_with_which_tool(controller) -> None:
    """UpdateService takes none: nothing is registered or sent, and the exit code is a refusal's."""
    world = deployed(controller)
    app = an_app(service(controller, tag="2"))
    step = only(world.plan(app), "service/web")
    assert step.verb is Verb.HOLD
    assert step.request is None
    assert "does not take taskDefinition" in step.summary
    tool = {"CODE_DEPLOY": "create-deployment", "EXTERNAL": "create-task-set"}[controller]
    assert any(tool in note for note in step.notes)
    world.converge(app)
    assert world.calls == []
    assert assess(app, world.observe(app), world.plan(app)).exit_code == 4


@pytest.mark.parametrize("controller", UPDATABLE)
def test_what_update_service_takes_goes_while_the_rest_is_held(controller) -> None:
    """A count and a grace period pass beside a held network."""
    world = deployed(controller)
    network = {"awsvpcConfiguration": {"subnets": ["a"]}}
    app = an_app(
        service(
            controller,
            desiredCount=5,
            healthCheckGracePeriodSeconds=30,
            networkConfiguration=network,
        )
    )
    free, held = world.plan(app).steps
    assert free.request.update == {
        "service": NAME,
        "desiredCount": 5,
        "healthCheckGracePeriodSeconds": 30,
    }
    assert (held.verb, held.request) == (Verb.HOLD, None)
    assert "networkConfiguration" in held.summary


def test_only_code_deploy_takes_a_deployment_configuration() -> None:
    """It is in the one list of the documentation and not in the other."""
    wanted = {"deploymentConfiguration": {"maximumPercent": 150}}
    for controller, verb in (("CODE_DEPLOY", Verb.UPDATE), ("EXTERNAL", Verb.HOLD)):
        plan = deployed(controller).plan(an_app(service(controller, **wanted)))
        assert only(plan, "service/web").verb is verb


@pytest.mark.parametrize(
    ("now", "then", "verb"),
    [
        ("CODE_DEPLOY", "ECS", Verb.UPDATE),
        ("ECS", "CODE_DEPLOY", Verb.HOLD),
        ("EXTERNAL", "ECS", Verb.HOLD),
    ],
)
def test_the_controller_changes_only_from_code_deploy_to_ecs(now, then, verb) -> None:
    """That way the rest of the change goes in the same call; no other change is documented."""
    step = only(deployed(now).plan(an_app(service(then, tag="2"))), "service/web")
    assert step.verb is verb
    if verb is Verb.UPDATE:
        assert step.request.update["deploymentController"] == {"type": "ECS"}
        assert step.request.register


def test_an_image_that_code_deploy_runs_by_its_tag_is_as_declared() -> None:
    """Nobody but us pins digests: the declared tag is what it should run."""
    world = deployed("CODE_DEPLOY")
    arn = world.services[NAME].task_definition_arn
    known = world.task_definitions[arn]
    content = {**a_task_definition("1"), "family": NAME}
    world.task_definitions[arn] = replace(known, content=content)
    world.ledger = replace(world.ledger, services={})
    assert world.plan(an_app(service("CODE_DEPLOY"))).in_sync
    moved = only(world.plan(an_app(service("CODE_DEPLOY", tag="2"))), "service/web")
    [change] = moved.changes
    assert change.observed == image("1")


def test_a_new_service_of_an_external_controller_has_no_task_definition() -> None:
    """It is made with what is not the task sets' own, and steady before it has any."""
    network = {"awsvpcConfiguration": {"subnets": ["a"]}}
    wanted = service("EXTERNAL", networkConfiguration=network, launchType="FARGATE")
    step = only(World().plan(an_app(wanted)), "service/web")
    assert step.request.register is None
    assert step.request.reuse_arn == ""
    assert not step.request.create.keys() & {*IN_TASK_SETS, "taskDefinition"}
    assert not any(c.path.startswith("networkConfiguration") for c in step.changes)


def test_a_service_without_any_deployment_is_steady() -> None:
    """There is nothing to wait for until the external controller makes a task set."""
    world = deployed("EXTERNAL")
    record = replace(world.ledger.services["web"], deployment_id="", state=RolloutState.CONVERGING)
    judged = judge(record, ObservedService(ServicePresence.ACTIVE))
    assert judged.state is RolloutState.STEADY
    pending = Deployment("ecs-svc/1", "ACTIVE", "td", "", "", 1, 0, 1, 0)
    live = ObservedService(ServicePresence.ACTIVE, deployments=(pending,))
    assert judge(record, live) is None


def test_a_service_without_any_task_set_is_not_waited_for() -> None:
    """How many run before its controller begins is not ours to judge, whatever count is wanted."""
    world = deployed("EXTERNAL")
    app = an_app(bare("EXTERNAL", desiredCount=2))
    world.converge(app)
    live = world.services[NAME]
    world.services[NAME] = replace(live, task_definition_arn="", deployments=(), running_count=0)
    status = assess(app, world.observe(app), world.plan(app))
    [line] = status.resources
    assert (status.exit_code, line.health) == (0, Health.HEALTHY)
    assert line.message == "its controller has made no task set"


def test_the_lists_name_fields_that_update_service_has() -> None:
    """And the task sets' fields are those of CreateTaskSet, no more and no less."""
    for fields in UPDATABLE.values():
        assert fields <= set(input_of("UpdateService").members)
    ours = {"cluster", "clientToken", "taskDefinition", "tags"}
    both = set(input_of("CreateTaskSet").members) & set(input_of("CreateService").members)
    assert set(IN_TASK_SETS) == both - ours


def test_adopting_one_changes_nothing_but_tags() -> None:
    """A live CodeDeploy service is taken over as it is."""
    world = World()
    desired = service("CODE_DEPLOY", desiredCount=2, loadBalancers=BALANCER)
    world.adopt_me(desired)
    step = only(make_plan(an_app(desired), world.observe(an_app(desired))), "service/web")
    assert step.verb is Verb.ADOPT
    assert step.request.update is None
    assert step.request.register is None


def bare(controller: str, **fields):
    """Return a service whose task definition is its deployer's own business."""
    return replace(service(controller, **fields), task_definition={})


@pytest.mark.parametrize("controller", UPDATABLE)
def test_a_service_without_containers_leaves_the_task_definition_alone(controller) -> None:
    """The other fields are compared and changed; what is deployed meanwhile is no difference."""
    world = deployed(controller)
    app = an_app(bare(controller))
    world.converge(app)
    world.calls.clear()
    live = world.services[NAME]
    moved = live.task_definition_arn.rpartition(":")[0] + ":99"
    task_set = replace(live.deployments[0], id="ecs-svc/99", task_definition=moved)
    world.services[NAME] = replace(live, task_definition_arn=moved, deployments=(task_set,))
    plan = world.converge(app)
    assert plan.in_sync
    assert assess(app, world.observe(app), world.plan(app)).exit_code == 0
    assert world.calls == []
    more = an_app(bare(controller, desiredCount=4))
    assert only(world.plan(more), "service/web").request.update["desiredCount"] == 4


def test_a_new_service_of_code_deploy_needs_a_task_definition() -> None:
    """CreateService would refuse it; the plan says what to declare."""
    step = only(World().plan(an_app(bare("CODE_DEPLOY"))), "service/web")
    assert step.verb is Verb.HOLD
    assert "declare containers" in step.summary
    assert only(World().plan(an_app(bare("EXTERNAL"))), "service/web").verb is Verb.CREATE
