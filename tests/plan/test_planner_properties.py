"""What must hold for every desired state and every live world."""

from __future__ import annotations

import copy
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.plan import Verb
from reconciler.model.status import Health
from reconciler.plan.assess import assess
from reconciler.plan.compare import compare
from reconciler.plan.render import as_document
from reconciler.shapes.tables import SERVICE, TASK_DEFINITION
from tests.plan.world import World, a_service, a_task_definition, an_app, digest, image

PROPERTY = settings(max_examples=60)

environments = st.dictionaries(
    st.sampled_from(["RAILS_ENV", "PORT", "LOG_LEVEL", "X"]), st.sampled_from(["", "1", "a b"])
)
containers = st.fixed_dictionaries(
    {},
    optional={
        "environment": environments.map(
            lambda e: [{"name": k, "value": v} for k, v in sorted(e.items())]
        ),
        "command": st.lists(st.sampled_from(["a", "b"]), max_size=3),
        "portMappings": st.lists(st.sampled_from([80, 443, 8080]), unique=True, max_size=3).map(
            lambda ports: [{"containerPort": p} for p in ports]
        ),
        "stopTimeout": st.integers(1, 120),
        "essential": st.just(True),
        "cpu": st.sampled_from([0, 128]),
    },
)
service_fields = st.fixed_dictionaries(
    {},
    optional={
        "desiredCount": st.integers(0, 4),
        "enableExecuteCommand": st.booleans(),
        "healthCheckGracePeriodSeconds": st.sampled_from([0, 60]),
        "propagateTags": st.sampled_from(["NONE", "SERVICE"]),
        "platformVersion": st.sampled_from(["LATEST", "1.4.0"]),
        "placementConstraints": st.sampled_from([[], [{"type": "distinctInstance"}]]),
        "loadBalancers": st.lists(st.sampled_from(["a", "b"]), unique=True, max_size=2).map(
            lambda arns: [
                {"targetGroupArn": a, "containerName": "app", "containerPort": 80} for a in arns
            ]
        ),
        "networkConfiguration": st.lists(
            st.sampled_from(["s-1", "s-2", "s-3"]), unique=True, min_size=1
        ).map(lambda s: {"awsvpcConfiguration": {"subnets": s}}),
        "deploymentConfiguration": st.fixed_dictionaries(
            {},
            optional={
                "maximumPercent": st.sampled_from([150, 200]),
                "minimumHealthyPercent": st.sampled_from([50, 100]),
                "bakeTimeInMinutes": st.sampled_from([0, 5]),
            },
        ),
        "tags": st.sampled_from([[{"key": "team", "value": "a"}], [{"key": "team", "value": "b"}]]),
    },
)


@st.composite
def desired_services(draw: Any, name: str = "web") -> Any:
    """Draw one service with any mix of fields."""
    tag = draw(st.sampled_from(["1", "2", "3"]))
    td = a_task_definition(tag, **draw(containers))
    return a_service(name, td=td, **draw(service_fields))


@st.composite
def apps(draw: Any) -> Any:
    """Draw an app of one or two services."""
    names = draw(st.lists(st.sampled_from(["web", "worker"]), unique=True, min_size=1))
    return an_app(*[draw(desired_services(n)) for n in names])


def in_sync(world: World, app: Any) -> None:
    """Check live AWS against the declaration with nothing but the comparison of documents."""
    for service in app.services:
        live = world.services[service.service_name]
        declared = {k: v for k, v in service.service.items() if k != "tags"}
        assert compare(declared, live.service, SERVICE).differences == []
        content = world.task_definitions[live.task_definition_arn].content
        pinned = copy.deepcopy(dict(service.task_definition))
        for container in pinned["containerDefinitions"]:
            container["image"] = digest(container["image"])
        assert compare(pinned, content, TASK_DEFINITION).differences == []


@PROPERTY
@given(apps())
def test_applying_a_plan_from_nothing_reaches_desired(app: Any) -> None:
    """From an empty cluster two passes make everything as declared, with one CreateService each."""
    world = World()
    world.converge(app)
    in_sync(world, app)
    assert world.calls.count("CreateService") == len(app.services)


