"""Two revisions of the files compared: the same words as a plan, with nothing live in it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.desired import (
    DesiredAutoscaling,
    DesiredParameterGroup,
    DesiredRedis,
    SyncPolicy,
)
from reconciler.model.diagnostics import Origin
from reconciler.model.names import Address
from reconciler.model.plan import Effect, Verb, Why
from reconciler.plan.between import plan_between
from tests.plan.builders import a_migration, a_service, a_task_definition, an_app, only


def verbs(base, head) -> dict[str, Verb]:
    """Return what happens to each address."""
    return {str(s.address): s.verb for s in plan_between(base, head).steps}


def test_the_same_files_change_nothing():
    """Whatever is declared, compared with itself."""
    app = an_app(a_service(desiredCount=2), migrations=(a_migration(),))
    plan = plan_between(app, app)
    assert plan.in_sync
    assert verbs(app, app) == {"migration/db": Verb.NONE, "service/web": Verb.NONE}


def test_a_release_is_a_run_and_a_rollout():
    """The image, where it stands, and what it does; the migration's new revision."""
    origins = {
        ("taskDefinition", "containerDefinitions", "app", "image"): Origin("app.yaml", 13, 8)
    }
    base = an_app(a_service(), migrations=(a_migration("1"),))
    head = an_app(a_service(tag="2", origins=origins), migrations=(a_migration("2"),))
    plan = plan_between(base, head)
    run, web = only(plan, "migration/db"), only(plan, "service/web")
    assert (run.verb, run.changes[0].observed, run.changes[0].desired) == (Verb.RUN, "1", "2")
    (image,) = web.changes
    assert (web.verb, image.path, image.why) == (
        Verb.UPDATE,
        "containerDefinitions.app.image",
        Why.GIT,
    )
    assert (image.effect, str(image.origin)) == (Effect.ROLLOUT, "app.yaml:13:8")
    assert image.observed.endswith(":1")
    assert web.summary == "new task definition, rolling"


def test_a_changed_migration_of_the_same_revision_runs_nothing():
    """A succeeded revision is done whatever its command is now."""
    changed = replace(a_migration(), launch={"launchType": "EC2"})
    step = only(
        plan_between(an_app(migrations=(a_migration(),)), an_app(migrations=(changed,))),
        "migration/db",
    )
    assert (step.verb, len(step.notes)) == (Verb.NONE, 1)


def test_fields_have_their_effects():
    """A count rolls nothing, a network does; what is no longer declared is removed."""
    base = an_app(a_service(desiredCount=1, healthCheckGracePeriodSeconds=60))
    head = an_app(a_service(desiredCount=3, platformVersion="1.4.0"))
    changes = {c.path: c for c in only(plan_between(base, head), "service/web").changes}
    assert changes["desiredCount"].effect is Effect.NO_ROLLOUT
    assert changes["platformVersion"].effect is Effect.ROLLOUT
    assert changes["healthCheckGracePeriodSeconds"].why is Why.REMOVED


def test_secrets_are_masked():
    """As in every plan."""
    base = an_app(
        a_service(td=a_task_definition(environment=[{"name": "DB_PASSWORD", "value": "old"}]))
    )
    head = an_app(
        a_service(td=a_task_definition(environment=[{"name": "DB_PASSWORD", "value": "later"}]))
    )
    assert "later" not in str(plan_between(base, head).steps)


@pytest.mark.parametrize(("prune", "blocked"), [(True, False), (False, True)])
def test_a_service_that_is_gone(prune, blocked):
    """Deleted only where the later files allow it."""
    base, head = (
        an_app(a_service(), a_service("old")),
        an_app(a_service(), sync=SyncPolicy(prune=prune)),
    )
    step = only(plan_between(base, head), "service/old")
    assert (step.verb, step.blocked) == (Verb.DELETE, blocked)


def test_what_is_never_deleted():
    """A migration keeps gating, a Redis group stays."""
    redis = DesiredRedis(Address("redis", "main"), {"replicationGroupId": "shop"})
    base = replace(an_app(migrations=(a_migration(),)), redis=(redis,))
    plan = plan_between(base, an_app())
    assert plan.in_sync
    assert all(step.notes for step in plan.steps)


def test_an_app_that_is_new_or_gone():
    """New: everything is created. Gone: the folder deletes nothing."""
    app = an_app(a_service(), migrations=(a_migration(),))
    assert verbs(None, app) == {"migration/db": Verb.RUN, "service/web": Verb.CREATE}
    gone = plan_between(app, None)
    assert (gone.steps, len(gone.notes)) == ((), 1)


def test_redis_and_autoscaling():
    """A parameter and a bound are changes like others."""

    def app(policy: str, most: int):
        group = DesiredParameterGroup("shop", "redis7", {"maxmemory-policy": policy})
        redis = DesiredRedis(Address("redis", "main"), {"replicationGroupId": "shop"}, group)
        scaling = DesiredAutoscaling(
            Address("autoscaling", "web"), {"minCapacity": 1, "maxCapacity": most}
        )
        return replace(an_app(replace(a_service(), autoscaling=scaling)), redis=(redis,))

    plan = plan_between(app("volatile-lru", 3), app("noeviction", 9))
    (parameter,) = only(plan, "redis/main").changes
    assert (parameter.observed, parameter.desired) == ("volatile-lru", "noeviction")
    (bound,) = only(plan, "autoscaling/web").changes
    assert (bound.path, bound.desired) == ("maxCapacity", 9)
