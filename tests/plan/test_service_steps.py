"""Decision table of a service: adopt, drift, removed, held, create-only, draining, images, prune."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.desired import SyncPolicy
from reconciler.model.diagnostics import Origin
from reconciler.model.observed import RolloutState, ServicePresence
from reconciler.model.plan import Effect, Verb, Why
from reconciler.model.status import Health
from reconciler.plan.assess import assess
from reconciler.plan.mask import SENSITIVE
from reconciler.plan.needs import needs_task_definition
from tests.plan.world import World, a_service, a_task_definition, an_app, digest, image, only

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


def test_an_existing_service_is_adopted_only_by_applying() -> None:
    """A live service without our tags is shown as adopt; equal content keeps its revision."""
    world = World()
    service = a_service(desiredCount=2)
    world.adopt_me(service)
    app = an_app(service)
    step = only(world.plan(app), "service/web")
    assert step.verb is Verb.ADOPT
    assert {c.path for c in step.changes} == {
        "tags.reconciler:app",
        "tags.reconciler:environment",
        "tags.reconciler:address",
    }
    assert world.calls == []
    world.converge(app)
    assert world.calls == ["TagResource"]
    assert world.plan(app).in_sync


WRITTEN = frozenset(
    {
        ("service", "deploymentConfiguration", "maximumPercent"),
        ("taskDefinition", "networkMode"),
        ("taskDefinition", "containerDefinitions", "app", "logConfiguration"),
    }
)


def with_defaults(tag: str) -> object:
    """Return a service with three defaults of ours written down."""
    td = a_task_definition(tag, logConfiguration={"logDriver": "awslogs"})
    return a_service(td=td, deploymentConfiguration={"maximumPercent": 150}, written=WRITTEN)


def test_adoption_never_writes_our_defaults_over_live_values() -> None:
    """Neither when adopting nor with any later revision; what the files change still arrives."""
    world = World()
    live_td = a_task_definition("1", logConfiguration={"logDriver": "splunk"})
    live_td["networkMode"] = "bridge"
    world.adopt_me(a_service(td=live_td))
    assert only(world.plan(an_app(with_defaults("1"))), "service/web").verb is Verb.ADOPT
    world.converge(an_app(with_defaults("1")))
    assert world.calls == ["TagResource"]
    world.converge(an_app(with_defaults("2")))
    live = world.services["shop-production-web"]
    content = world.task_definitions[live.task_definition_arn].content
    assert content["networkMode"] == "bridge"
    assert content["containerDefinitions"][0]["logConfiguration"] == {"logDriver": "splunk"}
    assert content["containerDefinitions"][0]["image"] == digest(image("2"))
    assert live.service["deploymentConfiguration"]["maximumPercent"] == 200
    assert world.plan(an_app(with_defaults("2"))).in_sync


def test_written_defaults_count_on_services_that_we_made() -> None:
    """On a service of ours a written default is created and its drift is healed."""
    world = World()
    app = an_app(with_defaults("1"))
    world.converge(app)
    live = world.services["shop-production-web"].service["deploymentConfiguration"]
    assert live["maximumPercent"] == 150
    world.edit("shop-production-web", deploymentConfiguration={**live, "maximumPercent": 200})
    [change] = only(world.plan(app), "service/web").changes
    assert (change.path, change.why) == ("deploymentConfiguration.maximumPercent", Why.DRIFT)


def test_a_service_of_another_app_is_left_alone() -> None:
    """Another app's tags: held with its name, no request."""
    world = World()
    app = an_app(a_service())
    world.converge(app)
    live = world.services["shop-production-web"]
    tags = {**live.tags, "reconciler:app": "blog"}
    world.services["shop-production-web"] = replace(live, tags=tags)
    step = only(world.plan(app), "service/web")
    assert (step.verb, step.request) == (Verb.HOLD, None)
    assert "production/blog" in step.summary


def test_lost_tags_of_a_recorded_service_are_drift() -> None:
    """The ledger knows the service: removed tags are put back, it is not adopted again."""
    world = World()
    app = an_app(a_service())
    world.converge(app)
    live = world.services["shop-production-web"]
    world.services["shop-production-web"] = replace(live, tags={"team": "x"})
    step = only(world.plan(app), "service/web")
    assert step.verb is Verb.UPDATE
    assert {c.why for c in step.changes} == {Why.DRIFT}
    world.converge(app)
    assert world.services["shop-production-web"].tags["team"] == "x"


