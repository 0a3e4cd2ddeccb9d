"""What the tests of the command line share: a runner without the user's environment, and values."""

from __future__ import annotations

import os

import pytest
from click.testing import CliRunner, Result

from reconciler.cli.root import reconciler
from tests.cli import values

FOREIGN = ("CI", "GITHUB_ACTIONS", "NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    """Take out of the environment what would change the output."""
    for name in list(os.environ):
        if name in FOREIGN or name.startswith(("RECONCILER_", "AWS_")):
            monkeypatch.delenv(name)


@pytest.fixture
def cli():
    """Run a command line in this process; stdout and stderr are kept apart."""

    def run(*arguments: str, **options) -> Result:
        return CliRunner().invoke(reconciler, list(arguments), prog_name="reconciler", **options)

    return run


@pytest.fixture
def apps(monkeypatch):
    """Put apps in the place of a folder of files; one at first, tests may append more."""
    found = [values.desired()]
    monkeypatch.setattr("reconciler.app.desired.load", lambda _settings: None)
    monkeypatch.setattr("reconciler.app.desired.select", lambda _settings, _loaded: list(found))
    return found
