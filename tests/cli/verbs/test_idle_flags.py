"""Flags that would do nothing are refused: who typed one wanted something."""

from __future__ import annotations

import pytest

CASES = (
    ("job trigger report --timeout 5m", "--timeout needs --wait"),
    ("apply --no-wait --wait 5m", "--wait contradicts --no-wait"),
    ("rollback --no-wait --wait 5m", "--wait contradicts --no-wait"),
    ("history --verify -n 3", "--limit has no effect: --verify checks every entry"),
    ("history --verify --oldest-first", "--oldest-first has no effect"),
    ("history 12 -n 3", "--limit has no effect: N is one entry"),
    ("doctor --role diff", "--role needs --iam-policy"),
    ("doctor --part 1", "--part needs --iam-policy"),
    ("init --cluster c --all --service web", "--service contradicts --all"),
    ("once --key k --show --timeout 5s", "--timeout has no effect with --resolve or --show"),
    ("once --key k --resolve done --reason x --no-wait", "--no-wait has no effect"),
)


@pytest.mark.parametrize(("line", "said"), CASES)
def test_a_flag_without_effect_is_a_usage_error(cli, apps, line, said):
    """It names the flag and what it lacks, and ends with the code of every usage error."""
    result = cli(*line.split())

    assert (result.exit_code, said in result.stderr) == (2, True), result.output


def test_a_variable_is_only_a_default(cli, apps, monkeypatch):
    """What is set for many calls does not refuse the one that has no use for it."""
    monkeypatch.setattr("reconciler.app.jobs.job_trigger", lambda *_: None)

    result = cli("job", "trigger", "report", env={"RECONCILER_JOB_TRIGGER_TIMEOUT": "5m"})

    assert result.exit_code == 0, result.output
