"""A service that somebody deleted drains under the name that ours needs: wait, look seldom, then create."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from reconciler.aws.operations import is_mutating
from reconciler.controller.converge import Limits, converge
from reconciler.controller.reconcile import DRAINING
from reconciler.model.status import Health
from tests.controller.lab import KEY, WEB, Controller, Lab, files, service

DRAIN_SECONDS = 600.0


@pytest.fixture
def lab():
    """Return an account whose web service was deleted by hand and drains for ten minutes."""
    lab = Lab()
    lab.files = files(service())
    web = Controller(lab, "a")
    assert web.settle().status.converged
    lab.ecs.services.drain_seconds = DRAIN_SECONDS
    lab.ecs.handle("DeleteService", {"cluster": "production", "service": WEB, "force": True})
    web.transport.calls.clear()
    return lab


def test_it_is_looked_at_now_and_then_and_nothing_is_sent(lab):
    """One DescribeServices a look, the preflight once a minute, no change of AWS and no entry, for as long as it drains."""
    (web,) = lab.controllers
    lab.entries()
    result = web.reconcile()
    looks = 0
    while lab.live()["status"] == "DRAINING":
        assert (result.requeue_after, result.status.exit_code) == (DRAINING, 1)
        assert result.status.health is Health.MISSING
        assert "draining" in result.status.resources[0].message
        lab.go_on(result.requeue_after.total_seconds())
        looks += 1
        if lab.live()["status"] == "DRAINING":
            result = web.reconcile()
    calls = Counter(operation for kind, operation, _ in web.transport.calls if kind == "ecs")
    assert looks == DRAIN_SECONDS / DRAINING.total_seconds()
    assert calls["DescribeServices"] == looks
    assert not [operation for operation in calls if is_mutating(operation)]
    # What a creation needs is checked once a minute, not at each look.
    assert sum(calls.values()) - looks <= 2 * DRAIN_SECONDS / 60
    assert lab.story() == []


def test_apply_waits_for_its_end_and_creates(lab):
    """It is not a failure: the name is free in a while."""
    (web,) = lab.controllers

    class Waiting:
        """The clock of the lab; members beat while it sleeps."""

        now = lab.timeline.now
        boot_seconds = lab.timeline.boot_seconds

        def sleep(self, length: timedelta) -> None:
            lab.go_on(length.total_seconds())

    limits = Limits(timedelta(0), timedelta(hours=1))
    status = converge(KEY, web.reconciler.reconcile, Waiting(), limits, lambda _: None)
    assert status.converged
    assert web.did().count("CreateService") == 1
    assert lab.image() == "1"
