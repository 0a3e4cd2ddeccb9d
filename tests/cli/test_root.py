"""The outermost command: help, lazy verbs, and where a process ends."""

from __future__ import annotations

import importlib

import pytest

from reconciler.cli.root import SECTIONS, reconciler
from reconciler.cli.verbs import migration

VERBS = [name for commands in SECTIONS.values() for name in commands]


@pytest.mark.parametrize("name", VERBS)
def test_help_table_is_what_the_verbs_say(name):
    """The one-line help of the table is the verb's own short help."""
    text = next(commands[name] for commands in SECTIONS.values() if name in commands)
    command = importlib.import_module(f"reconciler.cli.verbs.{name}").command

    assert command.name == name
    assert command.short_help == text


def test_migration_table_is_what_its_verbs_say():
    """The same holds for the verbs below `migration`."""
    for name, text in migration.SECTIONS["Verbs"].items():
        command = migration.command.get_command(None, name)
        assert (command.name, command.short_help) == (name, text)


@pytest.mark.parametrize("arguments", [("-h",), ("--help",), ()])
def test_help_groups_the_verbs(cli, arguments):
    """Help names the three groups in order, and every verb."""
    result = cli(*arguments)

    text = result.stdout + result.stderr
    assert text.startswith("Usage: ")
    places = [text.index(f"{title}:") for title in SECTIONS]
    assert places == sorted(places)
    assert all(f"  {verb} " in text for verb in VERBS)


def test_unknown_verb_is_answered_with_the_nearest(cli):
    """A misspelt verb is exit code 2 and names the one that was meant."""
    result = cli("dif")

    assert result.exit_code == 2
    assert result.stdout == ""
    assert "No such command 'dif'. Did you mean 'diff'?" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("diff", "--nonsense"),
        ("-o", "pdf", "status"),
        ("wait", "--timeout", "soon"),
        ("wait", "--timeout", "0s"),
    ],
)
def test_wrong_usage_is_two_and_only_on_stderr(cli, arguments):
    """Wrong flags and values end with 2, say why on stderr and where help is."""
    result = cli(*arguments)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert "hint: reconciler" in result.stderr


def test_format_a_verb_does_not_have_is_refused(cli):
    """`-o markdown` is only for diff; status says what it prints instead."""
    result = cli("status", "-o", "markdown")

    assert result.exit_code == 2
    assert "status prints text or json, not markdown" in result.stderr


def test_version_flag(cli):
    """--version prints the version on stdout."""
    result = cli("--version")

    assert result.exit_code == 0
    assert result.stdout.startswith("reconciler 0.")


def test_root_keeps_the_codes_click_returns(monkeypatch):
    """A verb's return value is the exit code of the process."""
    command = importlib.import_module("reconciler.cli.verbs.version").command
    monkeypatch.setattr(command, "callback", lambda: 5)

    with pytest.raises(SystemExit) as ended:
        reconciler(["version"])

    assert ended.value.code == 5
