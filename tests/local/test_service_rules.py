"""What CreateService and UpdateService refuse or leave alone, on the wire."""

from __future__ import annotations

import pytest

from tests.local.talk import code_of, completed

INVALID = "InvalidParameterException"
CONTAINER = {
    "name": "main",
    "image": "other:1",
    "memory": 16,
    "portMappings": [{"name": "http", "containerPort": 80}],
}
BALANCER = {"targetGroupArn": "blue", "containerName": "main", "containerPort": 80}
ADVANCED = {
    "alternateTargetGroupArn": "green",
    "productionListenerRule": "rule",
    "roleArn": "arn:aws:iam::123456789012:role/lb",
}
CONNECT = {"enabled": True, "namespace": "internal"}


@pytest.fixture
def shop(talk):
    """Return an embedded AWS with two revisions of a simulated definition."""
    talk.define(CONTAINER)
    talk.define(CONTAINER)
    return talk


def update(shop, **fields):
    """UpdateService of `web`; returns the service."""
    return shop.ecs.update_service(cluster="c", service="web", **fields)["service"]


def hook(**fields):
    """Return a deployment configuration with one lifecycle hook."""
    declared = {"lifecycleStages": ["POST_SCALE_UP"], **fields}
    return {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0, "lifecycleHooks": [declared]}


