"""What left the files goes back: nested parts, capacity, load balancers; only ours, only once."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model.plan import Verb, Why
from tests.plan.world import World, a_service, an_app, only

NAME = "shop-production-web"
STRATEGY = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
BALANCER = {"targetGroupArn": "tg", "containerName": "app", "containerPort": 80}
ADVANCED = {"alternateTargetGroupArn": "tg2", "productionListenerRule": "r", "roleArn": "x"}
HOOK = {"hookTargetArn": "fn", "roleArn": "x", "lifecycleStages": ["PRE_SCALE_UP"]}
ALARMS = {"alarmNames": ["high"], "enable": True, "rollback": True}
CANARY = {"strategy": "CANARY", "canaryConfiguration": {"canaryPercent": 20.0}}
CONNECT = {"enabled": True, "namespace": "shop", "services": [{"portName": "p"}]}


def update(before: dict[str, Any], after: dict[str, Any], **live: Any) -> dict[str, Any]:
    """Converge on `before`, let the console change `live`, and return what `after` then sends."""
    world = World()
    world.converge(an_app(a_service(**before)))
    world.edit(NAME, **live)
    app = an_app(a_service(**after))
    step = only(world.plan(app), "service/web")
    sent = dict(step.request.update or {})
    assert any(c.why is Why.REMOVED for c in step.changes)
    world.converge(app)
    world.calls.clear()
    world.converge(app)
    assert world.calls == []
    return sent


def test_alarms_that_left_the_files_are_turned_off() -> None:
    """ECS wants all three members, and the rest of the configuration as it is."""
    configuration = {"maximumPercent": 150, "alarms": ALARMS}
    sent = update(
        {"deploymentConfiguration": configuration},
        {"deploymentConfiguration": {"maximumPercent": 150}},
    )["deploymentConfiguration"]
    assert sent["alarms"] == {"alarmNames": [], "enable": False, "rollback": False}
    assert sent["maximumPercent"] == 150


def test_hooks_that_left_the_files_are_an_empty_list() -> None:
    """Left out they would stay."""
    configuration = {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5}
    sent = update(
        {"deploymentConfiguration": {**configuration, "lifecycleHooks": [HOOK]}},
        {"deploymentConfiguration": configuration},
    )["deploymentConfiguration"]
    assert sent["lifecycleHooks"] == []
    assert sent["bakeTimeInMinutes"] == 5


def test_one_hook_of_two_goes_and_the_other_stays() -> None:
    """The list is declared as a whole."""
    other = {**HOOK, "hookTargetArn": "other"}
    world = World()
    both = {"strategy": "BLUE_GREEN", "lifecycleHooks": [HOOK, other]}
    world.converge(an_app(a_service(deploymentConfiguration=both)))
    one = a_service(deploymentConfiguration={**both, "lifecycleHooks": [other]})
    sent = only(world.plan(an_app(one)), "service/web").request.update
    assert sent["deploymentConfiguration"]["lifecycleHooks"] == [other]


def test_a_strategy_takes_its_own_settings_with_it() -> None:
    """CanaryConfiguration is only valid with CANARY: it is not sent with ROLLING."""
    sent = update({"deploymentConfiguration": CANARY}, {})["deploymentConfiguration"]
    assert sent["strategy"] == "ROLLING"
    assert "canaryConfiguration" not in sent
    linear = {"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 25.0}}
    sent = update({"deploymentConfiguration": CANARY}, {"deploymentConfiguration": linear})
    assert "canaryConfiguration" not in sent["deploymentConfiguration"]
    assert sent["deploymentConfiguration"]["linearConfiguration"] == {"stepPercent": 25.0}


def test_a_part_without_a_default_is_left_out_of_what_is_sent() -> None:
    """A load balancer goes back from blue/green to plain."""
    sent = update(
        {"loadBalancers": [{**BALANCER, "advancedConfiguration": ADVANCED}]},
        {"loadBalancers": [BALANCER]},
    )
    assert sent["loadBalancers"] == [BALANCER]


def test_a_part_of_service_connect_goes_and_the_rest_stays() -> None:
    """The log configuration is taken out; what somebody added elsewhere in it is kept."""
    log = {"logDriver": "awslogs", "options": {"awslogs-group": "x"}}
    access = {"format": "JSON"}
    sent = update(
        {"serviceConnectConfiguration": {**CONNECT, "logConfiguration": log}},
        {"serviceConnectConfiguration": CONNECT},
        serviceConnectConfiguration={
            **CONNECT,
            "logConfiguration": log,
            "accessLogConfiguration": access,
        },
    )
    assert sent["serviceConnectConfiguration"] == {**CONNECT, "accessLogConfiguration": access}


def test_service_connect_as_a_whole_is_disabled() -> None:
    """That is the one value by which UpdateService takes it away."""
    sent = update({"serviceConnectConfiguration": CONNECT}, {})
    assert sent["serviceConnectConfiguration"] == {"enabled": False}


@pytest.mark.parametrize("balanced", ["loadBalancers", "vpcLatticeConfigurations"])
def test_a_grace_period_goes_with_its_load_balancer_in_one_call(balanced: str) -> None:
    """It counts for the containers' own health checks too, and nothing of it is left behind to be reported."""
    world = World()
    world.converge(an_app(a_service(**{balanced: [BALANCER]}, healthCheckGracePeriodSeconds=60)))
    app = an_app(a_service())
    sent = only(world.plan(app), "service/web").request.update
    assert (sent[balanced], sent["healthCheckGracePeriodSeconds"]) == ([], 0)

    world.converge(app)
    step = only(world.plan(app), "service/web")
    assert (step.verb, step.undeclared, step.notes) == (Verb.NONE, (), ())


