"""Service deployments and revisions on a virtual clock: statuses, stages, hooks, alarms, rollback."""

from __future__ import annotations

from datetime import timedelta

import pytest

from reconciler.local.ecs.errors import EcsError
from reconciler.local.times import Times
from tests.local.test_rollout import BREAKER, Cluster

TIMES = Times(bake_scale=1.0)
ADVANCED = {
    "alternateTargetGroupArn": "tg-green",
    "productionListenerRule": "rule",
    "roleArn": "role",
}
BLUE_GREEN = {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5}
AFTER_SCALE_UP = [
    "POST_SCALE_UP",
    "TEST_TRAFFIC_SHIFT",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRE_PRODUCTION_TRAFFIC_SHIFT",
    "PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
    "BAKE_TIME",
    "CLEAN_UP",
]


class Service(Cluster):
    """One service and its newest service deployment."""

    def __init__(self):
        super().__init__(TIMES)
        self.stages = []

    def shown(self):
        return self.call("DescribeServices", cluster="c", services=["web"])["services"][0]

    def current(self):
        arn = self.shown()["currentServiceDeployment"]
        found = self.call("DescribeServiceDeployments", serviceDeploymentArns=[arn])
        return found["serviceDeployments"][0]

    def listed(self, **fields):
        found = self.call("ListServiceDeployments", cluster="c", service="web", **fields)
        return [d["status"] for d in found["serviceDeployments"]]

    def tick(self):
        super().tick()
        for newest in self.service.service_deployments[:1]:
            if newest.stage and self.stages[-1:] != [newest.stage]:
                self.stages.append(newest.stage)

    def wait(self, ticks):
        """Let some ticks pass."""
        for _ in range(ticks):
            self.tick()

    def until_status(self, *statuses):
        self.until(lambda: self.current()["status"] in statuses)
        return self.current()

    def until_stage(self, stage):
        self.until(lambda: self.current().get("lifecycleStage") == stage)
        return self.current()

    def refused(self, operation, **params):
        with pytest.raises(EcsError) as raised:
            self.call(operation, **params)
        return raised.value.code

    def pass_time(self, **duration):
        self.clock.moment += timedelta(**duration)

    def by_revision(self):
        counts = {}
        for task in self.tasks("RUNNING"):
            revision = task.definition.revision
            counts[revision] = counts.get(revision, 0) + 1
        return counts


@pytest.fixture
def service():
    """Return a world with an empty cluster."""
    return Service()


def deploy(service, image="good:2", **configuration):
    """Create a service of two tasks, let it settle, and start a deployment of another revision."""
    service.create("good:1", 2, **configuration)
    service.until(lambda: service.by_revision() == {1: 2})
    service.tick()
    if "alarms" in configuration:
        service.wait(20)
        service.pass_time(minutes=10)
    service.settle()
    service.update(taskDefinition=service.define(image))


# --- rolling -------------------------------------------------------------------------------------


def test_a_rolling_deployment_goes_from_pending_to_successful(service):
    """With the times, the source and target revisions and the monitors that are off."""
    deploy(service)
    pending = service.current()
    assert pending["status"] == "PENDING"
    assert service.until_status("IN_PROGRESS")["startedAt"] >= pending["createdAt"]
    done = service.until_status("SUCCESSFUL")
    assert done["finishedAt"] >= done["startedAt"]
    assert "lifecycleStage" not in done
    assert done["alarms"]["status"] == done["deploymentCircuitBreaker"]["status"] == "DISABLED"
    deployments = service.shown()["deployments"]
    number = deployments[0]["id"].removeprefix("ecs-svc/")
    assert done["targetServiceRevision"]["arn"].endswith(f"/web/{number}")
    assert len(done["sourceServiceRevisions"]) == 1
    revisions = service.shown()["currentServiceRevisions"]
    assert [r["arn"] for r in revisions] == [done["targetServiceRevision"]["arn"]]
    assert service.listed() == ["SUCCESSFUL", "SUCCESSFUL"]
    assert service.listed(status=["IN_PROGRESS"]) == []


def test_a_newer_deployment_stops_the_one_under_way(service):
    """STOP_REQUESTED, then STOPPED with a time; only the newest succeeds."""
    deploy(service)
    service.until_status("IN_PROGRESS")
    service.update(taskDefinition=service.define("good:3"))
    assert service.listed()[:2] == ["PENDING", "STOP_REQUESTED"]
    service.until_status("SUCCESSFUL")
    assert service.listed() == ["SUCCESSFUL", "STOPPED", "SUCCESSFUL"]
    assert service.service.service_deployments[1].stopped_at


