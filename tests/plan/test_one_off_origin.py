"""What a one-off task is made of: taken from the files as they are, refused where they do not say enough."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler.model.desired import DesiredApp, Guard
from reconciler.model.errors import PermanentError, UsageError
from reconciler.model.lookups import Unresolved
from reconciler.model.names import Address
from reconciler.model.observed import ObservedApp
from reconciler.plan.one_off import (
    Ask,
    Origin,
    definition_of,
    guarded,
    origin_named,
    origin_of,
    work_of,
)
from tests.plan.builders import a_migration, a_service, an_app, digest

NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}
OTHER = {"awsvpcConfiguration": {"subnets": ["subnet-2"]}}
RAW = {"family": "tool", "networkMode": "awsvpc", "containerDefinitions": [{"name": "main"}]}


def observed_app(app: DesiredApp) -> ObservedApp:
    """Return a world in which nothing of it is there yet but its images."""
    return ObservedApp(app.key, {}, {}, {i: digest(i) for i in app.image_references()})


def ask(**changes: Any) -> Ask:
    """Return what a command line without flags asks for."""
    return Ask(**{"key": "k", "timeout": timedelta(minutes=30), **changes})


def definition(*containers: dict[str, Any]) -> Origin:
    """Return an origin with these containers."""
    return Origin("tool", {"family": "tool", "containerDefinitions": list(containers)}, {})


def test_the_first_essential_container_decides() -> None:
    """A sidecar in front does not; a named one does, unless the task would go on after it."""
    origin = definition({"name": "side", "essential": False}, {"name": "app"}, {"name": "nginx"})
    assert work_of(origin, ask()).container == "app"
    assert work_of(origin, ask(container="nginx")).container == "nginx"
    assert work_of(replace(origin, container="nginx"), ask()).container == "nginx"
    with pytest.raises(UsageError, match="not essential"):
        work_of(origin, ask(container="side"))
    with pytest.raises(UsageError, match="there are: side, app, nginx"):
        work_of(origin, ask(container="no"))


def test_only_what_was_asked_for_is_overridden() -> None:
    """No flag, no override; sizes in the units of the API."""
    origin = definition({"name": "app"})
    assert work_of(origin, ask()).overrides == {"containerOverrides": [{"name": "app"}]}
    full = ask(command=("a", "b"), environment={"B": "2", "A": "1"}, cpu="1 vCPU", memory="2 GB")
    assert work_of(origin, full).overrides == {
        "containerOverrides": [
            {
                "name": "app",
                "command": ["a", "b"],
                "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
            }
        ],
        "cpu": "1024",
        "memory": "2048",
    }


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ({"cpu": "3"}, "--cpu: Fargate has 256, 512"),
        ({"memory": "99999"}, "with cpu 256 Fargate offers 512, 1024, 2048 MiB, not 99999"),
        ({"cpu": "1 vCPU"}, "with cpu 1024 Fargate offers 2048"),
    ],
)
def test_a_size_that_fargate_does_not_have_is_refused(size: dict[str, str], said: str) -> None:
    """As RunTask would, with what is offered; on instances any size will do."""
    plain = definition({"name": "app"})
    sized = {**plain.task_definition, "cpu": "256", "memory": "512"}
    fargate = {**sized, "requiresCompatibilities": ["FARGATE"]}
    with pytest.raises(UsageError, match=said):
        work_of(replace(plain, task_definition=fargate), ask(**size))
    assert work_of(replace(plain, task_definition=sized), ask(**size)).overrides.keys() & size
    assert work_of(replace(plain, task_definition=fargate), ask(cpu="512", memory="1 GB"))


def test_it_is_launched_once() -> None:
    """One launch, one attempt: nothing follows a failure by itself."""
    work = work_of(definition({"name": "app"}), ask())
    assert (work.most_launches, work.most_attempts) == (1, 1)


def test_tags_are_added_to_those_of_the_files() -> None:
    """A tag of the command line wins over the same one of the files."""
    launch = {"tags": [{"key": "a", "value": "1"}, {"key": "b", "value": "1"}]}
    work = work_of(replace(definition({"name": "app"}), launch=launch), ask(tags={"b": "2"}))
    assert work.launch["tags"] == [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]


def test_a_key_that_no_ledger_key_may_hold_is_refused() -> None:
    """Characters that separate the parts of a key are a usage error."""
    with pytest.raises(UsageError, match="idempotency key"):
        work_of(definition({"name": "app"}), ask(key="a#b"))


def test_a_service_lends_its_network_and_not_its_count() -> None:
    """RunTask gets what it takes of CreateService, and no propagateTags that it refuses."""
    service = a_service()
    fields = {"networkConfiguration": NETWORK, "launchType": "FARGATE", "propagateTags": "SERVICE"}
    service = replace(service, service={**service.service, **fields})
    app = an_app(service)
    origin = origin_named(app, observed_app(app), service.address)
    assert origin.launch == {"networkConfiguration": NETWORK, "launchType": "FARGATE"}
    assert origin.task_definition["family"] == service.task_definition["family"]


def test_another_revision_or_another_files_content_is_another_definition() -> None:
    """However a revision is named it is the same one; a file is its content; a family is its newest."""
    arn = "arn:aws:ecs:ap-northeast-1:123456789012:task-definition/tool:3"
    assert (
        definition_of("tool:3", None) == definition_of(arn, None) != definition_of("tool:5", None)
    )
    assert definition_of("tool", None) == ""
    changed = {**RAW, "cpu": "256"}
    assert definition_of("a.json", RAW) == definition_of("b.json", RAW)
    assert definition_of("a.json", RAW) != definition_of("a.json", changed)


def test_with_a_guard_a_services_revisions_have_a_family_of_their_own() -> None:
    """So that nobody gets the guard by starting the newest revision; a migration's has it anyway."""
    service, migration = a_service(), a_migration()
    app = replace(an_app(service, migrations=(migration,)), guard=Guard(image="guard:1"))
    seen = observed_app(app)
    family = service.task_definition["family"]
    assert origin_named(app, seen, service.address).task_definition["family"] == f"{family}-task"
    of_migration = origin_named(app, seen, migration.address)
    assert of_migration.task_definition == migration.task_definition
    assert of_migration.container == migration.container
    raw = guarded(app, Origin("tool", RAW, {}))
    assert raw.task_definition["family"] == "tool-task"
    assert guarded(app, raw) is raw