def test_a_lost_ledger_is_filled_again_without_touching_aws() -> None:
    """With our tags but no record the service is in sync; only the ledger is told."""
    world = World()
    app = an_app(a_service())
    world.converge(app)
    world.ledger = replace(world.ledger, services={})
    world.calls.clear()
    plan = world.plan(app)
    step = only(plan, "service/web")
    assert plan.in_sync
    assert step.request is not None
    assert step.request.desired_hash
    world.converge(app)
    assert world.calls == []
    assert only(world.plan(app), "service/web").request is None


@pytest.mark.parametrize(
    ("field", "live", "wanted"),
    [("launchType", "EC2", "FARGATE"), ("schedulingStrategy", "REPLICA", "DAEMON")],
)
def test_create_only_fields_are_held(field: str, live: str, wanted: str) -> None:
    """A field that only CreateService takes is never a delete and create by itself."""
    world = World()
    world.converge(an_app(a_service(**{field: live})))
    world.calls.clear()
    app = an_app(a_service(**{field: wanted, "desiredCount": 1}))
    held = [s for s in world.plan(app).steps if s.verb is Verb.HOLD]
    assert [c.effect for c in held[0].changes] == [Effect.REPLACE]
    assert field in held[0].summary
    world.pass_over(app)
    assert "CreateService" not in world.calls
    assert "DeleteService" not in world.calls


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


@pytest.mark.parametrize(
    ("presence", "blocked"),
    [(ServicePresence.DRAINING, ("draining",)), (ServicePresence.INACTIVE, ())],
)
def test_ghosts_are_created_anew(presence: ServicePresence, blocked: tuple[str, ...]) -> None:
    """INACTIVE is as good as absent; while DRAINING the creation waits."""
    world = World()
    app = an_app(a_service())
    world.converge(app)
    live = world.services["shop-production-web"]
    world.services["shop-production-web"] = replace(live, presence=presence)
    step = only(world.plan(app), "service/web")
    assert (step.verb, step.blocked_by) == (Verb.CREATE, blocked)


def test_a_missing_image_holds_the_rollout_but_not_the_rest() -> None:
    """An image that the registry does not have: held, while the desired count is still set."""
    world = World(missing_images=frozenset({image("2")}))
    world.converge(an_app(a_service(desiredCount=1)))
    app = an_app(a_service(tag="2", desiredCount=3))
    free, held = world.plan(app).steps
    assert (free.verb, held.verb) == (Verb.UPDATE, Verb.HOLD)
    assert held.summary == f"image not found: {image('2')}"
    assert free.request is not None
    assert free.request.update == {"service": "shop-production-web", "desiredCount": 3}
    status = assess(app, world.observe(app), world.plan(app))
    assert (status.health, status.exit_code) == (Health.DEGRADED, 3)


def test_a_reverted_rollout_is_held_until_the_files_change() -> None:
    """The breaker's rollback is not fought; other drift is healed; a new desired state releases it."""
    world = World(broken_images=frozenset({digest(image("2"))}))
    world.converge(an_app(a_service(tag="1", desiredCount=1)))
    bad = an_app(a_service(tag="2", desiredCount=1))
    world.converge(bad)
    world.calls.clear()
    step = only(world.plan(bad), "service/web")
    assert step.verb is Verb.HOLD
    assert "retry service/web --reason" in step.notes[-1]
    status = assess(bad, world.observe(bad), world.plan(bad))
    assert (status.health, status.exit_code) == (Health.HELD, 8)
    world.edit("shop-production-web", desiredCount=4)
    world.pass_over(bad)
    assert world.calls == ["UpdateService"]
    assert world.services["shop-production-web"].service["desiredCount"] == 1
    assert world.ledger.services["web"].state is RolloutState.HELD
    world.calls.clear()
    good = an_app(a_service(tag="3", desiredCount=1))
    world.converge(good)
    assert world.calls == ["RegisterTaskDefinition", "UpdateService"]
    assert world.ledger.services["web"].state is RolloutState.STEADY


