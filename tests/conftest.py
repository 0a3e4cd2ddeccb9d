"""How the tests share the machine: long ones first, spread over pytest-xdist's workers.

With `--dist worksteal` each worker begins with a part of the list as it stands, and takes from the end of
another's when it is done. So each part begins with its share of the stories, which mostly wait, then of the
simulation, which only computes; the thousands of short tests are what is left to be taken.
"""

from __future__ import annotations

import signal

import pytest

STORIES, SIMULATION = "tests/e2e/", "tests/simulation/"


def pytest_configure() -> None:
    """Under `nohup` SIGHUP is ignored, also by what is started: here it is to end what it is sent to."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deal the long tests out to the workers; every worker arrives at the same list."""
    workers = int(getattr(config, "workerinput", {}).get("workercount", 1))
    if workers == 1:
        return
    long = [item for item in items if _is_long(item)]
    long.sort(key=_turn)
    short = [item for item in items if not _is_long(item)]
    dealt: list[pytest.Item] = []
    for number in range(workers):
        mine = long[number::workers]
        # as pytest-xdist cuts what is left among the workers that have nothing yet
        size = (len(items) - len(dealt)) // (workers - number)
        fill = max(0, size - len(mine))
        dealt += mine + short[:fill]
        del short[:fill]
    items[:] = dealt + short


def _is_long(item: pytest.Item) -> bool:
    return item.nodeid.startswith((STORIES, SIMULATION))


def _turn(item: pytest.Item) -> tuple[bool, float]:
    """Stories before the simulation; of each those first that are given more time than usual."""
    limit = item.get_closest_marker("timeout")
    return item.nodeid.startswith(SIMULATION), -float(limit.args[0]) if limit else 0.0
