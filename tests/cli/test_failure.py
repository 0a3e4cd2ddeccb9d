"""Every error has one message and one exit code."""

from __future__ import annotations

import dataclasses
import json

import click
import pytest

from reconciler.cli import failure
from reconciler.cli.exit_codes import EXIT_CODES
from reconciler.cli.failure import Asked
from reconciler.model import errors
from reconciler.model.diagnostics import Diagnostic, Origin, Severity

PLACE = Origin("desired/production/shop/app.yaml", 14, 9)
BAD = Diagnostic(
    PLACE,
    "unknown field 'portMapings'",
    "unknown-field",
    source_line="        portMapings: [3000]\n",
    width=11,
)


def denied() -> errors.AccessDenied:
    """Make the error of a call that the role may not make."""
    return errors.AccessDenied(
        "no", operation="ecs:UpdateService", code="AccessDeniedException", request_id="r-1"
    )


ALL = [
    (KeyboardInterrupt(), 130),
    (click.Abort(), 130),
    (failure.Terminated(), 143),
    (click.UsageError("flag"), 2),
    (errors.UsageError("flag"), 2),
    (errors.InvalidDesiredState([BAD]), 2),
    (denied(), 3),
    (errors.Unreachable("away", operation="sts:GetCallerIdentity"), 3),
    (errors.GuardRefused("account"), 4),
    (errors.LeaseHeld("held", holder="other"), 5),
    (errors.LeaseLost("lost"), 5),
    (TimeoutError("late"), 7),
    (errors.CorruptLedger("item"), 1),
    (ValueError("a mistake"), 1),
]


@pytest.mark.parametrize(("error", "code"), ALL)
def test_codes(error, code):
    """Each kind of error has the code of the table."""
    assert failure.exit_code(error) == code
    assert code in EXIT_CODES


@pytest.mark.parametrize(("error", "_"), ALL)
def test_diff_never_shares_a_code_between_different_and_broken(error, _):
    """In `diff` no error is 1; with --detailed-exitcode no error is 2."""
    assert failure.exit_code(error, Asked(greater_than_one=True)) >= 2
    assert failure.exit_code(error, Asked(terraform_codes=True)) not in (0, 2)


@pytest.mark.parametrize(("error", "_"), ALL)
@pytest.mark.parametrize("as_json", [False, True])
def test_no_error_shows_a_traceback_or_stdout(error, _, as_json, capsys):
    """Whatever happens, stdout stays empty and nobody sees a traceback unless it is our own mistake and -v."""
    failure.report(error, Asked(as_json=as_json))

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err
    assert "Traceback" not in said.err


def test_json_error_is_one_document(capsys):
    """With -o json the error is a document with kind, message, code and AWS's words."""
    failure.report(denied(), Asked(as_json=True))

    error = json.loads(capsys.readouterr().err)["error"]
    assert error["kind"] == "AccessDenied"
    assert error["exitCode"] == 3
    assert (error["operation"], error["code"], error["requestId"]) == (
        "ecs:UpdateService",
        "AccessDeniedException",
        "r-1",
    )


def test_missing_permission_says_what_to_add(capsys):
    """AccessDenied names the action, and where the least policy comes from."""
    failure.report(denied(), Asked())

    assert "add ecs:UpdateService to the role" in capsys.readouterr().err


def test_verbose_adds_what_aws_support_asks_for(capsys):
    """-v adds operation, code and request id."""
    failure.report(denied(), Asked(verbose=True))

    assert "requestId: r-1" in capsys.readouterr().err


def test_our_own_mistake_is_told_apart(capsys):
    """A foreign exception is called an internal error, with the traceback only on -v."""
    with pytest.raises(ZeroDivisionError) as caught:
        _ = 1 / 0
    failure.report(caught.value, Asked())
    short = capsys.readouterr().err
    failure.report(caught.value, Asked(verbose=True))
    long = capsys.readouterr().err

    assert "internal error: ZeroDivisionError: division by zero" in short
    assert "Traceback" not in short
    assert "Traceback" in long


def test_carets_stand_below_the_mistake():
    """The line of the file is shown with carets below exactly the wrong text."""
    first, line, carets = failure.diagnostic_lines([BAD])

    assert click.unstyle(first) == f"{PLACE}: error: unknown field 'portMapings' [unknown-field]"
    carets = click.unstyle(carets)
    assert line[carets.index("^") : carets.rindex("^") + 1] == "portMapings"


def test_carets_follow_tabs():
    """Tabs before the mistake are repeated, so that the carets line up in any terminal."""
    bad = Diagnostic(Origin("f", 1, 3), "no tabs", "tab", source_line="\t\tx: 1", width=1)

    assert click.unstyle(list(failure.diagnostic_lines([bad]))[2]) == "   | \t\t^"


def test_github_annotations(capsys):
    """On GitHub Actions each diagnostic becomes a workflow command that a message cannot break."""
    warning = Diagnostic(Origin("a,b.yaml", 2, 1), "50% of\nit", "rule", Severity.WARNING)

    failure.annotate_diagnostics([BAD, warning], {"GITHUB_ACTIONS": "true"})
    failure.annotate_diagnostics([BAD], {})

    assert capsys.readouterr().err.splitlines() == [
        f"::error file={PLACE.file},line=14,col=9::unknown field 'portMapings'",
        "::warning file=a%2Cb.yaml,line=2,col=1::50%25 of%0Ait",
    ]


@pytest.mark.parametrize(
    ("arguments", "environment", "expected"),
    [
        (["diff", "-o", "json"], {}, Asked(as_json=True, greater_than_one=True)),
        (["-ojson", "status"], {}, Asked(as_json=True)),
        (["status", "--output=json", "-v"], {}, Asked(as_json=True, verbose=True)),
        (["status"], {"RECONCILER_OUTPUT": "json"}, Asked(as_json=True)),
        (["status", "-o", "text"], {"RECONCILER_OUTPUT": "json"}, Asked()),
        (["diff", "--detailed-exitcode"], {}, Asked(greater_than_one=True, terraform_codes=True)),
        (["diff", "--color", "never"], {}, Asked(greater_than_one=True, color="never")),
    ],
)
def test_how_errors_are_wanted_is_known_before_parsing(arguments, environment, expected):
    """The printer reads -o, -v and the codes off the raw arguments: parsing may be what failed."""
    assert Asked.of(arguments, environment) == expected


def test_every_error_type_has_a_documented_code():
    """The codes of all our error types are in the table."""
    types = [
        t
        for t in vars(errors).values()
        if isinstance(t, type) and issubclass(t, errors.ReconcilerError)
    ]

    assert {t.exit_code for t in types} <= set(EXIT_CODES)


@pytest.mark.parametrize("column", [1, 40, 5_000, 99_990])
def test_a_long_line_is_shown_around_the_mistake(column: int) -> None:
    """A screen is not filled by one line of a hundred thousand characters."""
    text = "x" * (column - 1) + "WRONG" + "y" * (100_000 - column)
    bad = dataclasses.replace(BAD, origin=Origin("a.yaml", 1, column), source_line=text, width=5)
    _, line, carets = map(click.unstyle, failure.diagnostic_lines([bad]))
    assert len(line) < failure.LONGEST_LINE + 10
    assert line[carets.index("^") : carets.rindex("^") + 1] == "WRONG"


def test_a_line_cannot_steer_the_terminal() -> None:
    """Control characters of a file are shown as unknown ones."""
    bad = dataclasses.replace(BAD, source_line="a: \x1b]0;title\x07\x00b")
    assert "a: \ufffd]0;title\ufffd\ufffdb" in list(failure.diagnostic_lines([bad]))[1]
