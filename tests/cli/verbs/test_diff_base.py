"""`diff --base` on a real repository: revisions, places, broken files, no AWS, nothing written."""

from __future__ import annotations

import json
import subprocess
import tempfile

import pytest

from tests.cli.verbs.test_files import GOOD

APP = "desired/production/shop/app.yaml"


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Return a repository with two commits, and forbid AWS."""
    monkeypatch.chdir(tmp_path)
    for name in ("GIT_DIR", "GIT_WORK_TREE"):
        monkeypatch.delenv(name, raising=False)

    def git(*arguments: str) -> str:
        who = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
        done = subprocess.run(
            ["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True
        )
        return done.stdout.decode().strip()

    def no_aws(*_, **__):
        raise AssertionError("AWS was asked")

    monkeypatch.setattr("reconciler.app.world.BotoTransport", no_aws)
    path = tmp_path / APP
    path.parent.mkdir(parents=True)
    path.write_text(GOOD)
    git("init", "-q", "-b", "main", ".")
    git("add", "-A")
    git("commit", "-qm", "one")
    path.write_text("# a comment\n" + GOOD.replace("2026.11.22-3f2a91c", "2026.11.23-9c1d2e4"))
    git("commit", "-qam", "two")
    return git, path


def test_what_a_commit_changes(cli, repository):
    """Exit code 1, the change with its line in the files as the user calls them."""
    result = cli("diff", "--base", "HEAD~1")
    assert result.exit_code == 1
    assert "~ update service/web" in result.stdout
    assert "shop:2026.11.23-9c1d2e4" in result.stdout
    assert f"{APP}:" in result.stdout
    assert "note: HEAD~1 → the files as they are; AWS was not asked" in result.stdout


def test_the_same_revision_is_no_difference(cli, repository):
    """0, also with what was not committed left out by --rev."""
    _, path = repository
    assert cli("diff", "--base", "main").exit_code == 0
    path.write_text(path.read_text().replace("memory: 512", "memory: 1024"))
    assert cli("diff", "--base", "main", "--rev", "HEAD").exit_code == 0
    assert cli("diff", "--base", "main").exit_code == 1
    alone = cli("diff", "--rev", "HEAD")
    assert (alone.exit_code, "--rev needs --base" in alone.stderr) == (2, True)


def test_between_two_commits_places_are_those_of_the_folder(cli, repository):
    """The copy that was read is not in what is printed; the commit is named."""
    git, _ = repository
    result = cli("diff", "--base", "HEAD~1", "--rev", "main", "-o", "json")
    (app,) = json.loads(result.stdout)["apps"]
    (resource,) = app["resources"]
    (change,) = resource["changes"]
    assert change["file"] == APP
    assert app["desired"]["commit"] == git("rev-parse", "main")
    assert tempfile.gettempdir() not in result.stdout


def test_a_comment_for_a_pull_request(cli, repository):
    """The same Markdown, found again by the same marker."""
    result = cli("diff", "--base", "HEAD~1", "-o", "markdown")
    assert result.stdout.startswith("<!-- reconciler:diff app=production/shop -->")


def test_codes_are_those_of_diff(cli, repository):
    """Terraform's on request."""
    assert cli("diff", "--base", "HEAD~1", "--exit-zero").exit_code == 0
    assert cli("diff", "--base", "HEAD~1", "--detailed-exitcode").exit_code == 2
    assert cli("diff", "--base", "nowhere", "--detailed-exitcode").exit_code == 1


def test_nothing_is_left_behind(cli, repository):
    """Neither in the repository nor in its index."""
    git, _ = repository
    cli("diff", "--base", "HEAD~1")
    assert git("status", "--porcelain") == ""
    assert git("worktree", "list").count("\n") == 0


def test_a_new_and_a_vanished_app(cli, repository):
    """What only one revision has is created, or left alone."""
    git, path = repository
    git("mv", "desired/production", "desired/staging")
    moved = path.parents[2] / "staging/shop/app.yaml"
    moved.write_text(moved.read_text().replace("environment: production", "environment: staging"))
    result = cli("diff", "--base", "main")
    assert result.exit_code == 1
    assert "the folder is gone" in result.stdout
    assert "+ create service/web" in result.stdout
    assert cli("diff", "--base", "main", "-a", "staging/shop").exit_code == 1
    assert cli("diff", "--base", "main", "-a", "other/shop").exit_code == 2


def test_broken_files_are_said(cli, repository):
    """The later ones with their lines, the earlier ones with the revision; a place is never the copy's."""
    git, path = repository
    path.write_text(path.read_text().replace("memory: 512", "memory: much"))
    result = cli("diff", "--base", "main")
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{APP}:" in result.stderr
    git("commit", "-qam", "broken")
    result = cli("diff", "--base", "main", "--rev", "main~1")
    assert result.exit_code == 2
    assert "the files at main are broken" in result.stderr
    assert APP in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--base", "nowhere"),
        ("--base", "--help-me"),
        ("--base", ""),
        ("--rev", "HEAD"),
        ("--base", "HEAD~1", "--prune"),
        ("--base", "HEAD~1", "--explain"),
        ("--base", "HEAD~1", "--out", "x"),
        ("--base", "HEAD~1", "service/wbe"),
    ],
)
def test_revisions_that_cannot_be(cli, repository, arguments):
    """Unknown revisions and addresses, and flags that need AWS."""
    assert cli("diff", *arguments).exit_code == 2


def test_outside_git(cli, tmp_path, monkeypatch):
    """Said with the folder, not with git's words."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / APP
    path.parent.mkdir(parents=True)
    path.write_text(GOOD)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    result = cli("diff", "--base", "main")
    assert result.exit_code == 2
    assert "git knows no revision 'main'" in result.stderr
