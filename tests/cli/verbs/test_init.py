"""`init`: which cluster and app, what is said, and how it ends."""

from __future__ import annotations

import json

import pytest

from reconciler.app.importing import ImportReport
from reconciler.source.imports.files import Imported
from reconciler.source.imports.live import LiveService

SHARES = "shares the container rails"
WEB = LiveService(
    "shop-web",
    {
        "serviceName": "shop-web",
        "desiredCount": 3,
        "loadBalancers": [{"targetGroupArn": "arn:aws:elb:x:1:targetgroup/web/abc"}],
    },
    {"containerDefinitions": [{"name": "nginx"}, {"name": "app"}]},
)


def report(**fields):
    """Return a report of one service that was written."""
    values = {
        "key": "production/shop",
        "files": {"desired/production/shop/app.yaml": 87},
        "services": (Imported("web", WEB, ("image shop:latest is a mutable tag",), (), "rails"),),
        **fields,
    }
    return ImportReport(**values)


@pytest.fixture
def imported(monkeypatch):
    """Let `init` record its options and answer with a report."""
    calls = {"options": [], "report": report()}

    def init(_settings, options, *, say):
        calls["options"].append(options)
        say("reading cluster prod in 123456789012/us-east-1")
        return calls["report"]

    monkeypatch.setattr("reconciler.app.importing.init", init)
    monkeypatch.setattr("reconciler.app.importing.clusters", lambda _settings, _region: ["prod"])
    return calls


def test_what_was_written_is_said_on_stdout(cli, imported):
    """A line for each service, its notes, the files, and what to type next."""
    result = cli("init", "--cluster", "prod", "--all")

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"✔ {'service/web':<24} shop-web, 2 containers, target group web, 3 tasks, {SHARES}",
        "! service/web: image shop:latest is a mutable tag",
        "✔ wrote desired/production/shop/app.yaml (87 lines)",
        "Next: reconciler -a production/shop diff        # should say: no difference",
    ]
    assert result.stderr == "► reading cluster prod in 123456789012/us-east-1\n"


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ((), (None, None)),
        (("-a", "staging/shop"), ("staging", "shop")),
        (("-a", "shop"), (None, "shop")),
        (("--env", "staging"), ("staging", None)),
        (("--env", "staging", "-a", "shop"), ("staging", "shop")),
    ],
)
def test_the_app_is_named_by_a_and_env(cli, imported, arguments, names):
    """Either may be left to be guessed."""
    assert cli("init", "--cluster", "prod", "--all", *arguments).exit_code == 0
    [options] = imported["options"]
    assert (options.environment, options.app) == names


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-a", "staging/shop", "--env", "production"), "give one of them"),
        (("-a", "staging/Shop"), "'Shop' is not a name"),
        (("--env", "a b"), "'a b' is not a name"),
    ],
)
def test_names_that_cannot_be_are_wrong_usage(cli, imported, arguments, message):
    """Nothing is read for them."""
    result = cli("init", "--cluster", "prod", "--all", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert imported["options"] == []


def test_without_a_terminal_the_flag_is_named(cli, imported):
    """Nobody is asked for the cluster."""
    result = cli("init", "--all")
    assert result.exit_code == 2
    assert "--cluster" in result.stderr


def test_on_a_terminal_the_cluster_is_asked_for(cli, imported, monkeypatch):
    """The clusters that are there are named; the answer counts."""
    monkeypatch.setattr("reconciler.cli.prompt._terminal", lambda: True)
    result = cli("init", "--all", input="prod\n")
    assert result.exit_code == 0
    assert "Cluster (prod): " in result.stderr
    assert imported["options"][0].cluster == "prod"


def test_what_is_missing_is_1(cli, imported):
    """A service that could not be written, one that is not there, a difference that stays."""
    problem = Imported("web", WEB, (), ("no",))
    for fields in (
        {"services": (problem,)},
        {"absent": {"x": "there is no such service"}},
        {"differences": ("service/web: cpu",)},
    ):
        imported["report"] = report(**fields)
        assert cli("init", "--cluster", "prod", "--all").exit_code == 1
    imported["report"] = report(files={}, services=(problem,))
    said = cli("init", "--cluster", "prod", "--all").stdout
    assert "nothing was written" in said
    assert "✗ service/web: not imported: no" in said


def test_json_is_one_document(cli, imported):
    """Files, services with their notes, what is absent and what still differs."""
    result = cli("init", "--cluster", "prod", "--all", "-o", "json")
    document = json.loads(result.stdout)
    assert document["kind"] == "Import"
    assert document["files"] == [{"path": "desired/production/shop/app.yaml", "lines": 87}]
    assert document["services"][0]["address"] == "service/web"
