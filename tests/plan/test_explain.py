"""`diff --explain`: every difference that is none is listed with its rule, in text and in JSON."""

from __future__ import annotations

from dataclasses import replace

from reconciler.plan.render import as_document, as_markdown, as_text
from tests.plan.world import World, a_service, a_task_definition, an_app, only

NAME = "shop-production-web"
WANTED = a_service(
    td=a_task_definition(healthCheck={"command": ["CMD", "x"], "interval": 30}),
    placementConstraints=[],
    placementStrategy=[{"type": "spread", "field": "host"}],
    deploymentConfiguration={"deploymentCircuitBreaker": {"enable": False, "rollback": False}},
)


def noisy():
    """Return a plan over a live service that says everything otherwise and means the same."""
    world = World()
    app = an_app(WANTED)
    world.converge(app)
    live = world.services[NAME]
    world.services[NAME] = replace(live, tags={**live.tags, "cost": "42"})
    world.edit(
        NAME,
        placementStrategy=[{"type": "spread", "field": "instanceId"}],
        brandNew={"deep": 1},
        desiredCount=7,
        deploymentConfiguration={"strategy": "ROLLING"},
    )
    arn = live.task_definition_arn
    known = world.task_definitions[arn]
    container = {**known.content["containerDefinitions"][0], "stopTimeout": 30}
    container["healthCheck"] = {"command": ["CMD", "x"], "timeout": 5}
    content = {**known.content, "containerDefinitions": [container]}
    world.task_definitions[arn] = replace(known, content=content)
    return world.plan(app)


RULES = {
    "placementStrategy.0.field": "host is instanceId",
    "brandNew.deep": "no default of AWS is known",
    "desiredCount": "whoever scales",
    "deploymentConfiguration.strategy": "AWS's default [OBS]",
    "deploymentConfiguration.deploymentCircuitBreaker.enable": "declared is AWS's default",
    "tags.cost": "somebody else's",
    "containerDefinitions.app.cpu": "AWS's default [OBS]",
    "containerDefinitions.app.healthCheck.timeout": "AWS's default [M HealthCheck]",
    "containerDefinitions.app.healthCheck.interval": "declared is AWS's default",
}


def test_a_variable_that_was_registered_twice_is_told() -> None:
    """Which of its values was compared; a secret among them is not shown."""
    world = World()
    app = an_app(a_service(td=a_task_definition(environment=[{"name": "A", "value": "1"}])))
    world.converge(app)
    arn = world.services[NAME].task_definition_arn
    known = world.task_definitions[arn]
    world.task_definitions[arn] = replace(known, repeated={"app": ("A",)})
    world.ledger = replace(world.ledger, services={})
    told = {s.path: s for s in only(world.plan(app), "service/web").suppressed}
    found = told["containerDefinitions.app.environment.A"]
    assert (found.observed, found.rule) == ("1", "registered twice: the last one counts")


def test_every_silent_difference_has_its_rule() -> None:
    """Spelling, defaults on either side, what nobody knows, what others own."""
    plan = noisy()
    assert plan.in_sync
    told = {s.path: s.rule for s in only(plan, "service/web").suppressed}
    for path, rule in RULES.items():
        assert rule in told[path], path


def test_an_empty_list_looks_like_one() -> None:
    """Lists are compared as maps by key; nobody is to see that."""
    told = {s.path: s.observed for s in only(noisy(), "service/web").suppressed}
    assert told["loadBalancers"] == []
    assert told["containerDefinitions.app.portMappings"] == []


def test_a_console_edit_is_reported_and_not_reverted() -> None:
    """An undeclared value that is no default is said, with the default, and nothing is done."""
    [step] = noisy().steps
    [edit] = step.undeclared
    assert (edit.path, edit.observed) == ("containerDefinitions.app.stopTimeout", 30)
    assert step.request is None


def test_the_text_and_the_document_list_them_when_asked() -> None:
    """Without --explain neither says a word of it; with it both name each place and rule."""
    plan = noisy()
    silent, loud = as_text(plan), as_text(plan, explain=True)
    [resource] = as_document(plan, explain=True)["resources"]
    listed = {s["path"]: s["rule"] for s in resource["suppressed"]}
    for path, rule in RULES.items():
        assert f"no difference: {path}" not in silent
        assert any(path in line and rule in line for line in loud.splitlines()), path
        assert rule in listed[path]
    assert "suppressed" not in as_document(plan)["resources"][0]
    assert "stopTimeout" in as_markdown(plan)