@PROPERTY
@given(desired_services(), desired_services())
def test_applying_a_plan_from_any_earlier_state_reaches_desired(before: Any, after: Any) -> None:
    """Whatever was applied before, the next declaration is reached with at most one UpdateService."""
    world = World()
    world.converge(an_app(before))
    world.calls.clear()
    app = an_app(after)
    world.converge(app)
    in_sync(world, app)
    assert world.calls.count("UpdateService") <= 1
    assert world.calls.count("RegisterTaskDefinition") <= 1


@PROPERTY
@given(apps())
def test_a_converged_world_plans_nothing(app: Any) -> None:
    """Once converged, a plan has no difference, no request and the status is converged."""
    world = World()
    world.converge(app)
    plan = world.plan(app)
    assert plan.in_sync
    assert all(s.verb is Verb.NONE and s.request is None for s in plan.steps)
    assert all(s.undeclared == () for s in plan.steps)
    status = assess(app, world.observe(app), plan)
    assert status.converged, status
    assert status.exit_code == 0


@PROPERTY
@given(apps(), apps(), st.integers(0, 2))
def test_a_plan_cut_short_is_finished_by_the_next(before: Any, after: Any, steps: int) -> None:
    """A pass that dies after any number of steps leaves a world from which desired is reached."""
    world = World()
    world.converge(before)
    world.pass_over(after, at_most=steps)
    world.converge(after)
    in_sync(world, after)


@PROPERTY
@given(desired_services(), desired_services(), st.sampled_from(["ENABLED", "DISABLED"]))
def test_undeclared_fields_are_never_changed(before: Any, after: Any, ip: str) -> None:
    """Fields that neither declaration names keep what somebody else gave them, nested ones too."""
    world = World()
    world.converge(an_app(before))
    name = before.service_name
    live = world.services[name].service
    configuration = {**live["deploymentConfiguration"], "alarms": {"enable": True}}
    network = live.get("networkConfiguration", {"awsvpcConfiguration": {"subnets": ["s-9"]}})
    inner = {**network["awsvpcConfiguration"], "assignPublicIp": ip}
    world.edit(
        name,
        deploymentConfiguration=configuration,
        networkConfiguration={"awsvpcConfiguration": inner},
        enableECSManagedTags=True,
    )
    world.converge(an_app(after))
    now = world.services[name].service
    assert now["deploymentConfiguration"]["alarms"] == {"enable": True}
    assert now["networkConfiguration"]["awsvpcConfiguration"]["assignPublicIp"] == ip
    assert now["enableECSManagedTags"] is True
    if "desiredCount" not in after.service:
        assert now["desiredCount"] == live["desiredCount"]


@PROPERTY
@given(apps(), st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(app: Any, source: random.Random) -> None:
    """Shuffled services, containers, variables and subnets give the same plan, hash and document."""
    mixed = copy.deepcopy(app)
    services = list(mixed.services)
    source.shuffle(services)
    for service in services:
        for container in service.task_definition["containerDefinitions"]:
            source.shuffle(container.get("environment", []))
            source.shuffle(container.get("portMappings", []))
    object.__setattr__(mixed, "services", tuple(services))
    world = World()
    assert as_document(world.plan(mixed)) == as_document(world.plan(app))
    world.converge(app)
    assert world.plan(mixed).in_sync


@PROPERTY
@given(desired_services())
def test_pasted_defaults_make_no_difference(service: Any) -> None:
    """A declaration completed with everything that ECS answers is in sync with what it describes."""
    world = World()
    world.converge(an_app(service))
    live = world.services[service.service_name]
    content = copy.deepcopy(dict(world.task_definitions[live.task_definition_arn].content))
    for container in content["containerDefinitions"]:
        container["image"] = next(
            i for i in map(image, ["1", "2", "3"]) if digest(i) == container["image"]
        )
    pasted = a_service(td=content, **{**live.service, "desiredCount": live.service["desiredCount"]})
    plan = world.plan(an_app(pasted))
    changes = [c for s in plan.steps for c in s.changes if not c.path.startswith("tags")]
    assert changes == []


@PROPERTY
@given(apps())
def test_planning_is_a_function(app: Any) -> None:
    """The same input gives the same plan, and the input is left as it was."""
    world = World()
    world.pass_over(app)
    observed = copy.deepcopy(world.observe(app))
    assert world.plan(app) == world.plan(copy.deepcopy(app))
    assert observed == world.observe(app)
    assert assess(app, observed, world.plan(app)).health is not Health.UNKNOWN
