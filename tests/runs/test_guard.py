"""The guard: who may start, who may not, and what it says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from reconciler.model.errors import ConditionFailed
from reconciler.runs import guard
from tests.runs.stage import Stage

KEY = "mig#production/shop/db#1#1#0"


class Cell:
    """A claim cell in the fake table, as `Send` of the guard."""

    def __init__(self) -> None:
        self.stage = Stage()
        self.said: list[str] = []
        self.lose = 0
        self.seconds = 0.0
        self.stage.dynamodb.handle(
            "PutItem",
            {
                "TableName": "reconciler-claims",
                "Item": {"k": {"S": KEY}, "st": {"S": "OFFERED"}, "ep": {"N": "1"}},
            },
        )

    def send(self, wanted: Mapping[str, Any]) -> None:
        try:
            self.stage.dynamodb.handle("UpdateItem", wanted)
        except ConditionFailed as refused:
            raise guard.ClaimRefused(refused.response.get("Item")) from refused
        if self.lose:
            self.lose -= 1
            raise TimeoutError("no answer")

    def claim(self, arn: str, nonce: str, key: str = KEY) -> int:
        wanted = guard.request("reconciler-claims", key, arn, nonce)

        def pause(seconds: float) -> None:
            self.seconds += seconds

        return guard.claim(
            self.send, wanted, say=self.said.append, pause=pause, now=lambda: self.seconds
        )


def test_first_task_claims_and_the_second_is_refused() -> None:
    """Exactly one of two tasks gets 0; the other gets 75 and reads who holds the claim."""
    cell = Cell()
    assert cell.claim("task/one", "n1") == 0
    assert cell.claim("task/two", "n2") == 75
    assert "held by task/one" in cell.said[-1]


def test_own_claim_is_recognised_after_a_lost_answer() -> None:
    """A refusal that shows our own nonce is the echo of our claim."""
    cell = Cell()
    cell.lose = 1
    assert cell.claim("task/one", "n1") == 0


def test_restarted_guard_in_the_same_task_is_refused() -> None:
    """A second process of the same task has another nonce and does not start the command."""
    cell = Cell()
    assert cell.claim("task/one", "n1") == 0
    assert cell.claim("task/one", "n2") == 75


def test_revoked_and_absent_cells_are_refused() -> None:
    """A revoked run and a run that was never offered do not start."""
    cell = Cell()
    assert cell.claim("task/one", "n1", key="mig#production/shop/db#9#1#0") == 75
    assert "there is no claim" in cell.said[-1]
    cell.stage.dynamodb.handle(
        "PutItem",
        {"TableName": "reconciler-claims", "Item": {"k": {"S": KEY}, "st": {"S": "REVOKED"}}},
    )
    assert cell.claim("task/one", "n1") == 75
    assert "revoked" in cell.said[-1]


def test_unreachable_table_is_given_up_after_a_minute() -> None:
    """Without DynamoDB the guard tries for about a minute and exits 74."""
    cell = Cell()
    cell.lose = 1_000
    wanted = guard.request("absent-table", KEY, "task/one", "n")
    code = guard.claim(
        cell.send,
        wanted,
        say=cell.said.append,
        pause=lambda s: setattr(cell, "seconds", cell.seconds + s),
        now=lambda: cell.seconds,
    )
    assert code == 74
    assert 45 <= cell.seconds <= 60


def test_wrong_call_says_what_is_missing() -> None:
    """Without its environment the guard exits 64 and names the variables, without importing boto3."""
    script = (
        "import sys; from reconciler.runs import guard; code = guard.main(['claim'], {});"
        "assert 'boto3' not in sys.modules and 'botocore' not in sys.modules; sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 64
    assert "RECONCILER_CLAIM_KEY" in done.stderr