def test_the_breaker_rolls_the_service_deployment_back(service):
    """The same service deployment ends ROLLBACK_SUCCESSFUL and says which revision runs now."""
    deploy(service, "bad:2", **BREAKER)
    before = service.current()
    rolling_back = service.until_status("ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS")
    assert rolling_back["deploymentCircuitBreaker"]["status"] == "TRIGGERED"
    assert rolling_back["deploymentCircuitBreaker"]["threshold"] == 3
    done = service.until_status("ROLLBACK_SUCCESSFUL")
    assert done["serviceDeploymentArn"] == before["serviceDeploymentArn"]
    source = before["sourceServiceRevisions"][0]["arn"]
    assert done["rollback"]["serviceRevisionArn"] == source
    assert [r["arn"] for r in service.shown()["currentServiceRevisions"]] == [source]
    assert service.listed() == ["ROLLBACK_SUCCESSFUL", "SUCCESSFUL"]
    assert service.image() == "good:1"


def test_without_rollback_a_failed_deployment_is_stopped(service):
    """The breaker without rollback: STOPPED with the reason, and a time."""
    deploy(service, "bad:2", deploymentCircuitBreaker={"enable": True, "rollback": False})
    done = service.until_status("STOPPED")
    assert "tasks failed to start" in done["statusReason"]
    assert done["stoppedAt"]


def test_a_first_deployment_cannot_be_rolled_back(service):
    """With the breaker it is ROLLBACK_FAILED; before that, stopping it is a conflict."""
    service.create("bad:1", 2, **BREAKER)
    arn = service.current()["serviceDeploymentArn"]
    assert service.refused("StopServiceDeployment", serviceDeploymentArn=arn) == (
        "ConflictException"
    )
    service.until_status("ROLLBACK_FAILED")


def test_a_person_can_stop_a_deployment(service):
    """It rolls back although nothing is configured; ended ones conflict, unknown ones are not found."""
    deploy(service)
    service.until_status("IN_PROGRESS")
    arn = service.current()["serviceDeploymentArn"]
    stop = {"operation": "StopServiceDeployment", "serviceDeploymentArn": arn}
    assert service.refused(**stop, stopType="ABORT") == "InvalidParameterException"
    assert service.call(**stop, stopType="ROLLBACK") == {"serviceDeploymentArn": arn}
    assert service.call(**stop) == {"serviceDeploymentArn": arn}
    done = service.until_status("ROLLBACK_SUCCESSFUL")
    assert "stopped by the user" in done["statusReason"]
    assert service.image() == "good:1"
    assert service.refused(**stop) == "ConflictException"
    missing = "ServiceDeploymentNotFoundException"
    assert service.refused("StopServiceDeployment", serviceDeploymentArn=arn + "x") == missing


def test_an_alarm_rolls_back(service):
    """One alarm in ALARM while the deployment is under way; its name is shown as triggered."""
    alarms = {"alarmNames": ["errors", "latency"], "enable": True, "rollback": True}
    deploy(service, alarms=alarms, bakeTimeInMinutes=10)
    service.wait(200)
    baking = service.current()
    assert (baking["status"], baking["alarms"]["status"]) == ("IN_PROGRESS", "MONITORING")
    assert service.by_revision() == {2: 2}
    service.world.alarms_in_alarm = lambda scope, names: [n for n in names if n == "latency"]
    done = service.until_status("ROLLBACK_SUCCESSFUL")
    assert done["alarms"]["triggeredAlarmNames"] == ["latency"]
    assert done["alarms"]["status"] == "TRIGGERED"
    assert service.image() == "good:1"


def test_a_rolling_update_with_alarms_bakes(service):
    """It completes only when the bake time is over."""
    alarms = {"alarmNames": ["errors"], "enable": True, "rollback": True}
    deploy(service, alarms=alarms, bakeTimeInMinutes=10)
    service.wait(200)
    assert service.current()["status"] == "IN_PROGRESS"
    service.pass_time(minutes=10)
    assert service.until_status("SUCCESSFUL")["alarms"]["status"] == "MONITORING_COMPLETE"


# --- stages --------------------------------------------------------------------------------------


def test_blue_green_goes_through_every_stage(service):
    """Both revisions run until the bake time is over; then blue goes and the deployment completes."""
    deploy(service, **BLUE_GREEN)
    service.until_stage("BAKE_TIME")
    baking = service.current()
    assert service.by_revision() == {1: 2, 2: 2}
    assert baking["targetServiceRevision"]["requestedProductionTrafficWeight"] == 100.0
    assert baking["sourceServiceRevisions"][0]["requestedProductionTrafficWeight"] == 0.0
    service.wait(100)
    assert service.current()["lifecycleStage"] == "BAKE_TIME"
    service.pass_time(minutes=5)
    service.until_status("SUCCESSFUL")
    assert service.stages == ["PRE_SCALE_UP", "SCALE_UP", *AFTER_SCALE_UP]
    assert service.by_revision() == {2: 2}
    assert service.states() == ["COMPLETED"]


