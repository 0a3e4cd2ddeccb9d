"""The exit code of a run for the shell."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model.run import RunState
from reconciler.runs.outcome import exit_code_of
from reconciler.runs.snapshot import STOPPING_SINCE
from tests.runs.conftest import MakeRun


def refused(why: str) -> dict[str, Any]:
    """Return a run whose container ECS could not start, with runc's words."""
    said = (
        f'CannotStartContainerError: unable to start container process: exec: "/x": {why}: unknown'
    )
    return {"state": RunState.FAILED, "exit_code": None, "facts": {"containers": {"app": said}}}


STOPPED = {"facts": {STOPPING_SINCE: "2026-11-28T12:00:00+00:00"}}


@pytest.mark.parametrize(
    ("run", "code"),
    [
        ({"state": RunState.SUCCEEDED, "exit_code": 0}, 0),
        ({"state": RunState.FAILED, "exit_code": 3}, 3),
        ({"state": RunState.FAILED, "exit_code": 127}, 127),
        ({"state": RunState.FAILED, "exit_code": 137, **STOPPED}, 124),
        ({"state": RunState.SUCCEEDED, "exit_code": 0, **STOPPED}, 124),
        ({"state": RunState.FAILED, "exit_code": 137, "stop_asked": "by hand", **STOPPED}, 137),
        ({"state": RunState.FAILED, "exit_code": None}, 125),
        ({"state": RunState.FAILED, "exit_code": None, **STOPPED}, 125),
        (refused("executable file not found in $PATH"), 127),
        (refused("stat /x: no such file or directory"), 127),
        (refused("permission denied"), 126),
        (refused("something else"), 125),
        ({"state": RunState.UNKNOWN, "exit_code": None}, 6),
        ({"state": RunState.SUCCEEDED, "exit_code": None}, 0),
    ],
)
def test_the_code_of_each_end(make_run: MakeRun, run: dict[str, Any], code: int) -> None:
    """The command's own; 124 timed out, 125 to 127 never started, 6 unknown; 0 only for success."""
    assert exit_code_of(make_run(**run)) == code
