"""Filling in what look-ups gave: by the field's type, all of a workload or nothing of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.desired import When
from reconciler.model.diagnostics import Origin
from reconciler.model.lookups import Deferred, Lookup, Unresolved, names_in
from reconciler.model.plan import Verb
from reconciler.plan.lookups import filled, filled_with
from tests.plan.scaling_world import a_scaling, tracking
from tests.plan.world import World, a_migration, a_service, a_task_definition, an_app, image, only


def ssm(name, default=None):
    """Return a value that is only a look-up."""
    return Deferred((Lookup(f"ssm:/{name}", default),))


def app_of(*workloads, **fields):
    """Return an app whose look-ups are named, as `source` does."""
    app = an_app(*workloads, **fields)
    documents = [(s.service, s.task_definition) for s in app.services]
    documents += [(m.launch, m.task_definition) for m in app.migrations]
    return replace(app, lookups=frozenset(names_in(documents)))


def service_of(app):
    """Return its first service."""
    return app.services[0]


def with_count(value, **fields):
    """Return a service with a desired count."""
    return a_service(**fields, desiredCount=value)


def test_values_take_the_type_of_their_field():
    """A text is a number where the field is one, a list a list, and a part of a text stays text."""
    web = a_service(
        td=a_task_definition(
            cpu=ssm("cpu"),
            essential=ssm("essential"),
            command=ssm("words"),
            environment=[
                {"name": "URL", "value": Deferred(("redis://", Lookup("ssm:/host"), ":6379"))}
            ],
        ),
        desiredCount=ssm("count"),
        networkConfiguration={"awsvpcConfiguration": {"subnets": ssm("subnets")}},
    )
    values = {
        "ssm:/cpu": "256",
        "ssm:/essential": "true",
        "ssm:/words": ("run", "it"),
        "ssm:/host": "h",
        "ssm:/count": 3,
        "ssm:/subnets": ("s-2", "s-1"),
    }
    done = service_of(filled(app_of(web), values))
    [container] = done.task_definition["containerDefinitions"]
    assert (container["cpu"], container["essential"], container["command"]) == (
        256,
        True,
        ["run", "it"],
    )
    assert container["environment"] == [{"name": "URL", "value": "redis://h:6379"}]
    assert done.service["desiredCount"] == 3
    assert done.service["networkConfiguration"]["awsvpcConfiguration"]["subnets"] == ["s-1", "s-2"]
    assert done.looked_up["service", "desiredCount"] == ("ssm:/count",)
    assert not done.unresolved
    assert not list(names_in([done.service, done.task_definition]))


def test_sizes_become_what_ecs_answers():
    """A task's size may be looked up in its short form."""
    task = {**a_task_definition(), "cpu": ssm("cpu"), "memory": ssm("memory")}
    app = app_of(a_service(td=task))
    done = service_of(filled(app, {"ssm:/cpu": "1 vCPU", "ssm:/memory": "2GB"}))
    assert (done.task_definition["cpu"], done.task_definition["memory"]) == ("1024", "2048")


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("three", "takes a whole number"),
        (("1", "2"), "takes a single value"),
        ("99999999999", "takes -2147483647 to 2147483647"),
    ],
)
def test_a_value_that_does_not_fit_holds_the_service(value, problem):
    """The step says what came from where, for which field, at which line."""
    origin = Origin("production/shop/app.yaml", 12, 7)
    web = with_count(ssm("count"), origins={("service", "desiredCount"): origin})
    step = only(World().plan(filled(app_of(web), {"ssm:/count": value})), "service/web")
    assert step.verb is Verb.HOLD
    assert step.request is None
    assert "services.web.desiredCount: ${ssm:/count} gave" in step.summary
    assert problem in step.summary
    assert str(origin) in step.summary