def test_the_first_deployment_has_no_stages(service):
    """There is nothing to shift from."""
    service.create("good:1", 2, **BLUE_GREEN)
    assert service.until_status("SUCCESSFUL")
    assert service.stages == []


def test_a_pause_hook_waits_for_a_person(service):
    """AWAITING_ACTION with an id; CONTINUE goes on, an unknown id or a second one is refused."""
    hook = {"targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP"]}
    deploy(service, **BLUE_GREEN, lifecycleHooks=[hook])
    paused = service.until_stage("POST_SCALE_UP")
    service.wait(100)
    paused = service.current()
    (detail,) = paused["lifecycleHookDetails"]
    assert (detail["status"], detail["timeoutAction"]) == ("AWAITING_ACTION", "ROLLBACK")
    assert paused["lifecycleStage"] == "POST_SCALE_UP"
    request = {
        "operation": "ContinueServiceDeployment",
        "serviceDeploymentArn": paused["serviceDeploymentArn"],
    }
    assert service.refused(**request, hookId="none") == "InvalidParameterException"
    service.call(**request, hookId=detail["hookId"])
    service.until_stage("BAKE_TIME")
    assert service.refused(**request) == "InvalidParameterException"
    assert service.current()["lifecycleHookDetails"][0]["status"] == "SUCCEEDED"


@pytest.mark.parametrize("how", ["person", "timeout", "stop"])
def test_a_paused_deployment_can_be_rolled_back(service, how):
    """By the hook's action, its timeout or StopServiceDeployment: blue never lost a task."""
    timeout = {"timeoutInMinutes": 30}
    hook = {
        "targetType": "PAUSE",
        "lifecycleStages": ["POST_PRODUCTION_TRAFFIC_SHIFT"],
        "timeoutConfiguration": timeout,
    }
    deploy(service, **BLUE_GREEN, lifecycleHooks=[hook])
    blue = {t.id for t in service.tasks()}
    paused = service.until_stage("POST_PRODUCTION_TRAFFIC_SHIFT")
    arn = paused["serviceDeploymentArn"]
    if how == "person":
        service.call("ContinueServiceDeployment", serviceDeploymentArn=arn, action="ROLLBACK")
    elif how == "stop":
        service.call("StopServiceDeployment", serviceDeploymentArn=arn)
    else:
        service.pass_time(minutes=30)
    done = service.until_status("ROLLBACK_SUCCESSFUL")
    assert {t.id for t in service.tasks("RUNNING")} == blue
    assert service.image() == "good:1"
    assert done["targetServiceRevision"]["requestedProductionTrafficWeight"] == 0.0
    assert service.states() == ["COMPLETED"]


def test_a_timeout_can_go_on(service):
    """A hook with the timeout action CONTINUE."""
    timeout = {"timeoutInMinutes": 30, "action": "CONTINUE"}
    hook = {
        "targetType": "PAUSE",
        "lifecycleStages": ["PRE_SCALE_UP"],
        "timeoutConfiguration": timeout,
    }
    deploy(service, **BLUE_GREEN, lifecycleHooks=[hook])
    service.until_stage("PRE_SCALE_UP")
    assert service.by_revision() == {1: 2}
    service.pass_time(minutes=30)
    service.until_stage("BAKE_TIME")
    assert service.current()["lifecycleHookDetails"][0]["status"] == "TIMED_OUT"


def test_canary_shifts_a_part_first(service):
    """First canaryPercent for the canary's bake time, then all of the traffic."""
    canary = {"canaryPercent": 20.0, "canaryBakeTimeInMinutes": 15}
    deploy(service, strategy="CANARY", canaryConfiguration=canary)
    service.until_stage("PRODUCTION_TRAFFIC_SHIFT")
    service.wait(50)
    weight = "requestedProductionTrafficWeight"
    assert service.current()["targetServiceRevision"][weight] == 20.0
    assert service.current()["sourceServiceRevisions"][0][weight] == 80.0
    service.pass_time(minutes=15)
    assert service.until_status("SUCCESSFUL")["targetServiceRevision"][weight] == 100.0


def test_linear_shifts_step_by_step(service):
    """Steps of stepPercent with a pause between them, and none after the last."""
    linear = {"stepPercent": 40.0, "stepBakeTimeInMinutes": 6}
    deploy(service, strategy="LINEAR", linearConfiguration=linear)
    service.until_stage("PRODUCTION_TRAFFIC_SHIFT")
    seen = []
    for _ in range(3):
        service.wait(20)
        weights = service.current()["targetServiceRevision"]
        seen.append(weights["requestedProductionTrafficWeight"])
        service.pass_time(minutes=6)
    assert seen == [40.0, 80.0, 100.0]
    service.until_status("SUCCESSFUL")


