"""What a transition writes: nothing that ECS or a container said is kept unmasked, in ledger or journal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.run import RunState
from reconciler.runs import transitions
from reconciler.runs.actions import Action, Do
from reconciler.runs.transitions import At
from tests.fakes.clock import START
from tests.runs.conftest import MakeRun

SAID = "cannot start: postgres://app:hunter2@db/shop refused"
TOLD = Action(
    Do.FAIL,
    SAID,
    exit_code=1,
    facts={
        "stopCode": "TaskFailedToStart",
        "stoppedReason": SAID,
        "containers": {"app": 1, "password": SAID, "nginx": "OutOfMemoryError"},
    },
)


@pytest.mark.parametrize("how", ["verdict", "unknown", "not started", "refused", "stop asked"])
def test_what_was_said_is_masked_before_it_is_written(make_run: MakeRun, how: str) -> None:
    """However deep it stands, ECS's and the containers' words are kept without the secret in them."""
    run, at = make_run(), At("production/shop", START, "git", None)
    commit = {
        "verdict": lambda: transitions.verdict(at, run, TOLD, RunState.FAILED),
        "unknown": lambda: transitions.unknown(at, run, TOLD),
        "not started": lambda: transitions.not_started(at, run, TOLD),
        "refused": lambda: transitions.refused(at, run, SAID),
        "stop asked": lambda: transitions.stop_asked(at, run, SAID),
    }[how]()
    written = f"{commit.writes} {commit.entry}"
    assert "(sensitive)" in written
    assert "hunter2" not in written


def test_what_is_no_secret_is_kept(make_run: MakeRun) -> None:
    """Exit codes stay numbers, whatever the container is called, and plain reasons stay as they are."""
    run, at = make_run(), At("production/shop", START, "git", None)
    told = replace(TOLD, facts={"containers": {"app": 1, "token": 137, "nginx": "no memory"}})
    kept = transitions.verdict(at, run, told, RunState.FAILED).run
    assert kept.facts == {"containers": {"app": 1, "token": 137, "nginx": "no memory"}}