def test_a_value_that_does_not_fit_a_policy_is_told_with_its_own_line():
    """Of several policies the one that is meant."""
    lines = {name: Origin("production/shop/app.yaml", 12 + n, 7) for n, name in enumerate("ab")}
    origins = {("policies", name): line for name, line in lines.items()}
    policies = {"a": tracking(), "b": tracking(value=ssm("load"))}
    scaling = replace(a_scaling(policies=policies), origins=origins)
    web = a_service(autoscaling=scaling)
    app = replace(app_of(web), lookups=frozenset(["ssm:/load"]))
    [why] = service_of(filled(app, {"ssm:/load": "heavy"})).unresolved
    assert why.reason.startswith("services.web.autoscaling.b.targetTracking")
    assert why.place == str(lines["b"])


def test_a_secret_that_does_not_fit_is_not_shown():
    """The value may be a secret where the name promises one."""
    pair = {"name": "DB_PASSWORD", "value": ssm("list")}
    web = a_service(td=a_task_definition(environment=[pair]))
    [why] = service_of(filled(app_of(web), {"ssm:/list": ("hunter2", "x")})).unresolved
    assert "hunter2" not in why.reason


def test_a_missing_look_up_holds_its_service_and_no_other():
    """From half a document nothing follows, not even a count; the other service is created."""
    absent = Unresolved("ssm:/x", "${ssm:/x}: there is no such parameter", absent=True)
    web = with_count(5, td=a_task_definition(command=[ssm("x")]))
    plan = World().plan(filled(app_of(web, a_service("worker")), {"ssm:/x": absent}))
    step = only(plan, "service/web")
    assert (step.verb, step.request, step.changes) == (Verb.HOLD, None, ())
    assert step.summary == "look-up failed: ${ssm:/x}: there is no such parameter"
    assert only(plan, "service/worker").verb is Verb.CREATE
    assert not only(plan, "service/worker").blocked


def test_a_service_waits_for_the_group_that_will_tell():
    """What is not there yet blocks, it does not fail; a service behind it waits in turn."""
    url = Deferred((Lookup("redis.main.url"),))
    coming = Unresolved("redis.main.url", "the group is being created", blocked_by="redis/main")
    web = a_service(td=a_task_definition(environment=[{"name": "URL", "value": url}]))
    behind = a_service("behind", after=(web.address,))
    plan = World().plan(filled(app_of(web, behind), {"redis.main.url": coming}))
    step = only(plan, "service/web")
    assert (step.verb, step.blocked_by) == (Verb.CREATE, ("redis/main",))
    assert step.summary == "waits for ${redis.main.url}"
    assert only(plan, "service/behind").blocked_by == ("service/web",)


def test_a_migration_waits_and_gates():
    """A migration without its values does not start, and the services stay behind it."""
    task = a_task_definition(command=[ssm("x")])
    db = replace(a_migration(), task_definition=task)
    absent = Unresolved("ssm:/x", "${ssm:/x}: there is no such parameter", absent=True)
    plan = World().plan(filled(app_of(a_service(), migrations=(db,)), {"ssm:/x": absent}))
    step = only(plan, "migration/db")
    assert step.verb is Verb.RUN
    assert step.blocked_by == ("look-up failed: ${ssm:/x}: there is no such parameter",)
    assert only(plan, "service/web").blocked_by == ("migration/db",)


def test_an_image_that_is_not_looked_up_yet_is_not_missing():
    """A migration that waits for a group has its image as written: that stops nobody else."""
    url = Deferred((Lookup("redis.main.url"),))
    task = a_task_definition(image=ssm("image"), command=[url])
    db = replace(a_migration(when=When.AFTER), task_definition=task)
    coming = Unresolved("redis.main.url", "being created", blocked_by="redis/main")
    app = filled(
        app_of(a_service(), migrations=(db,)), {"ssm:/image": image("1"), "redis.main.url": coming}
    )
    world = World(missing_images=frozenset({"${ssm:/image}"}))
    plan = world.plan(app)
    assert only(plan, "migration/db").blocked_by[0] == "redis/main"
    assert not only(plan, "service/web").blocked


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Unresolved("ssm:/x", "gone", absent=True), 2),
        ("", 2),
        ("7", 7),
    ],
)
def test_a_default_stands_in_for_what_is_absent(value, expected):
    """Absent and empty take the default, a value does not; it may be a look-up in turn."""
    app = app_of(with_count(ssm("x", (Lookup("ssm:/y", ("2",)),))))
    gone = Unresolved("ssm:/y", "gone", absent=True)
    done = service_of(filled(app, {"ssm:/x": value, "ssm:/y": gone}))
    assert done.service["desiredCount"] == expected


