"""Where `${live}` may stand, and what becomes of it."""

from __future__ import annotations

import pytest

from tests.source.conftest import DEFAULTS, HEADER

WEB = f"""{HEADER}{DEFAULTS}services:
  web:
    image: shop:1
    executionRoleArn: arn:aws:iam::123456789012:role/x
"""


def test_it_is_carried_and_not_in_the_document(world):
    """The variable is there without a value; the path says where the value comes from."""
    app = world.app(WEB, "    environment: {TOKEN: '${live}', A: b}\n")
    [service] = app.services
    [container] = service.task_definition["containerDefinitions"]
    assert container["environment"] == [{"name": "A", "value": "b"}, {"name": "TOKEN"}]
    path = ("taskDefinition", "containerDefinitions", "web", "environment", "TOKEN", "value")
    assert service.carried == {path}
    assert app.warnings == ()


@pytest.mark.parametrize(
    ("field", "path"),
    [
        ("command: ${live}", ("command",)),
        ("environment: ${live}", ("environment",)),
        ("healthCheck: ${live}", ("healthCheck",)),
        ("logConfiguration: ${live}", ("logConfiguration",)),
        (
            "logConfiguration: {logDriver: splunk, options: {splunk-token: '${live}'}}",
            ("logConfiguration", "options", "splunk-token"),
        ),
        ("dockerLabels: {'12': '${live}'}", ("dockerLabels", "12")),
    ],
)
def test_it_stands_for_a_whole_field(world, field, path):
    """Short forms and what we write down leave it alone."""
    [service] = world.app(WEB, f"    {field}\n").services
    assert service.carried == {("taskDefinition", "containerDefinitions", "web", *path)}
    [container] = service.task_definition["containerDefinitions"]
    assert path[-1] not in container or path[0] == "logConfiguration"


def test_a_template_may_hold_it(world):
    """A container of `containers` gives it to the services that are from it."""
    text = "containers:\n  rails: {image: 'shop:1', environment: {TOKEN: '${live}'}}\n"
    [service] = world.app(WEB.replace("    image: shop:1", "    from: rails"), text).services
    assert len(service.carried) == 1


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("    environment: {A: 'x${live}'}\n", "it cannot be part of a text"),
        ("    command: [run, '${live}']\n", "a field of a container or a volume"),
        ("    taskRoleArn: ${live}\n", "a field of a container or a volume"),
        ("    desiredCount: ${live}\n", "there is none here"),
        ("    propagateTags: ${live}\n", "there is none here"),
    ],
)
def test_elsewhere_it_is_an_error(world, lines, message):
    """Inside a text, behind an index, on a service's own fields."""
    errors = world.errors(WEB, lines)
    assert message in errors[0].message
    assert errors[0].rule == "live-value"


def test_an_image_is_never_left_to_chance(world):
    """The image decides what is rolled out: it is in the files."""
    errors = world.errors(WEB.replace("image: shop:1", "image: ${live}"))
    assert {e.rule for e in errors} >= {"live-value"}


def test_a_migration_has_nothing_live(world):
    """Its task definition is made of the files alone."""
    text = WEB.replace("services:\n  web:", "migrations:\n  db:\n    revision: '1'")
    errors = world.errors(text, "    environment: {TOKEN: '${live}'}\n")
    assert "there is none here" in errors[0].message
    assert (errors[0].origin.line, errors[0].rule) == (16, "live-value")


def test_the_words_can_be_written(world):
    """`$${live}` is a text."""
    [service] = world.app(WEB, "    environment: {A: '$${live}'}\n").services
    assert service.carried == frozenset()
    [container] = service.task_definition["containerDefinitions"]
    assert container["environment"] == [{"name": "A", "value": "${live}"}]
