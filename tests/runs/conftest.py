"""Runs and snapshots for the tests of `runs`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from reconciler.model.run import GuardMode, Run, RunState
from tests.fakes.clock import START

MakeRun = Callable[..., Run]


@pytest.fixture
def make_run() -> MakeRun:
    """Return a maker of runs: RUNNING in claim mode for a minute, unless told otherwise."""

    def make(**changes: Any) -> Run:
        values: dict[str, Any] = {
            "name": "db",
            "revision": "1",
            "state": RunState.RUNNING,
            "attempt": 1,
            "launch": 0,
            "ordinal": 1,
            "mode": GuardMode.CLAIM,
            "container": "app",
            "token": "t" * 64,
            "started_by": "reconciler/production/shop/" + "t" * 32,
            "request": {"taskDefinition": "arn:aws:ecs:r:1:task-definition/shop-db:7"},
            "timeout_seconds": 1200,
            "start_timeout_seconds": 900,
            "intent_at": START - timedelta(minutes=1),
            "version": 3,
            "task_arn": "arn:aws:ecs:r:1:task/production/aaa",
            "running_since": START - timedelta(minutes=1),
        }
        return Run(**{**values, **changes})

    return make