def test_scaling_a_held_service_does_not_try_again() -> None:
    """A new desired count in git is no reason to repeat the reverted rollout."""
    world = World(broken_images=frozenset({digest(image("2"))}))
    world.converge(an_app(a_service(tag="1", desiredCount=1)))
    world.converge(an_app(a_service(tag="2", desiredCount=1)))
    free, held = world.plan(an_app(a_service(tag="2", desiredCount=2))).steps
    assert [c.path for c in free.changes] == ["desiredCount"]
    assert held.verb is Verb.HOLD


def test_going_back_in_git_releases_a_held_service() -> None:
    """Reverting the commit makes live equal desired: nothing is sent, the hold is gone."""
    world = World(broken_images=frozenset({digest(image("2"))}))
    before = an_app(a_service(tag="1"))
    world.converge(before)
    world.converge(an_app(a_service(tag="2")))
    world.calls.clear()
    world.converge(before)
    assert world.calls == []
    assert world.ledger.services["web"].state is RolloutState.STEADY


def test_services_follow_their_predecessors() -> None:
    """`after` holds a dependent's rollout until its predecessor is steady, not its other changes."""
    web = a_service("web")
    worker = a_service("worker", after=(web.address,))
    world = World()
    plan = world.plan(an_app(worker, web))
    assert [str(s.address) for s in plan.steps] == ["service/web", "service/worker"]
    assert plan.steps[1].blocked_by == ("service/web",)
    world.converge(an_app(worker, web))
    assert len(world.services) == 2


@pytest.mark.parametrize(
    ("flag", "policy", "blocked"),
    [
        (False, SyncPolicy(), ("prune is off: sync.prune: true or --prune",)),
        (True, SyncPolicy(), ()),
        (False, SyncPolicy(prune=True), ()),
        (True, SyncPolicy(max_prune=0), ("1 services to delete, sync.maxPrune is 0",)),
    ],
)
def test_orphans_are_deleted_only_when_asked(
    flag: bool, policy: SyncPolicy, blocked: tuple[str, ...]
) -> None:
    """A service that left the files is shown; it goes with prune on and within the limit."""
    world = World()
    world.converge(an_app(a_service("web"), a_service("worker")))
    app = an_app(a_service("web"), sync=policy)
    plan = world.plan(app, prune=flag)
    step = only(plan, "service/shop-production-worker")
    assert (step.verb, step.blocked_by) == (Verb.DELETE, blocked)
    assert not plan.in_sync
    world.pass_over(app, prune=flag)
    assert ("shop-production-worker" in world.services) == bool(blocked)


def test_an_orphan_without_our_tags_is_left_alone() -> None:
    """Somebody took the tags off a service: it is theirs, prune or not."""
    world = World()
    world.converge(an_app(a_service("web"), a_service("worker")))
    live = world.services["shop-production-worker"]
    world.services["shop-production-worker"] = replace(live, tags={})
    plan = world.plan(an_app(a_service("web")), prune=True)
    assert only(plan, "service/shop-production-worker").verb is Verb.NONE


def test_a_changed_service_name_is_held_while_the_old_one_lives() -> None:
    """A rename would leave two services running side by side: it needs a person."""
    world = World()
    world.converge(an_app(a_service()))
    renamed = replace(a_service(), service={**a_service().service, "serviceName": "shop-web-new"})
    step = next(s for s in world.plan(an_app(renamed)).steps if str(s.address) == "service/web")
    assert step.verb is Verb.HOLD
    assert "serviceName was shop-production-web" in step.summary


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


def test_a_default_of_ours_has_no_line() -> None:
    """What the files do not say cannot be found in them, though its container can."""
    service = replace(
        with_defaults("1"),
        origins={("taskDefinition", "containerDefinitions", "app"): Origin("app.yaml", 13, 8)},
    )
    changes = {c.path: c for c in only(World().plan(an_app(service)), "service/web").changes}
    assert changes["containerDefinitions.app.image"].origin is not None
    assert changes["containerDefinitions.app.logConfiguration.logDriver"].origin is None


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
