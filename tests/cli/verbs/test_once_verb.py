"""The verb `once`: with click and without it, it is one program."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from reconciler.cli.root import reconciler
from reconciler.runs.once import command as program

SPARED = (
    "click",
    "boto3",
    "botocore",
    "pydantic",
    "rich",
    "http.client",
    "email",
    "subprocess",
    "typing",
    "argparse",
)
SCRIPT = f"""
import atexit, sys
sys.argv = ["reconciler", "once", *sys.argv[1:]]
atexit.register(lambda: print(sorted(set({SPARED}) & set(sys.modules))))
from reconciler.cli import main
main()
"""


@pytest.fixture
def asked(monkeypatch):
    """Return what reaches the program, which runs nothing here."""
    found = []

    def run(options, environment):
        found.append(options)
        return 17

    monkeypatch.setattr(program, "run", run)
    return found


def test_flags_before_and_after_the_verb_reach_it(asked):
    """Global flags, the verb's own, and the command with flags of its own."""
    line = (
        "--endpoint-url http://127.0.0.1:1 once --key k --no-wait -q --profile p -- cmd --key x -q"
    )
    done = CliRunner().invoke(reconciler, line.split())
    assert done.exit_code == 17, done.output
    (options,) = asked
    assert (options.key, options.no_wait, options.quiet, options.profile) == ("k", True, True, "p")
    assert options.endpoint_url == "http://127.0.0.1:1"
    assert options.argv == ["cmd", "--key", "x", "-q"]


def test_variables_reach_it(asked):
    """RECONCILER_ONCE_KEY and the others are read as by the single file."""
    environment = {"RECONCILER_ONCE_KEY": "v", "RECONCILER_CLAIMS_TABLE": "t"}
    CliRunner().invoke(reconciler, ["--color", "never", "once", "cmd"], env=environment)
    assert (asked[0].key, asked[0].table) == ("v", "t")


@pytest.mark.parametrize(
    "line", ["once cmd", "once --key k", "once --key k --resolve maybe --reason x"]
)
def test_wrong_usage_is_2(asked, line):
    """With the hint that every verb gives."""
    done = CliRunner().invoke(reconciler, line.split())
    assert done.exit_code == 2
    assert "hint: reconciler once -h" in done.stderr
    assert asked == []


def test_its_start_imports_next_to_nothing():
    """Neither click nor boto3 nor anything that takes longer than the program itself."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, "--key", "k", "no-such-command"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (127, "[]\n")
    assert "k could not be started: no-such-command: command not found" in done.stderr


def test_what_only_click_knows_is_left_to_it():
    """An unknown flag and --help come from the verb."""
    for flag, code, said in (
        ("--hlep", 2, "No such option"),
        ("--help", 0, "Run a command once per key"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, flag], capture_output=True, text=True, check=False
        )
        assert done.returncode == code
        assert said in done.stdout + done.stderr
