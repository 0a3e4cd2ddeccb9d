"""Whose a service is: adoption, our written defaults, other apps, lost tags and ledger, prune."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.desired import SyncPolicy
from reconciler.model.diagnostics import Origin
from reconciler.model.plan import Verb, Why
from tests.plan.world import World, a_service, a_task_definition, an_app, digest, image, only


def test_an_existing_service_is_adopted_only_by_applying() -> None:
    """A live service as declared is shown as adopt, and no difference: apply adds our tags alone."""
    world = World()
    service = a_service(desiredCount=2)
    world.adopt_me(service)
    app = an_app(service)
    step = only(world.plan(app), "service/web")
    assert step.verb is Verb.ADOPT
    assert step.changes == ()
    assert {"tags.reconciler:app", "tags.reconciler:environment", "tags.reconciler:address"} <= {
        s.path for s in step.suppressed
    }
    assert world.plan(app).in_sync
    assert world.plan(app).acts
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


def test_a_default_of_ours_has_no_line() -> None:
    """What the files do not say cannot be found in them, though its container can."""
    service = replace(
        with_defaults("1"),
        origins={("taskDefinition", "containerDefinitions", "app"): Origin("app.yaml", 13, 8)},
    )
    changes = {c.path: c for c in only(World().plan(an_app(service)), "service/web").changes}
    assert changes["containerDefinitions.app.image"].origin is not None
    assert changes["containerDefinitions.app.logConfiguration.logDriver"].origin is None
