"""`${live}`: a value that only the live task definition has, carried from revision to revision."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reconciler.model.plan import Verb
from reconciler.plan.canonical import canonical_json
from reconciler.plan.spec_hash import desired_hash
from tests.plan.world import World, a_service, a_task_definition, an_app, digest, image, only

SECRET = "hunter2"
PATH = ("taskDefinition", "containerDefinitions", "app", "environment", "API_TOKEN", "value")


def a_task(tag: str, *, live: bool) -> dict[str, Any]:
    """Return a task definition with a token: as it is live, or as the files have it."""
    token: dict[str, str] = {"name": "API_TOKEN"}
    if live:
        token["value"] = SECRET
    return a_task_definition(tag, environment=[token])


def with_live_value(tag: str = "1"):
    """Return a service whose token is `${live}`."""
    return replace(a_service(td=a_task(tag, live=False)), carried=frozenset({PATH}))


def adopted() -> World:
    """Return a world in which somebody runs the service, token and all."""
    world = World()
    world.adopt_me(a_service(td=a_task("1", live=True)))
    return world


def token(world: World) -> str:
    """Return the token that the service runs with."""
    live = world.services["shop-production-web"]
    [variable] = world.task_definitions[live.task_definition_arn].content["containerDefinitions"][
        0
    ]["environment"]
    return variable.get("value", "")


def test_a_live_value_is_no_difference() -> None:
    """The service is as declared, and --explain says which value is not compared."""
    step = only(adopted().plan(an_app(with_live_value())), "service/web")
    assert not step.is_difference
    rules = {s.path: s.rule for s in step.suppressed}
    path = "containerDefinitions.app.environment.API_TOKEN.value"
    assert rules[path] == "the files say ${live}: it stays as it is"


def test_a_new_revision_has_the_live_value() -> None:
    """A new image is rolled out with the token that the service has now."""
    world = adopted()
    world.converge(an_app(with_live_value("1")))
    world.converge(an_app(with_live_value("2")))
    assert token(world) == SECRET
    assert world.plan(an_app(with_live_value("2"))).in_sync


def test_what_is_changed_by_hand_stays_and_goes_on() -> None:
    """A token that was rotated in the console is neither drift nor lost with the next revision."""
    world = adopted()
    world.converge(an_app(with_live_value()))
    rotated = a_task("1", live=True)
    rotated["containerDefinitions"][0]["environment"][0]["value"] = "correct horse"
    rotated["containerDefinitions"][0]["image"] = digest(image("1"))
    arn = world._register({**rotated, "tags": []})
    world._deploy("shop-production-web", arn)
    world.roll()
    assert not any(s.changes for s in world.plan(an_app(with_live_value())).steps)
    world.converge(an_app(with_live_value("2")))
    assert token(world) == "correct horse"


def test_the_ledger_never_sees_it() -> None:
    """What is remembered as applied has the variable without its value."""
    world = adopted()
    world.converge(an_app(with_live_value("1")))
    world.converge(an_app(with_live_value("2")))
    assert SECRET not in canonical_json(dict(world.ledger.services["web"].applied))
    assert only(world.plan(an_app(with_live_value("2"))), "service/web").request is None


def test_without_a_live_service_it_is_held() -> None:
    """A service that has to be created has no value to take over: nothing is made up."""
    step = only(World().plan(an_app(with_live_value())), "service/web")
    assert step.verb is Verb.HOLD
    assert "containerDefinitions.app.environment.API_TOKEN.value" in step.summary


def test_a_live_value_that_is_gone_is_held() -> None:
    """A new revision without it would start tasks without their token."""
    world = World()
    world.adopt_me(a_service(td=a_task_definition("1", environment=[])))
    tags, held = world.plan(an_app(with_live_value("2"))).steps
    assert (tags.verb, held.verb) == (Verb.ADOPT, Verb.HOLD)
    assert "${live}" in held.summary


def test_it_is_another_wish_than_an_empty_value() -> None:
    """Writing '' in place of `${live}` is a change: the hashes differ."""
    empty = a_service(td=a_task("1", live=False))
    assert desired_hash(with_live_value(), {}) != desired_hash(empty, {})
