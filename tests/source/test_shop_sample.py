"""The sample of the design becomes the documents that AWS takes."""

from datetime import timedelta
from pathlib import Path

import botocore.session
from botocore.validate import ParamValidator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.model.desired import When
from reconciler.model.names import Address

SHOP = (Path(__file__).parent / "shop.yaml").read_text()


def _validate(operation, document):
    model = botocore.session.get_session().get_service_model("ecs")
    return ParamValidator().validate(document, model.operation_model(operation).input_shape)


def test_the_sample_has_no_diagnostics(world):
    """The shop is valid as it stands."""
    assert world.load(SHOP).diagnostics == ()


def test_botocore_accepts_every_document(world):
    """What is made of the sample passes botocore's own validator."""
    app = world.app(SHOP)
    for service in app.services:
        assert not _validate("CreateService", dict(service.service)).has_errors()
        task = dict(service.task_definition)
        assert not _validate("RegisterTaskDefinition", task).has_errors()
    migration = app.migrations[0]
    launch = {**migration.launch, "taskDefinition": "x"}
    assert not _validate("RunTask", launch).has_errors()
    assert not _validate("RegisterTaskDefinition", dict(migration.task_definition)).has_errors()


def test_the_header_gives_key_and_guards(world):
    """Account, region and cluster are part of the desired state."""
    app = world.app(SHOP)
    assert (app.key, app.account, app.region, app.cluster) == (
        "production/shop",
        "123456789012",
        "ap-northeast-1",
        "production",
    )
    assert app.table_prefix == "reconciler"
    assert app.guard is not None
    assert app.guard.image is not None
    assert app.guard.image.endswith("reconciler-guard:1")


def test_the_migration_is_typed(world):
    """Revision, deciding container and timeout come out as values."""
    (migration,) = world.app(SHOP).migrations
    assert migration.revision == "20261122093000"
    assert migration.container == "db"
    assert migration.when is When.BEFORE
    assert migration.timeout == timedelta(minutes=20)
    (container,) = migration.task_definition["containerDefinitions"]
    assert container["command"] == ["bundle", "exec", "rails", "db:migrate"]
    assert container["logConfiguration"]["options"]["mode"] == "blocking"


def test_what_is_written_down_is_recorded(world):
    """Every value that the files do not have is named in `written`, and nothing else."""
    web = world.app(SHOP).services[0]
    assert web.written == {
        ("service", "serviceName"),
        ("service", "launchType"),
        ("service", "deploymentConfiguration", "deploymentCircuitBreaker"),
        ("taskDefinition", "family"),
        ("taskDefinition", "networkMode"),
        ("taskDefinition", "requiresCompatibilities"),
        ("taskDefinition", "containerDefinitions", "app", "logConfiguration"),
        ("taskDefinition", "containerDefinitions", "nginx", "logConfiguration"),
    }
    assert web.service_name == "shop-production-web"
    assert web.task_definition["family"] == "shop-production-web"


def test_an_image_points_at_the_line_that_ci_changes(world):
    """The origin of a referenced image is its line in `images:`, not the reference."""
    app = world.app(SHOP)
    path = ("taskDefinition", "containerDefinitions", "app", "image")
    line = app.services[0].origins[path].line
    assert SHOP.splitlines()[line - 1].lstrip().startswith("app: ")


def test_order_between_services(world):
    """`after` becomes addresses."""
    app = world.app(SHOP)
    assert app.services[1].after == (Address("service", "web"),)


@given(st.integers(0, len(SHOP)))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_cut_file_never_drops_a_gate(world, length):
    """Wherever a save was cut off, nothing raises, and no migration reads as dropped."""
    loaded = world.load(SHOP[:length])
    assert loaded.apps or loaded.broken
    for app in loaded.apps.values():
        assert not app.dropped_migrations


@given(st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_file_is_an_app_or_diagnostics(world, data):
    """Lines swapped, doubled, re-indented or replaced by junk never raise, and places stay in the file."""
    lines = SHOP.split("\n")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        kind = data.draw(st.sampled_from(["drop", "double", "indent", "outdent", "junk", "value"]))
        junk = data.draw(st.text("ab:{}[]&*!|>'\"#-? $,\t", max_size=6))
        key = lines[at].partition(":")[0]
        changed = {
            "drop": [],
            "double": [lines[at]] * 2,
            "indent": ["  " + lines[at]],
            "outdent": [lines[at][2:]],
            "junk": [lines[at] + junk],
            "value": [f"{key}: {junk}"],
        }
        lines[at : at + 1] = changed[kind] or [""]
    loaded = world.load("\n".join(lines))
    assert loaded.apps or loaded.broken
    for found in loaded.diagnostics:
        assert 1 <= found.origin.line <= len(lines) + 1
        assert found.origin.column <= len([*lines, ""][found.origin.line - 1]) + 1
