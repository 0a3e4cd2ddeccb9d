"""How the tests share the machine: long ones first, spread over pytest-xdist's workers.

With `--dist worksteal` each worker begins with a part of the list as it stands, and takes from the end of
another's when it is done. So each part begins with its share of the stories, which mostly wait, mixed with
the simulation, which only computes; the thousands of short tests are what is left to be taken.
"""

from __future__ import annotations

import os
import re
import signal

import pytest
from hypothesis import HealthCheck, settings

STORIES, SIMULATION = "tests/e2e/", "tests/simulation/"

# How long an example takes says how busy the machine is, and nothing about the product.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


USERS_OWN = re.compile(
    "(AWS|RECONCILER)_.*|(HTTPS?|ALL|NO)_PROXY|COLUMNS|LINES|(NO|FORCE)_COLOR|CLICOLOR.*",
    re.IGNORECASE,
)
"""Variables that say which AWS, which proxy and which terminal somebody uses; here the tests say it."""


def pytest_configure() -> None:
    """Take back what the shell has set that decides what the product does.

    Under `nohup` SIGHUP is ignored, behind a script's `&` SIGINT and SIGQUIT, also by what is started: here
    they are to end what they are sent to.
    """
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in [name for name in os.environ if USERS_OWN.fullmatch(name)]:
        del os.environ[name]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deal the long tests out to the workers; every worker arrives at the same list."""
    workers = int(getattr(config, "workerinput", {}).get("workercount", 1))
    if workers == 1:
        return
    long = _mixed(_begin(items, STORIES), _begin(items, SIMULATION))
    short = [item for item in items if not item.nodeid.startswith((STORIES, SIMULATION))]
    dealt: list[pytest.Item] = []
    for number in range(workers):
        mine = long[number::workers]
        # as pytest-xdist cuts what is left among the workers that have nothing yet
        size = (len(items) - len(dealt)) // (workers - number)
        fill = max(0, size - len(mine))
        dealt += mine + short[:fill]
        del short[:fill]
    items[:] = dealt + short


def _begin(items: list[pytest.Item], folder: str) -> list[pytest.Item]:
    """Return the tests of a folder, those first that are given more time than usual."""
    return sorted((item for item in items if item.nodeid.startswith(folder)), key=_limit)


def _limit(item: pytest.Item) -> float:
    given = item.get_closest_marker("timeout")
    return -float(given.args[0]) if given else 0.0


def _mixed(*lists: list[pytest.Item]) -> list[pytest.Item]:
    """Return all items in one list, in which each list's are as far apart as they can be."""
    placed = [
        (n / len(items), which, item)
        for which, items in enumerate(lists)
        for n, item in enumerate(items)
    ]
    return [item for _, _, item in sorted(placed, key=lambda place: place[:2])]