def test_half_a_document_starts_nothing() -> None:
    """A look-up without a value is said; an unknown address says what there is."""
    service = replace(a_service(), unresolved=(Unresolved("ssm:/x", "no parameter /x"),))
    app = an_app(service)
    with pytest.raises(PermanentError, match="no parameter /x"):
        origin_named(app, observed_app(app), service.address)
    with pytest.raises(UsageError, match="there are: service/web"):
        origin_named(app, observed_app(app), Address("service", "no"))


def test_a_definition_of_its_own_takes_the_one_network_there_is() -> None:
    """The app's only network, or the named workload's; where there are two nothing is guessed."""
    web = a_service()
    web = replace(web, service={**web.service, "networkConfiguration": NETWORK})
    app = an_app(web)
    assert origin_of(app, RAW, None, "f").launch["networkConfiguration"] == NETWORK
    migration = replace(a_migration(), launch={"networkConfiguration": OTHER})
    two = an_app(web, migrations=(migration,))
    with pytest.raises(UsageError, match="say whose with --from"):
        origin_of(two, RAW, None, "f")
    like = Origin("db", {}, {"networkConfiguration": OTHER})
    assert origin_of(two, RAW, like, "f").launch == like.launch
    assert origin_of(two, {**RAW, "networkMode": "bridge"}, None, "f").launch == {}
    with pytest.raises(UsageError, match="needs family"):
        origin_of(app, {"family": "x"}, None, "f")
