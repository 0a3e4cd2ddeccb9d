"""An update that AWS takes and that has no effect is not sent for ever."""

from __future__ import annotations

import pytest

from reconciler.controller.repeats import MOST
from reconciler.model.errors import AccessDenied
from reconciler.model.status import Health
from tests.controller.lab import WEB, Controller, Lab, files, service, set_hook


@pytest.fixture
def lab():
    """Return an account with a cluster and nothing on it."""
    return Lab()


@pytest.fixture
def controller(lab):
    """Return the only controller, after its service has converged."""
    lab.files = files(service())
    controller = Controller(lab, "a")
    assert controller.settle().status.converged
    controller.did()
    return controller


def deaf(lab) -> None:
    """Have ECS take a grace period and forget it, as a spelling that nobody knows would look."""
    services = lab.ecs.services
    update = services.UpdateService

    def forgetting(wanted):
        wanted.pop("healthCheckGracePeriodSeconds", None)
        return update(wanted)

    services.UpdateService = forgetting


def test_it_is_held_after_a_few_calls_and_says_why(lab, controller):
    """Few calls, then none, a status that names the field, and the exit code of a refusal."""
    deaf(lab)
    lab.files = files(service(healthCheckGracePeriodSeconds=60))
    result = controller.settle()
    assert controller.did() == ["UpdateService"] * MOST
    assert result.status.exit_code == 4
    assert result.status.resources[0].health is Health.DEGRADED
    assert "healthCheckGracePeriodSeconds" in result.status.message
    for _ in range(5):
        controller.reconcile()
    assert controller.did() == []


def test_it_goes_on_with_other_files(lab, controller):
    """Another update is another try."""
    deaf(lab)
    lab.files = files(service(healthCheckGracePeriodSeconds=60))
    controller.settle()
    controller.did()
    lab.files = files(service(desiredCount=2))
    assert controller.settle().status.converged
    assert controller.did() == ["UpdateService"]


def test_drift_that_comes_back_is_healed_each_time(lab, controller):
    """Somebody makes the same edit again and again: each heals, since each was in sync in between."""
    for _ in range(MOST + 2):
        lab.ecs.services.by_name["production", WEB].document["desiredCount"] = 3
        assert controller.settle().status.converged
        assert controller.did() == ["UpdateService"]


def test_refusals_do_not_count(lab, controller):
    """A call that AWS refused says nothing about its effect: it is tried again with backoff."""
    lab.files = files(service(healthCheckGracePeriodSeconds=60))

    def refuse(_service, operation, _params):
        if operation == "UpdateService":
            raise AccessDenied("no", operation="ecs:UpdateService")

    set_hook(controller, refuse, applied=False)
    for _ in range(MOST + 2):
        with pytest.raises(AccessDenied):
            controller.reconcile()
    set_hook(controller, None, applied=False)
    assert controller.settle().status.converged
