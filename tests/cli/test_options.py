"""Global flags: before and after the verb, and their variables."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from reconciler.cli.options import GLOBALS
from reconciler.settings import Settings


@pytest.fixture
def seen(monkeypatch):
    """Catch the invocation that the verb `version` was called with."""
    caught = {}
    command = importlib.import_module("reconciler.cli.verbs.version").command

    def catch(*_, **__):
        import click

        caught["invocation"] = click.get_current_context().obj

    monkeypatch.setattr(command, "callback", catch)
    return caught


def settings_of(cli, seen, *arguments, **options) -> Settings:
    """Run a command line and return the settings that it gave."""
    result = cli(*arguments, **options)
    assert result.exit_code == 0, result.stderr
    return seen["invocation"].settings


@pytest.mark.parametrize(
    "arguments",
    [("-C", "there", "version"), ("version", "-C", "there"), ("version", "--dir=there")],
)
def test_global_flags_stand_before_or_after_the_verb(cli, seen, arguments):
    """The place of a global flag does not matter."""
    assert settings_of(cli, seen, *arguments).directory == Path("there")


def test_a_variable_for_all_verbs_does_not_stop_those_without_a_document(cli):
    """RECONCILER_OUTPUT=json leaves `completion` as it is; -o json that was typed is refused."""
    assert cli("completion", "bash", env={"RECONCILER_OUTPUT": "json"}).exit_code == 0
    assert cli("completion", "bash", "-o", "json").exit_code == 2
    assert cli("-o", "json", "completion", "bash").exit_code == 2


@pytest.mark.parametrize("wrong", ["127.0.0.1:5833", "tcp://127.0.0.1:5833"])
def test_an_endpoint_that_is_no_url(cli, wrong):
    """The scheme that is missing is wrong usage, and the whole URL is given to be typed."""
    for result in (
        cli("version", "--endpoint-url", wrong),
        cli("version", env={"RECONCILER_ENDPOINT_URL": wrong}),
    ):
        assert result.exit_code == 2
        assert "write http://127.0.0.1:5833" in result.stderr


def test_after_the_verb_wins(cli, seen):
    """The flag nearest to the end is the last word."""
    settings = settings_of(cli, seen, "-a", "production/shop", "version", "-a", "staging/shop")

    assert settings.app == "staging/shop"


def test_variables_are_used_and_flags_win(cli, seen):
    """Flag > RECONCILER_* > default, wherever the flag stands."""
    variables = {"RECONCILER_DIR": "env", "RECONCILER_APP": "e/a", "RECONCILER_LOG_FORMAT": "json"}

    settings = settings_of(cli, seen, "-C", "flag", "version", env=variables)

    assert (settings.directory, settings.app, settings.log_format) == (Path("flag"), "e/a", "json")


def test_a_variable_never_beats_a_flag_before_the_verb(cli, seen):
    """The verb's copy of a global flag does not read the variable again."""
    assert settings_of(
        cli, seen, "-C", "flag", "version", env={"RECONCILER_DIR": "env"}
    ).directory == Path("flag")


def test_defaults(cli, seen):
    """Without flags the settings are the documented defaults."""
    assert settings_of(cli, seen, "version") == Settings()


def test_every_global_flag_shows_its_variable(cli):
    """The help of the root names a RECONCILER_* variable for each global flag."""
    text = " ".join(cli("--help").stdout.split())

    for names, _ in GLOBALS:
        variable = "RECONCILER_" + ("DIR" if names[-1] == "directory" else names[-1].upper())
        assert f"env var: {variable}" in text


def test_verbs_show_global_flags_in_their_own_section(cli):
    """The help of a verb has its flags first and the global ones below."""
    text = cli("wait", "-h").stdout

    assert text.index("--timeout") < text.index("Global flags:") < text.index("--endpoint-url")


@pytest.mark.parametrize(
    "verb",
    [
        *(("diff",), ("wait",), ("suspend",), ("init",), ("convert",), ("schema",), ("local",)),
        *(("job", "resolve"), ("job", "trigger"), ("task", "run"), ("migration", "logs")),
    ],
    ids=" ".join,
)
def test_verb_flags_have_variables_too(cli, verb):
    """A verb's own flag is RECONCILER_<VERB>_<FLAG>, as the flag is written."""
    own = cli(*verb, "-h").stdout.partition("Options:")[2].partition("Global flags:")[0]
    flags = re.findall(r"^  (?:-\w, )?--(?!help)([a-z-]+)", own, re.MULTILINE)
    shown = "".join(own.split())
    prefix = "RECONCILER_" + "_".join(verb).upper()
    named = [f"{prefix}_{flag.replace('-', '_').upper()}" for flag in flags]
    assert len(flags) > 1
    assert [name for name in named if f"[envvar:{name}" not in shown] == []


def test_the_variable_of_a_flag_is_read(cli):
    """What the help names is what counts, also where our parameter is called otherwise."""
    result = cli("wait", env={"RECONCILER_WAIT_FOR": "nonsense"})
    assert result.exit_code == 2
    assert "'nonsense' is not one of" in result.stderr
