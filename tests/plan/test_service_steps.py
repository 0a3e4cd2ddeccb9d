"""Decision table of a service: images, revisions, drift, removed keys, undeclared fields."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.model.diagnostics import Origin
from reconciler.model.plan import Effect, Verb, Why
from reconciler.plan.mask import SENSITIVE
from reconciler.plan.needs import needs_task_definition
from tests.plan.world import (
    World,
    a_migration,
    a_service,
    a_task_definition,
    an_app,
    digest,
    image,
    only,
)

NETWORK = {"awsvpcConfiguration": {"subnets": ["s-1"]}}


def test_a_new_image_is_one_registration_and_one_update() -> None:
    """A changed tag rolls the service with the digest, says git and shows tag and digest."""
    world = World()
    world.converge(an_app(a_service(tag="1")))
    world.calls.clear()
    app = an_app(a_service(tag="2"))
    step = only(world.plan(app), "service/web")
    [change] = step.changes
    assert change.path == "containerDefinitions.app.image"
    assert change.desired == f"{image('2')}@{digest(image('2')).partition('@')[2]}"
    assert (change.why, change.effect) == (Why.GIT, Effect.ROLLOUT)
    assert step.summary == "new task definition, rolling, 1 task"
    world.converge(app)
    assert world.calls == ["RegisterTaskDefinition", "UpdateService"]


def test_going_back_uses_the_old_revision_again() -> None:
    """A revert in git needs no new revision: the ACTIVE one with the same tag and content is used."""
    world = World()
    world.converge(an_app(a_service(tag="1")))
    first = world.services["shop-production-web"].task_definition_arn
    world.converge(an_app(a_service(tag="2")))
    world.calls.clear()
    world.converge(an_app(a_service(tag="1")))
    assert world.calls == ["UpdateService"]
    assert world.services["shop-production-web"].task_definition_arn == first


@pytest.mark.parametrize("spoil", ["inactive", "tag", "content"])
def test_a_revision_is_used_again_only_when_all_is_right(spoil: str) -> None:
    """Not ACTIVE, without our spec tag or with other content: a new revision is registered."""
    world = World()
    world.converge(an_app(a_service(tag="1")))
    first = world.services["shop-production-web"].task_definition_arn
    world.converge(an_app(a_service(tag="2")))
    old = world.task_definitions[first]
    spoilt = {
        "inactive": replace(old, active=False),
        "tag": replace(old, tags={}),
        "content": replace(old, content={**old.content, "cpu": "256"}),
    }
    world.task_definitions[first] = spoilt[spoil]
    request = only(world.plan(an_app(a_service(tag="1"))), "service/web").request
    assert request is not None
    assert request.reuse_arn == ""
    assert request.register is not None


def test_drift_is_put_back_and_says_drift() -> None:
    """A console edit of a declared field is a change with why=drift; no task definition is touched."""
    world = World()
    app = an_app(a_service(healthCheckGracePeriodSeconds=60, desiredCount=3))
    world.converge(app)
    world.edit("shop-production-web", healthCheckGracePeriodSeconds=0, desiredCount=5)
    step = only(world.plan(app), "service/web")
    assert {(c.path, c.why, c.effect) for c in step.changes} == {
        ("healthCheckGracePeriodSeconds", Why.DRIFT, Effect.NO_ROLLOUT),
        ("desiredCount", Why.DRIFT, Effect.NO_ROLLOUT),
    }
    assert step.request is not None
    assert step.request.register is None
    assert step.request.reuse_arn == ""


def test_an_undeclared_change_is_only_reported() -> None:
    """Execute command switched on in the console, not declared: reported, exit 0, no request."""
    world = World()
    app = an_app(a_service())
    world.converge(app)
    world.edit("shop-production-web", enableExecuteCommand=True)
    plan = world.plan(app)
    step = only(plan, "service/web")
    assert [(u.path, u.observed, u.default) for u in step.undeclared] == [
        ("enableExecuteCommand", True, False)
    ]
    assert plan.in_sync
    assert step.request is None
    declared = an_app(a_service(enableExecuteCommand=False))
    said = only(world.plan(declared), "service/web").summary
    assert said == "enableExecuteCommand true → false, no rollout"


def test_an_undeclared_desired_count_belongs_to_others() -> None:
    """Whatever an autoscaler makes of an undeclared count is silent, and never sent on an update."""
    world = World()
    world.converge(an_app(a_service()))
    world.edit("shop-production-web", desiredCount=7)
    app = an_app(a_service(tag="2"))
    step = only(world.plan(app), "service/web")
    assert step.undeclared == ()
    assert step.request is not None
    assert "desiredCount" not in (step.request.update or {})


def test_a_declared_count_of_zero_is_a_value() -> None:
    """A count of 0 is sent, on create as well as later."""
    world = World()
    app = an_app(a_service(desiredCount=0))
    step = only(world.plan(app), "service/web")
    assert step.request is not None
    assert (step.request.create or {})["desiredCount"] == 0


def test_a_daemon_service_takes_no_count() -> None:
    """CreateService refuses desiredCount for DAEMON."""
    step = only(World().plan(an_app(a_service(schedulingStrategy="DAEMON"))), "service/web")
    assert step.request is not None
    assert "desiredCount" not in (step.request.create or {})


REMOVED = [
    ({"healthCheckGracePeriodSeconds": 60}, 0),
    ({"enableExecuteCommand": True}, False),
    ({"placementConstraints": [{"type": "distinctInstance"}]}, []),
    (
        {"loadBalancers": [{"targetGroupArn": "tg", "containerName": "app", "containerPort": 80}]},
        [],
    ),
    ({"platformVersion": "1.4.0"}, "LATEST"),
    ({"serviceConnectConfiguration": {"enabled": True, "namespace": "x"}}, {"enabled": False}),
]


@pytest.mark.parametrize(("fields", "reset"), REMOVED)
def test_a_key_deleted_from_the_files_is_taken_back(fields: dict, reset: object) -> None:
    """What we had set is reset with the value that UpdateService wants, once."""
    world = World()
    world.converge(an_app(a_service(**fields)))
    app = an_app(a_service())
    step = only(world.plan(app), "service/web")
    [change] = step.changes
    [name] = fields
    assert (change.path, change.why) == (name, Why.REMOVED)
    assert step.request is not None
    assert (step.request.update or {})[name] == reset
    world.converge(app)
    assert world.plan(app).in_sync


def test_a_deleted_part_of_a_structure_leaves_its_neighbours() -> None:
    """Of deploymentConfiguration only the part that we had set goes back to its default."""
    world = World()
    world.converge(an_app(a_service(deploymentConfiguration={"maximumPercent": 150})))
    live = world.services["shop-production-web"].service["deploymentConfiguration"]
    world.edit("shop-production-web", deploymentConfiguration={**live, "bakeTimeInMinutes": 5})
    world.converge(an_app(a_service()))
    now = world.services["shop-production-web"].service["deploymentConfiguration"]
    assert (now["maximumPercent"], now["bakeTimeInMinutes"]) == (200, 5)


def test_a_variable_deleted_from_the_files_goes() -> None:
    """An environment variable that is gone from the files is a new revision without it."""
    world = World()
    td = a_task_definition(environment=[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}])
    world.converge(an_app(a_service(td=td)))
    step = only(
        world.plan(
            an_app(a_service(td=a_task_definition(environment=[{"name": "A", "value": "1"}])))
        ),
        "service/web",
    )
    assert [(c.path, c.desired, c.why) for c in step.changes] == [
        ("containerDefinitions.app.environment.B", None, Why.REMOVED)
    ]


def test_a_secret_value_is_never_shown() -> None:
    """A plain variable with a secret's name is masked on both sides; a reference is shown."""
    world = World()
    old = a_task_definition(environment=[{"name": "DB_PASSWORD", "value": "old"}])
    new = a_task_definition(
        environment=[{"name": "DB_PASSWORD", "value": "new"}],
        secrets=[{"name": "API_KEY", "valueFrom": "/shop/API_KEY"}],
    )
    world.converge(an_app(a_service(td=old)))
    changes = {
        c.path: c for c in only(world.plan(an_app(a_service(td=new))), "service/web").changes
    }
    hidden = changes["containerDefinitions.app.environment.DB_PASSWORD"]
    assert (hidden.observed, hidden.desired, hidden.sensitive) == (SENSITIVE, SENSITIVE, True)
    assert changes["containerDefinitions.app.secrets.API_KEY"].desired == "/shop/API_KEY"


