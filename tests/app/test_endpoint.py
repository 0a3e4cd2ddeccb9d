"""Which AWS is spoken to: the flag, botocore's variables, and the flag before the variables."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.app.look import preview
from reconciler.app.world import World
from reconciler.local.server import EmbeddedAws
from reconciler.settings import Settings
from tests.local.hours import midweek
from tests.plan.builders import a_service, an_app

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def embedded():
    """Serve an AWS that has the cluster."""
    with EmbeddedAws(clock=midweek()) as aws:
        aws.seed([an_app(a_service())])
        yield aws


@pytest.fixture
def desired(monkeypatch):
    """Return an app, with credentials in the environment and nothing else about AWS."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_ECS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    return an_app(a_service())


def test_the_variable_is_honoured(embedded, desired, monkeypatch):
    """AWS_ENDPOINT_URL leads every service there."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", embedded.endpoint_url)
    assert preview(Settings(), desired).plan.steps


def test_a_variable_for_one_service_is_honoured(embedded, desired, monkeypatch):
    """AWS_ENDPOINT_URL_ECS goes before the general one, for that service."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", NOWHERE)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", embedded.endpoint_url)
    assert World(Settings()).place(desired).identity.account == desired.account


def test_the_flag_wins(embedded, desired, monkeypatch):
    """`--endpoint-url` is what the person said last."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", NOWHERE)
    monkeypatch.setenv("AWS_ENDPOINT_URL_ECS", NOWHERE)
    settings = replace(Settings(), endpoint_url=embedded.endpoint_url)
    assert preview(settings, desired).plan.steps