def test_a_hook_before_the_shift_is_asked_before_every_step(service):
    """PRE_PRODUCTION_TRAFFIC_SHIFT of a linear deployment: one hook for each step."""
    linear = {"stepPercent": 50.0, "stepBakeTimeInMinutes": 0}
    hook = {"targetType": "PAUSE", "lifecycleStages": ["PRE_PRODUCTION_TRAFFIC_SHIFT"]}
    deploy(service, strategy="LINEAR", linearConfiguration=linear, lifecycleHooks=[hook])
    weights = []
    for asked in (1, 2):
        service.until(lambda n=asked: len(service.service.service_deployments[0].hooks) == n)
        current = service.current()
        assert current["lifecycleStage"] == "PRODUCTION_TRAFFIC_SHIFT"
        weights.append(current["targetServiceRevision"]["requestedProductionTrafficWeight"])
        service.call(
            "ContinueServiceDeployment", serviceDeploymentArn=current["serviceDeploymentArn"]
        )
    assert weights == [0.0, 50.0]
    service.until_status("SUCCESSFUL")


def test_green_tasks_that_fail_trip_the_breaker(service):
    """Blue is PRIMARY again, untouched."""
    deploy(service, "bad:2", **BLUE_GREEN, **BREAKER)
    service.until_status("ROLLBACK_SUCCESSFUL")
    assert service.by_revision() == {1: 2}
    assert "BAKE_TIME" not in service.stages


def test_a_deployment_over_an_unfinished_one_is_reconciled_first(service):
    """RECONCILE_SERVICE removes the tasks of the superseded revision; blue keeps the traffic."""
    deploy(service, **BLUE_GREEN)
    service.until_stage("BAKE_TIME")
    service.update(taskDefinition=service.define("good:3"))
    service.stages.clear()
    service.until_stage("BAKE_TIME")
    assert service.stages[:3] == ["RECONCILE_SERVICE", "PRE_SCALE_UP", "SCALE_UP"]
    assert service.by_revision() == {1: 2, 3: 2}
    service.pass_time(minutes=5)
    service.until_status("SUCCESSFUL")
    assert service.by_revision() == {3: 2}


def test_a_dead_blue_task_is_replaced_while_baking(service):
    """Both revisions are kept at their number."""
    deploy(service, **BLUE_GREEN)
    service.until_stage("BAKE_TIME")
    for task in service.tasks():
        if task.definition.revision == 1:
            task.request_stop("UserInitiated", "test")
            break
    service.until(lambda: service.by_revision() == {1: 2, 2: 2} and len(service.tasks()) == 4)


# --- revisions -----------------------------------------------------------------------------------


def test_a_revision_holds_what_a_service_does_not_show(service):
    """Such as monitoring and gatewayConnectors; a change of them makes a new revision."""
    monitoring = {
        "metricConfigurations": [{"metricNames": ["CPUUtilization"], "resolutionSeconds": 20}]
    }
    service.create("good:1", 1)
    service.settle()
    service.update(monitoring=monitoring)
    service.settle()
    shown = service.shown()
    assert "monitoring" not in shown
    assert "monitoring" not in shown["deployments"][0]
    arns = [r["arn"] for r in shown["currentServiceRevisions"]]
    found = service.call("DescribeServiceRevisions", serviceRevisionArns=[*arns, "arn:x"])
    (revision,) = found["serviceRevisions"]
    assert revision["monitoring"] == monitoring
    assert revision["taskDefinition"].endswith("/f:1")
    assert revision["containerImages"] == [{"containerName": "main", "image": "good:1"}]
    assert found["failures"] == [{"arn": "arn:x", "reason": "MISSING"}]
    before = service.shown()["deployments"][0]["id"]
    service.update(monitoring=monitoring)
    assert service.shown()["deployments"][0]["id"] == before


@pytest.mark.parametrize("operation", ["DescribeServiceDeployments", "DescribeServiceRevisions"])
def test_at_most_twenty_are_described(service, operation):
    """None and twenty-one are refused."""
    name = operation.removeprefix("DescribeS")[:-1]
    for count in (0, 21):
        params = {f"s{name}Arns": ["arn:x"] * count}
        assert service.refused(operation, **params) == "InvalidParameterException"


def test_history_is_gone_with_the_service(service):
    """A deleted service has no service deployments any more."""
    service.create("good:1", 0)
    service.settle()
    service.call("DeleteService", cluster="c", service="web")
    service.until(lambda: service.service.status == "INACTIVE")
    assert service.listed() == []