def test_a_new_capacity_strategy_forces_a_deployment() -> None:
    """Without forceNewDeployment in the same call the running tasks would stay where they are."""
    world = World()
    world.converge(an_app(a_service()))
    strategy = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    step = only(world.plan(an_app(a_service(capacityProviderStrategy=strategy))), "service/web")
    assert step.request is not None
    update = step.request.update or {}
    assert update["forceNewDeployment"] is True
    assert update["capacityProviderStrategy"] == strategy


def test_nothing_else_forces_a_deployment() -> None:
    """A repeat of an update must not roll again."""
    world = World()
    world.converge(an_app(a_service()))
    step = only(world.plan(an_app(a_service(tag="2", networkConfiguration=NETWORK))), "service/web")
    assert step.request is not None
    assert "forceNewDeployment" not in (step.request.update or {})


def test_a_change_names_its_line() -> None:
    """The origin is that of the longest known prefix of the path."""
    place = Origin("app.yaml", 13, 8)
    world = World()
    world.converge(an_app(a_service()))
    service = a_service(
        tag="2",
        origins={
            ("taskDefinition", "containerDefinitions"): Origin("app.yaml", 1, 1),
            ("taskDefinition", "containerDefinitions", "app"): place,
        },
    )
    assert only(world.plan(an_app(service)), "service/web").changes[0].origin == place


