"""Completion reads the files leniently and never fails."""

from __future__ import annotations

import pytest

from reconciler.cli.complete import read_file, read_folder
from reconciler.cli.root import reconciler

APP = """\
# the shop
apiVersion: reconciler/v1alpha1
app: shop            # of ours
environment: "production"
extends: ../../base
services:
  web:
    image: host:5000/shop:1
    autoscaling: {min: 1, max: 4}
  sidekiq: {}
  gone: null
migrations:
    'db':
        revision: "1"
"""


@pytest.fixture
def desired(tmp_path):
    """Make a folder with one app that extends another folder."""
    folder = tmp_path / "desired" / "production" / "shop"
    folder.mkdir(parents=True)
    (folder / "app.yaml").write_text(APP)
    (folder / "more.yaml").write_text("services:\n  api:\n    cpu: 1\n")
    (tmp_path / "desired" / "base").mkdir()
    (tmp_path / "desired" / "base" / "base.yaml").write_text("migrations:\n  seed:\n    x: 1\n")
    return tmp_path / "desired"


def complete(*words: str) -> list[str]:
    """Ask for completions as click's scripts do; the last word is the incomplete one."""
    from click.shell_completion import ShellComplete

    completer = ShellComplete(reconciler, {}, "reconciler", "_RECONCILER_COMPLETE")
    return [c.value for c in completer.get_completions(list(words[:-1]), words[-1])]


def test_outline_of_a_file(desired):
    """Scalars, names below sections and nulls are told apart; comments and quotes are dropped."""
    outline = read_file(desired / "production" / "shop" / "app.yaml")

    assert outline["app"] == "shop"
    assert outline["environment"] == "production"
    assert outline["services"] == ["web", "sidekiq"]
    assert outline["migrations"] == ["db"]


def test_folders_are_merged_with_what_they_extend(desired):
    """Sections of all files count; what is extended comes first."""
    outline = read_folder(desired / "production" / "shop")

    assert outline["services"] == ["web", "sidekiq", "api"]
    assert outline["migrations"] == ["seed", "db"]


def test_app_keys_and_addresses(desired):
    """-a completes keys, arguments complete addresses, migration verbs complete names."""
    where = ("-C", str(desired))

    assert complete(*where, "-a", "pro") == ["production/shop"]
    assert complete(*where, "diff", "service/") == ["service/api", "service/sidekiq", "service/web"]
    assert complete(*where, "diff", "autos") == ["autoscaling/web"]
    assert complete(*where, "migration", "logs", "") == ["db", "seed"]
    assert complete(*where, "-a", "other/app", "diff", "") == []


def test_verbs_are_completed_from_the_table():
    """Verbs complete by prefix."""
    assert complete("re") == ["render", "resume", "retry"]


@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b"a: [", b"\t:::\n", b"extends: .\n", b"services: 3\n"]
)
def test_broken_files_complete_nothing_and_never_fail(tmp_path, content):
    """Undecodable, half-written and self-extending files are no errors to a shell."""
    (tmp_path / "app.yaml").write_bytes(content)

    assert complete("-C", str(tmp_path), "diff", "") == []
    assert complete("-C", str(tmp_path / "missing"), "-a", "") == []