@pytest.mark.parametrize(
    "configuration",
    [
        {"strategy": "BLUE_GREEN"},
        {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1441},
        {"linearConfiguration": {"stepPercent": 10.0}},
        {"strategy": "LINEAR", "canaryConfiguration": {"canaryPercent": 10.0}},
        {"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 2.9}},
        {"strategy": "CANARY", "canaryConfiguration": {"canaryPercent": 100.1}},
        {"strategy": "CANARY", "canaryConfiguration": {"canaryBakeTimeInMinutes": 1441}},
        {"earlySuccessCriteria": {"enable": True, "healthyPercent": 100}},
        {
            "earlySuccessCriteria": {
                "enable": True,
                "healthyPercent": 50,
                "sourceServiceRevisionCleanup": "DEFERRED",
            }
        },
        hook(),
        hook(targetType="AWS_LAMBDA", hookTargetArn="arn:aws:lambda:x"),
        hook(targetType="PAUSE", hookTargetArn="arn:aws:lambda:x"),
        hook(targetType="PAUSE", lifecycleStages=["TEST_TRAFFIC_SHIFT"]),
        hook(targetType="PAUSE", lifecycleStages=["PRE_SCALE_UP", "PRODUCTION_TRAFFIC_SHIFT"]),
        hook(targetType="PAUSE", timeoutConfiguration={"timeoutInMinutes": 20161}),
    ],
)
def test_a_deployment_configuration_must_fit_its_strategy(shop, configuration):
    """Create refuses it and makes nothing; update refuses it and changes nothing."""
    call = {"deploymentConfiguration": configuration}
    assert code_of(shop.create, "f:1", **call) == INVALID
    assert shop.ecs.list_services(cluster="c")["serviceArns"] == []
    before = shop.create("f:1")["deploymentConfiguration"]
    assert code_of(update, shop, **call) == INVALID
    assert shop.service()["deploymentConfiguration"] == before


@pytest.mark.parametrize(
    "configuration",
    [
        {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0},
        {"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 3.0}},
        {"strategy": "CANARY", "canaryConfiguration": {"canaryPercent": 0.1}},
        hook(targetType="PAUSE", timeoutConfiguration={"timeoutInMinutes": 20160}),
        hook(hookTargetArn="arn:aws:lambda:x", roleArn="arn:aws:iam::1:role/x"),
    ],
)
def test_a_fitting_configuration_comes_back_whole(shop, configuration):
    """What was sent is what DescribeServices shows, over ECS's defaults."""
    balancer = {**BALANCER, "advancedConfiguration": ADVANCED}
    shop.create("f:1", loadBalancers=[balancer], deploymentConfiguration=configuration)
    shown = shop.service()["deploymentConfiguration"]
    assert {key: shown[key] for key in configuration} == configuration
    assert shop.service()["loadBalancers"] == [balancer]


def test_shifting_traffic_needs_an_advanced_configuration(shop):
    """A load balancer must name the other target group, the rule and the role."""
    configuration = {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1}
    for missing in ADVANCED:
        advanced = {k: v for k, v in ADVANCED.items() if k != missing}
        if "alternateTargetGroupArn" not in advanced:
            advanced = {}
        balancer = {**BALANCER, **({"advancedConfiguration": advanced} if advanced else {})}
        code = code_of(
            shop.create, "f:1", loadBalancers=[balancer], deploymentConfiguration=configuration
        )
        assert code == INVALID


def test_a_blue_green_service_keeps_its_bake_time(shop):
    """An update that changes something else of the strategy need not repeat it."""
    shop.create("f:1", deploymentConfiguration={"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 7})
    shown = update(
        shop, deploymentConfiguration={"strategy": "BLUE_GREEN", "minimumHealthyPercent": 50}
    )
    assert shown["deploymentConfiguration"]["bakeTimeInMinutes"] == 7


@pytest.mark.parametrize(
    "fields",
    [
        {"taskDefinition": "f:2"},
        {"forceNewDeployment": True},
        {"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["s"]}}},
        {"loadBalancers": [BALANCER]},
        {"platformVersion": "1.4.0"},
    ],
)
@pytest.mark.parametrize("controller", ["CODE_DEPLOY", "EXTERNAL"])
def test_other_controllers_take_no_rollout(shop, controller, fields):
    """UpdateService names the controller; what needs no rollout is taken."""
    shop.create("f:1", deploymentController={"type": controller})
    with pytest.raises(shop.ecs.exceptions.InvalidParameterException, match=controller):
        update(shop, **fields)
    assert update(shop, desiredCount=2)["desiredCount"] == 2
    assert update(shop, propagateTags="SERVICE")["propagateTags"] == "SERVICE"


def test_code_deploy_takes_a_deployment_configuration_and_external_does_not(shop):
    """The one difference in what they take."""
    configuration = {"deploymentConfiguration": {"maximumPercent": 150}}
    shop.create("f:1", deploymentController={"type": "CODE_DEPLOY"})
    shown = update(shop, **configuration)["deploymentConfiguration"]
    assert shown["maximumPercent"] == 150
    shop.create("f:1", name="ext", deploymentController={"type": "EXTERNAL"})
    call = shop.ecs.update_service
    assert code_of(call, cluster="c", service="ext", **configuration) == INVALID


def test_an_external_service_may_have_no_task_definition(shop):
    """It is ACTIVE without deployments; its tasks are task sets, which are not emulated."""
    shop.ecs.create_service(
        cluster="c", serviceName="web", deploymentController={"type": "EXTERNAL"}, desiredCount=1
    )
    shown = shop.service()
    assert (shown["status"], shown["deployments"]) == ("ACTIVE", [])
    assert update(shop, desiredCount=3)["desiredCount"] == 3


def test_the_controller_changes_only_where_nothing_hinders(shop):
    """Away from ECS: not with a circuit breaker; without it, after the deployment, it does."""
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
    shop.create("f:1", deploymentConfiguration=breaker)
    shop.until_service(completed)
    wanted = {"deploymentController": {"type": "CODE_DEPLOY"}}
    with pytest.raises(shop.ecs.exceptions.InvalidParameterException, match="circuit breaker"):
        update(shop, **wanted)
    off = {"deploymentCircuitBreaker": {"enable": False, "rollback": False}}
    update(shop, deploymentConfiguration=off)
    assert update(shop, **wanted)["deploymentController"] == {"type": "CODE_DEPLOY"}


def test_a_daemon_has_no_desired_count(shop):
    """Create and update refuse one."""
    daemon = {"cluster": "c", "taskDefinition": "f:1", "schedulingStrategy": "DAEMON"}
    call = shop.ecs.create_service
    assert code_of(call, serviceName="web", desiredCount=1, **daemon) == INVALID
    call(serviceName="web", **daemon)
    assert code_of(update, shop, desiredCount=1) == INVALID
    configuration = shop.service()["deploymentConfiguration"]
    assert (configuration["maximumPercent"], configuration["minimumHealthyPercent"]) == (100, 0)


@pytest.mark.parametrize(
    ("field", "value", "empty"),
    [
        ("loadBalancers", [BALANCER], []),
        ("serviceRegistries", [{"registryArn": "arn:aws:servicediscovery:x"}], []),
        ("serviceConnectConfiguration", CONNECT, {"enabled": False}),
        (
            "vpcLatticeConfigurations",
            [{"roleArn": "r", "targetGroupArn": "t", "portName": "http"}],
            [],
        ),
    ],
)
def test_empty_removes_and_absent_leaves(shop, field, value, empty):
    """`[]` or a disabled one takes it away with a deployment, once; a request without it changes nothing."""
    shop.create("f:1", **{field: value})
    first = shop.until_service(completed)["deployments"][0]["id"]
    assert update(shop, desiredCount=1)["deployments"][0]["id"] == first
    removed = update(shop, **{field: empty})["deployments"]
    assert removed[0]["id"] != first
    again = update(shop, **{field: empty})["deployments"]
    assert again[0]["id"] == removed[0]["id"]


def test_placement_is_replaced_and_emptied_without_a_deployment(shop):
    """`[]` removes constraints and strategy; the deployment stays."""
    spread = [{"type": "spread", "field": "attribute:ecs.availability-zone"}]
    shop.create("f:1", placementStrategy=spread)
    before = shop.until_service(completed)["deployments"][0]["id"]
    shown = update(shop, placementStrategy=[], placementConstraints=[{"type": "distinctInstance"}])
    assert (shown["placementStrategy"], len(shown["placementConstraints"])) == ([], 1)
    assert shown["deployments"][0]["id"] == before


def test_zone_rebalancing_is_on_for_new_services(shop):
    """ENABLED unless said otherwise; an update without it keeps what there is."""
    assert shop.create("f:1")["availabilityZoneRebalancing"] == "ENABLED"
    assert update(shop, availabilityZoneRebalancing="DISABLED")["availabilityZoneRebalancing"] == (
        "DISABLED"
    )
    assert update(shop, desiredCount=2)["availabilityZoneRebalancing"] == "DISABLED"


def test_create_only_fields_are_refused(shop):
    """A client that sends launchType to UpdateService is told so."""
    import json
    import urllib.error
    import urllib.request

    shop.create("f:1")
    request = urllib.request.Request(  # noqa: S310 - our own endpoint
        shop.aws.endpoint_url,
        json.dumps({"cluster": "c", "service": "web", "launchType": "FARGATE"}).encode(),
        {
            "X-Amz-Target": "AmazonEC2ContainerServiceV20141113.UpdateService",
            "Authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/ap-northeast-1/ecs/aws4_request",
        },
    )
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(request)  # noqa: S310 - as above
    with raised.value as answer:
        assert "launchType cannot be changed" in answer.read().decode()


def test_a_cloudwatch_alarm_rolls_a_deployment_back(shop):
    """The alarm's real state in the emulated CloudWatch decides."""
    cloudwatch = shop.with_alarm("errors")
    alarms = {"alarmNames": ["errors"], "enable": True, "rollback": True}
    shop.create("f:1", deploymentConfiguration={"alarms": alarms})
    shop.until_service(completed)
    cloudwatch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="test")
    update(shop, taskDefinition="f:2")
    service = shop.until_service(lambda s: completed(s) and s["taskDefinition"].endswith("/f:1"))
    found = shop.ecs.describe_service_deployments(
        serviceDeploymentArns=[service["currentServiceDeployment"]]
    )
    deployment = found["serviceDeployments"][0]
    assert deployment["status"] in ("ROLLBACK_IN_PROGRESS", "ROLLBACK_SUCCESSFUL")
    assert deployment["alarms"]["triggeredAlarmNames"] == ["errors"]


def test_a_revision_knows_the_digest_of_its_images(shop):
    """ContainerImages name the digest that the tag had in ECR."""
    shop.aws.images.open_repository("team/shop")
    image = "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/team/shop:7"
    shop.define({**CONTAINER, "image": image}, family="g")
    shop.create("g")
    (arn,) = [r["arn"] for r in shop.service()["currentServiceRevisions"]]
    found = shop.ecs.describe_service_revisions(serviceRevisionArns=[arn])
    (container,) = found["serviceRevisions"][0]["containerImages"]
    assert container["imageDigest"] == shop.aws.images.digest("team/shop", "7")
