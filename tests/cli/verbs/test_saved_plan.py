"""`diff --out`, `apply --plan` and `apply --dry-run`: what is kept, refused, and not asked."""

from __future__ import annotations

import json

import pytest

from reconciler.plan.digest import digest_of
from tests.cli import values


@pytest.fixture
def act(monkeypatch, apps):
    """Let `apply` record its options; `differs` and `spoil` change what a preview shows."""
    calls = {"options": [], "differs": True, "pruned": []}

    def apply(_settings, desired, *, options, on_event):
        calls["options"].append((desired.key, options))
        return values.status(desired.key)

    def preview(_settings, desired, *, prune=False):
        calls["pruned"].append(prune)
        return values.preview(desired, differs=calls["differs"])

    monkeypatch.setattr("reconciler.app.act.apply", apply)
    monkeypatch.setattr("reconciler.app.look.preview", preview)
    return calls


@pytest.fixture
def plan(cli, act, tmp_path):
    """Return the file of a saved plan."""
    path = tmp_path / "plan.json"
    assert cli("diff", "--out", str(path)).exit_code == 1
    return path


def test_a_saved_plan_can_be_read(plan):
    """It says what would be done, for people and programs, and the hash that has to fit."""
    document = json.loads(plan.read_text())
    (app,) = document["apps"]
    assert (document["kind"], document["prune"], document["addresses"]) == ("SavedPlan", False, [])
    assert app["digest"] == digest_of(values.plan())
    assert [r["address"] for r in app["resources"]] == ["migration/db", "service/web"]


def test_it_is_carried_out_without_a_question(cli, act, plan):
    """Who saved it has looked at it; the digest goes along, to be checked under the lease."""
    result = cli("apply", "--plan", str(plan))
    assert result.exit_code == 0
    ((key, options),) = act["options"]
    assert (key, options.digest) == ("production/shop", digest_of(values.plan()))
    assert "~ update" in result.stderr


def test_only_its_apps_are_touched(cli, act, apps, plan):
    """Another app of the folder is not in the file, and is left alone."""
    apps.append(values.desired("staging/shop"))
    assert cli("apply", "--plan", str(plan)).exit_code == 0
    assert [key for key, _ in act["options"]] == ["production/shop"]


def test_addresses_and_pruning_are_kept(cli, act, tmp_path):
    """What was asked of `diff` is what is applied."""
    path = tmp_path / "plan.json"
    cli("diff", "service/web", "--prune", "--out", str(path))
    act["pruned"].clear()
    assert cli("apply", "--plan", str(path)).exit_code == 0
    assert act["pruned"] == [True]
    ((_, options),) = act["options"]
    assert (options.addresses, options.prune) == ({values.WEB}, True)


def test_a_plan_that_is_not_the_plan_any_more(cli, act, plan):
    """Live moved: refused with a guard's code before anybody's lease is asked for."""
    act["differs"] = False
    result = cli("apply", "--plan", str(plan))
    assert result.exit_code == 4
    assert "moved since" in result.stderr
    assert act["options"] == []


def test_files_that_are_not_the_files_any_more(cli, act, apps, plan):
    """Git moved: the content's hash is another, even where the same would be done."""
    from dataclasses import replace

    apps[0] = replace(apps[0], content_hash="d" * 64)
    assert cli("apply", "--plan", str(plan)).exit_code == 4


def test_an_app_that_vanished(cli, act, apps, plan):
    """The plan of an app that is not there any more cannot be carried out."""
    apps[0] = values.desired("staging/shop")
    assert cli("apply", "--plan", str(plan)).exit_code == 4
    assert act["options"] == []


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kind": "SavedPlan"}', "{", '{"kind": "Diff"}'])
def test_what_is_no_saved_plan(cli, act, tmp_path, text):
    """Any other file is wrong usage, without a traceback."""
    path = tmp_path / "plan.json"
    path.write_text(text)
    result = cli("apply", "--plan", str(path))
    assert result.exit_code == 2
    assert "is no saved plan" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--plan", "nowhere.json"),
        ("service/web", "--plan", "plan.json"),
        ("--prune", "--plan", "x"),
    ],
)
def test_flags_that_contradict_a_saved_plan(cli, act, arguments):
    """The file says what is applied; one that is missing is said."""
    assert cli("apply", *arguments).exit_code == 2
    assert act["options"] == []


def test_a_plan_with_a_failed_app_is_not_saved(cli, apps, monkeypatch, tmp_path):
    """Half a plan is none."""

    def preview(*_, **__):
        raise TimeoutError("no answer")

    monkeypatch.setattr("reconciler.app.look.preview", preview)
    path = tmp_path / "plan.json"
    result = cli("diff", "--out", str(path))
    assert result.exit_code >= 2
    assert "not written" in result.stderr
    assert not path.exists()


def test_a_file_that_cannot_be_written(cli, act, tmp_path):
    """The path is in the message."""
    result = cli("diff", "--out", str(tmp_path / "no" / "plan.json"))
    assert result.exit_code == 2
    assert "cannot write" in result.stderr


def test_a_dry_run_applies_nothing(cli, act):
    """The plan is the result on stdout, as `diff` prints it, in JSON too; nobody is asked."""
    result = cli("apply", "--dry-run")
    assert result.exit_code == 0
    assert "~ update" in result.stdout
    assert json.loads(cli("apply", "--dry-run", "-o", "json").stdout)["kind"] == "Diff"
    assert act["options"] == []
