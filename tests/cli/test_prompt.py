"""Questions are asked on a terminal only, and only `yes` is an answer."""

from __future__ import annotations

import io
import sys

import click
import pytest

from reconciler.cli.options import Invocation
from reconciler.cli.output import Output
from reconciler.cli.prompt import confirmed


class Keyboard(io.StringIO):
    """A stdin that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def invocation(*, yes: bool = False, no_input: bool = False, environment=None) -> Invocation:
    """Make an invocation with these flags."""
    return Invocation({"yes": yes, "no_input": no_input}, Output(), environment or {})


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("yes\n", True),
        (" yes \n", True),
        ("y\n", False),
        ("YES\n", False),
        ("\n", False),
        ("", False),
    ],
)
def test_only_the_word_yes_is_accepted(monkeypatch, capsys, typed, expected):
    """Anything else, end of input included, is no; the question is on stderr."""
    monkeypatch.setattr(sys, "stdin", Keyboard(typed))

    assert confirmed(invocation(), "Apply?") is expected
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "Apply? Only 'yes' is accepted: "


@pytest.mark.parametrize(
    ("stdin", "options"),
    [
        (io.StringIO("yes\n"), {}),
        (Keyboard("yes\n"), {"no_input": True}),
        (Keyboard("yes\n"), {"environment": {"CI": "true"}}),
    ],
)
def test_where_nobody_can_be_asked_the_flag_is_named(monkeypatch, stdin, options):
    """No terminal, CI and --no-input: a usage error that names --yes."""
    monkeypatch.setattr(sys, "stdin", stdin)

    with pytest.raises(click.UsageError, match="--yes"):
        confirmed(invocation(**options), "Apply?")


def test_yes_flag_asks_nobody(monkeypatch, capsys):
    """--yes answers without a question."""
    monkeypatch.setattr(sys, "stdin", io.StringIO())

    assert confirmed(invocation(yes=True), "Apply?")
    assert capsys.readouterr().err == ""