def test_the_steady_state_needs_no_task_definition() -> None:
    """In sync by the ledger: nothing has to be described, and the plan says nothing without it."""
    world = World()
    app = an_app(a_service())
    world.converge(app)
    observed = replace(world.observe(app), task_definitions={})
    service = app.services[0]
    record = world.ledger.services["web"]
    live = observed.services["web"]
    assert not needs_task_definition(service, live, record, observed.images)
    world.task_definitions = {}
    assert only(world.plan(app), "service/web").verb is Verb.NONE
    moved = replace(live, task_definition_arn="arn:other")
    assert needs_task_definition(service, moved, record, observed.images)
    assert needs_task_definition(service, live, None, observed.images)


def test_a_console_revision_is_drift_and_ours_comes_back() -> None:
    """Somebody deploys another revision by hand: our own revision is put back, none is registered."""
    world = World()
    app = an_app(a_service())
    world.converge(app)
    live = world.services["shop-production-web"]
    td = {**a_task_definition("9"), "family": "shop-production-web", "tags": []}
    arn = world._register(td)
    world.services["shop-production-web"] = replace(live, task_definition_arn=arn)
    world.calls.clear()
    [change] = only(world.plan(app), "service/web").changes
    assert change.why is Why.DRIFT
    world.pass_over(app)
    assert world.calls == ["UpdateService"]
    assert world.services["shop-production-web"].task_definition_arn == live.task_definition_arn


def test_a_lost_live_revision_is_one_change() -> None:
    """When the revision that runs cannot be read any more, a new one takes its place."""
    world = World()
    app = an_app(a_service())
    world.converge(app)
    world.ledger = replace(world.ledger, services={})
    world.task_definitions = {}
    [change] = [
        c for c in only(world.plan(app), "service/web").changes if not c.path.startswith("tags")
    ]
    assert change.path == "taskDefinition"
    assert only(world.plan(app), "service/web").request.register is not None


def test_an_empty_text_is_nothing_where_nothing_is_the_default() -> None:
    """`taskRoleArn: ""`, declared or answered, is no difference, no change by hand, and no other revision."""
    world = World()
    app = an_app(a_service())
    world.converge(app)
    [(arn, live)] = world.task_definitions.items()
    blank = {**live.content, "taskRoleArn": "", "pidMode": ""}
    world.task_definitions[arn] = replace(live, content=blank)
    step = only(world.plan(app), "service/web")
    assert (step.verb, step.undeclared) == (Verb.NONE, ())
    declared = a_service(td={**a_task_definition(), "taskRoleArn": ""})
    assert world.plan(an_app(declared)).in_sync
    world.converge(an_app(a_service(tag="2")))
    world.calls.clear()
    world.converge(app)
    assert world.calls == ["UpdateService"]


@pytest.mark.parametrize(
    ("old", "new"),
    [({"cpu": "256"}, {"cpu": "512"}), ({"executionRoleArn": "one"}, {"executionRoleArn": "two"})],
)
def test_a_change_beside_the_containers_is_a_new_task_definition_too(
    old: dict[str, Any], new: dict[str, Any]
) -> None:
    """Whatever makes another revision is said to, not only what stands in a container."""
    world = World()
    world.converge(an_app(a_service(td={**a_task_definition(), **old})))
    step = only(world.plan(an_app(a_service(td={**a_task_definition(), **new}))), "service/web")
    assert step.summary == "new task definition, rolling, 1 task"


def test_what_waits_says_which_revision_it_will_use_again() -> None:
    """A blocked revert names the revision that it goes back to, as it does once it is free."""
    world = World()
    world.converge(an_app(a_service(tag="1")))
    world.converge(an_app(a_service(tag="2")))
    app = an_app(a_service(tag="1"), migrations=(a_migration(),))
    step = only(world.plan(app), "service/web")
    assert step.blocked_by
    assert step.summary == "back to shop-production-web:1, rolling, 1 task"


def test_a_newer_revision_that_is_there_is_no_step_back() -> None:
    """What `task run` or a pass that was cut off has registered is used, and is ahead of what runs."""
    world = World()
    world.converge(an_app(a_service(tag="1")))
    world.converge(an_app(a_service(tag="2")))
    world.converge(an_app(a_service(tag="1")))
    step = only(world.plan(an_app(a_service(tag="2"))), "service/web")
    assert step.summary == "to shop-production-web:3, rolling, 1 task"


def test_a_service_that_was_deleted_by_hand_is_drift() -> None:
    """The files say what was applied, live AWS has nothing; a field that changed since says git."""
    world = World()
    world.converge(an_app(a_service(desiredCount=2)))
    del world.services["shop-production-web"]
    step = only(world.plan(an_app(a_service(tag="2", desiredCount=2))), "service/web")
    assert step.verb is Verb.CREATE
    whys = {c.path: c.why for c in step.changes}
    assert whys.pop("containerDefinitions.app.image") is Why.GIT
    assert set(whys.values()) == {Why.DRIFT}