def test_a_default_does_not_stand_in_for_a_refusal():
    """Who may not read a parameter must not deploy the default in its place."""
    denied = Unresolved("ssm:/x", "add the permission ssm:GetParameters")
    [why] = service_of(filled(app_of(with_count(ssm("x", ("2",)))), {"ssm:/x": denied})).unresolved
    assert "ssm:GetParameters" in why.reason


@pytest.mark.parametrize("name", ["h/a:latest", "h/a", "no image", "h/a:production"])
def test_an_image_that_was_looked_up_is_held_to_the_policy(name):
    """A moving tag in a parameter is refused like one in the files."""
    web = a_service(td=a_task_definition(image=ssm("image")))
    [why] = service_of(filled(app_of(web), {"ssm:/image": name})).unresolved
    assert "containerDefinitions.app.image" in why.reason


VALUES = st.one_of(
    st.text(max_size=6), st.integers(), st.booleans(), st.floats(allow_nan=False),
    st.lists(st.text(max_size=4), max_size=3).map(tuple),
    st.builds(Unresolved, st.just("x"), st.text(min_size=1, max_size=4), st.sampled_from(["", "redis/main"])),
)  # fmt: skip


@given(count=VALUES, cpu=VALUES, word=VALUES, subnets=VALUES, present=st.booleans())
def test_a_workload_is_filled_whole_or_not_at_all(count, cpu, word, subnets, present):
    """For every value: no document is half filled, filling twice is filling once, others are untouched."""
    web = with_count(
        ssm("count"),
        td=a_task_definition(
            cpu=ssm("cpu"), command=["run", Deferred(("x-", Lookup("ssm:/word")))]
        ),
        networkConfiguration={"awsvpcConfiguration": {"subnets": ssm("subnets")}},
    )
    app = app_of(web, a_service("other"))
    values = {"ssm:/count": count, "ssm:/cpu": cpu, "ssm:/word": word}
    if present:
        values["ssm:/subnets"] = subnets
    once = filled(app, values)
    first = once.services[0]
    waits = list(names_in([first.service, first.task_definition]))
    assert bool(waits) == bool(first.unresolved)
    if first.unresolved:
        assert (first.service, first.task_definition) == (web.service, web.task_definition)
    else:
        assert type(first.service["desiredCount"]) is int
        assert isinstance(
            first.service["networkConfiguration"]["awsvpcConfiguration"]["subnets"], list
        )
    assert filled(once, values) == once
    assert once.services[1] == app.services[1]


def test_render_fills_in_what_it_knows_and_leaves_the_rest():
    """A variable gets the type of its field; what only AWS knows stays as it is written."""
    host = Deferred((Lookup("env:HOST"), ":", Lookup("ssm:/port")))
    count = Deferred((Lookup("env:COUNT", ("3",)),))
    app = app_of(
        with_count(
            count, td=a_task_definition(command=["run", host, Deferred((Lookup("env:HOST"),))])
        )
    )
    done = service_of(
        filled_with(app, {"env:HOST": "h", "env:COUNT": Unresolved("env:COUNT", "x", absent=True)})
    )
    assert done.service["desiredCount"] == 3
    [container] = done.task_definition["containerDefinitions"]
    assert container["command"] == ["run", "${env:HOST}:${ssm:/port}", "h"]
    assert not done.unresolved