def test_a_strategy_that_left_the_files_goes_back_to_the_launch_type() -> None:
    """A launch type cannot be sent: an empty strategy does it, in a new deployment."""
    sent = update({"capacityProviderStrategy": STRATEGY}, {"launchType": "FARGATE"})
    assert sent["capacityProviderStrategy"] == []
    assert sent["forceNewDeployment"] is True
    assert "launchType" not in sent


def test_a_launch_type_that_gave_way_in_the_console_comes_back() -> None:
    """Somebody put FARGATE_SPOT in its place: an empty strategy undoes that, it is no replacement."""
    world = World()
    app = an_app(a_service(launchType="FARGATE"))
    world.converge(app)
    live = world.services[NAME]
    gone = {k: v for k, v in live.service.items() if k != "launchType"}
    world.services[NAME] = type(live)(**{**vars(live), "service": gone})
    world.edit(NAME, capacityProviderStrategy=STRATEGY)
    step = only(world.plan(app), "service/web")
    assert step.verb is Verb.UPDATE
    assert [c.path for c in step.changes] == ["capacityProviderStrategy"]
    assert step.request.update["capacityProviderStrategy"] == []


@pytest.mark.parametrize(("field", "value"), [("availabilityZoneRebalancing", "DISABLED")])
def test_what_cannot_be_taken_back_is_said(field, value) -> None:
    """UpdateService has no value that means "as a new service": a note, and no difference."""
    world = World()
    world.converge(an_app(a_service(**{field: value})))
    plan = world.plan(an_app(a_service()))
    assert plan.in_sync
    assert any(field in note and "stays" in note for note in only(plan, "service/web").notes)


def test_what_we_never_set_is_never_reset() -> None:
    """Alarms of somebody else are an undeclared change, whatever leaves the files."""
    world = World()
    world.converge(an_app(a_service(deploymentConfiguration={"maximumPercent": 150})))
    live = world.services[NAME].service["deploymentConfiguration"]
    world.edit(NAME, deploymentConfiguration={**live, "alarms": ALARMS})
    world.converge(an_app(a_service()))
    assert world.services[NAME].service["deploymentConfiguration"]["alarms"] == ALARMS


def test_volumes_go_with_every_new_task_definition() -> None:
    """Volumes that are configured at launch must be in the call, declared or not."""
    volumes = [{"name": "v", "managedEBSVolume": {"roleArn": "x", "sizeInGiB": 10}}]
    world = World()
    world.converge(an_app(a_service(volumeConfigurations=volumes)))
    again = only(
        world.plan(an_app(a_service(tag="2", volumeConfigurations=volumes))), "service/web"
    )
    assert again.request.update["volumeConfigurations"] == volumes
    world = World()
    world.converge(an_app(a_service()))
    world.edit(NAME, volumeConfigurations=volumes)
    unsaid = only(world.plan(an_app(a_service(tag="2"))), "service/web")
    assert unsaid.request.update["volumeConfigurations"] == volumes
