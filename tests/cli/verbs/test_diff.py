"""`diff`: exit codes and forms."""

from __future__ import annotations

import json

import pytest

from reconciler.model.errors import AccessDenied, CorruptLedger, ReconcilerError
from tests.cli import values

LOOK = "reconciler.app.look.preview"


@pytest.fixture
def look(monkeypatch, apps):
    """Let `preview` answer by app key: True differs, False does not, an error is raised."""
    answers: dict[str, bool | ReconcilerError] = {"production/shop": True}
    asked = []

    def preview(_settings, desired, *, prune=False):
        asked.append((desired.key, prune))
        answer = answers[desired.key]
        if isinstance(answer, Exception):
            raise answer
        return values.preview(desired, differs=answer)

    monkeypatch.setattr(LOOK, preview)
    answers["asked"] = asked
    return answers


@pytest.mark.parametrize(
    ("differs", "flags", "code"),
    [
        (True, (), 1),
        (False, (), 0),
        (True, ("--detailed-exitcode",), 2),
        (False, ("--detailed-exitcode",), 0),
        (True, ("--exit-zero",), 0),
        (AccessDenied("no", operation="ecs:DescribeServices"), (), 3),
        (AccessDenied("no", operation="ecs:DescribeServices"), ("--detailed-exitcode",), 1),
        (AccessDenied("no", operation="ecs:DescribeServices"), ("--exit-zero",), 3),
        (CorruptLedger("x"), (), 2),
    ],
)
def test_exit_codes(cli, look, differs, flags, code):
    """0, 1 and the table's codes; Terraform's with --detailed-exitcode; --exit-zero hides differences only."""
    look["production/shop"] = differs

    assert cli("diff", *flags).exit_code == code


def test_text_names_change_and_counts(cli, look):
    """The text form has the step with sign and word, the change and the counts, on stdout."""
    result = cli("diff")

    assert "~ update" in result.stdout
    assert "desiredCount" in result.stdout
    assert "1 to update" in result.stdout
    assert result.stderr == ""


def test_json_of_several_apps_is_one_document_and_the_highest_code_wins(cli, look, apps):
    """An app that cannot be read has `error` in the document; the others are there; 3 beats 1."""
    apps += [values.desired("staging/shop"), values.desired("broken/shop")]
    look |= {"staging/shop": False, "broken/shop": AccessDenied("no", operation="ecs:X")}

    result = cli("diff", "-o", "json")

    document = json.loads(result.stdout)
    assert result.exit_code == 3
    assert document["kind"] == "Diff"
    assert [app["key"] for app in document["apps"]] == [
        "production/shop",
        "staging/shop",
        "broken/shop",
    ]
    assert document["apps"][0]["inSync"] is False
    assert document["apps"][2]["error"]["kind"] == "AccessDenied"
    assert json.loads(result.stderr)["error"]["exitCode"] == 3


def test_addresses_choose_what_counts(cli, look):
    """Differences of resources that were not asked for are neither shown nor counted."""
    assert cli("diff", "migration/db").exit_code == 0
    assert cli("diff", "migration").exit_code == 0
    result = cli("diff", "service/web")
    assert result.exit_code == 1
    assert "migration/db" not in result.stdout


def test_unknown_address_is_wrong_usage(cli, look):
    """An address that nothing has is 2 and names what there is."""
    result = cli("diff", "service/wbe")

    assert result.exit_code == 2
    assert "no resource 'service/wbe'; there are: migration/db, service/web" in result.stderr


def test_markdown_is_for_pull_requests(cli, look):
    """The markdown form begins with the marker by which a comment is found again."""
    assert cli("diff", "-o", "markdown").stdout.startswith("<!-- reconciler:diff")


def test_colour_is_only_added(cli, look):
    """With colour the text is the same once the escapes are taken out."""
    import click

    plain = cli("diff", "--color", "never").stdout
    coloured = cli("diff", "--color", "always", color=True).stdout

    assert "\x1b[" in coloured
    assert click.unstyle(coloured) == plain


def test_contradicting_flags(cli, look):
    """--detailed-exitcode with --exit-zero is an error of usage, which is 1 for Terraform's pipelines."""
    result = cli("diff", "--detailed-exitcode", "--exit-zero")

    assert result.exit_code == 1
    assert "contradict" in result.stderr


def test_prune_is_passed_on(cli, look):
    """--prune shows deletions as apply would carry them out."""
    cli("diff", "--prune")

    assert look["asked"] == [("production/shop", True)]
