"""Service operations as AWS documents them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.local.talk import code_of, completed, eventually, sh

UNMAPPED = {
    "name": "main",
    "image": "other:1",
    "memory": 16,
    "portMappings": [{"containerPort": 80}],
}


@pytest.fixture
def shop(talk):
    """Return an embedded AWS with two revisions of a simulated definition."""
    talk.define(UNMAPPED)
    talk.define({**UNMAPPED, "image": "other:2"})
    return talk


def test_a_service_comes_up(shop):
    """It starts without tasks, gets them, and its first deployment completes."""
    created = shop.create("f:1", count=2, tags=[{"key": "a", "value": "b"}])
    assert (created["runningCount"], created["status"]) == (0, "ACTIVE")
    assert created["taskDefinition"].endswith(":task-definition/f:1")
    service = shop.until_service(completed)
    assert (service["runningCount"], service["pendingCount"]) == (2, 0)
    deployment = service["deployments"][0]
    assert deployment["id"].startswith("ecs-svc/")
    tasks = shop.ecs.list_tasks(cluster="c", serviceName="web")["taskArns"]
    assert {shop.task(t)["startedBy"] for t in tasks} == {deployment["id"]}
    assert {shop.task(t)["group"] for t in tasks} == {"service:web"}
    assert any("steady state" in e["message"] for e in service["events"])


def test_a_second_service_of_a_name_is_refused(shop):
    """Unless clientToken and parameters are the same: then the first one is the answer."""
    first = shop.create("f:1", clientToken="t")
    assert shop.create("f:1", clientToken="t")["serviceArn"] == first["serviceArn"]
    for fields in ({}, {"clientToken": "u"}, {"clientToken": "t", "count": 2}):
        assert code_of(shop.create, "f:1", **fields) == "InvalidParameterException"
    assert len(shop.service()["deployments"]) == 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"name": "bad name"}, "InvalidParameterException"),
        ({"clientToken": "x" * 37}, "InvalidParameterException"),
        ({"definition": "none"}, "ClientException"),
        ({"launchType": "FARGATE"}, "InvalidParameterException"),
        (
            {"loadBalancers": [{"containerName": "none", "containerPort": 80}]},
            "InvalidParameterException",
        ),
        (
            {"loadBalancers": [{"containerName": "main", "containerPort": 81}]},
            "InvalidParameterException",
        ),
    ],
)
def test_create_service_refuses(shop, fields, code):
    """Requests that AWS refuses are refused and create nothing."""
    assert code_of(shop.create, **fields) == code
    assert shop.ecs.list_services(cluster="c")["serviceArns"] == []


def test_a_missing_cluster_is_an_error(shop):
    """Every operation says ClusterNotFoundException."""
    ecs, name = shop.ecs, "ClusterNotFoundException"
    assert code_of(ecs.describe_services, cluster="none", services=["web"]) == name
    assert code_of(ecs.list_services, cluster="none") == name
    assert code_of(ecs.list_tasks, cluster="none") == name
    request = {"serviceName": "web", "taskDefinition": "f"}
    assert code_of(ecs.create_service, cluster="none", **request) == name
    assert ecs.describe_clusters(clusters=["none"])["failures"][0]["reason"] == "MISSING"


def test_declared_fields_are_kept_and_defaults_added(shop):
    """What was passed comes back as it was, and what AWS writes down is written down."""
    network = {"awsvpcConfiguration": {"subnets": ["s-1"], "securityGroups": ["g-1"]}}
    balancer = {"targetGroupArn": "arn:tg", "containerName": "main", "containerPort": 80}
    created = shop.create(
        "f:1",
        networkConfiguration=network,
        loadBalancers=[balancer],
        deploymentConfiguration={"maximumPercent": 150},
        placementStrategy=[{"type": "spread", "field": "attribute:ecs.availability-zone"}],
        enableExecuteCommand=True,
    )
    network["awsvpcConfiguration"]["assignPublicIp"] = "DISABLED"
    assert created["networkConfiguration"] == network
    assert created["loadBalancers"] == [balancer]
    assert created["deploymentConfiguration"]["maximumPercent"] == 150
    assert created["deploymentConfiguration"]["minimumHealthyPercent"] == 100
    assert created["deploymentConfiguration"]["deploymentCircuitBreaker"]["enable"] is False
    assert created["healthCheckGracePeriodSeconds"] == 0
    assert created["enableExecuteCommand"] is True
    assert created["schedulingStrategy"] == "REPLICA"
    assert created["propagateTags"] == "NONE"
    assert created["deploymentController"] == {"type": "ECS"}


def test_updates_that_change_no_task_start_no_deployment(shop):
    """desiredCount, deploymentConfiguration and the same task definition keep the deployment."""
    shop.create("f:1", deploymentConfiguration={"maximumPercent": 150})
    before = shop.until_service(completed)["deployments"][0]["id"]
    updated = shop.ecs.update_service(
        cluster="c",
        service="web",
        taskDefinition="f:1",
        desiredCount=3,
        deploymentConfiguration={"minimumHealthyPercent": 50},
        healthCheckGracePeriodSeconds=9,
    )["service"]
    assert [d["id"] for d in updated["deployments"]] == [before]
    assert updated["deploymentConfiguration"]["maximumPercent"] == 150
    assert updated["deploymentConfiguration"]["minimumHealthyPercent"] == 50
    assert shop.until_service(lambda s: s["runningCount"] == 3)["desiredCount"] == 3


@pytest.mark.parametrize(
    "fields",
    [
        {"taskDefinition": "f:2"},
        {"forceNewDeployment": True},
        {"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["s-2"]}}},
        {"loadBalancers": [{"targetGroupArn": "x", "containerName": "main", "containerPort": 80}]},
    ],
)
def test_an_update_that_changes_tasks_starts_one_deployment(shop, fields):
    """The new one is PRIMARY, the old one ACTIVE until its tasks are gone."""
    shop.create("f:1")
    before = shop.until_service(completed)["deployments"][0]["id"]
    updated = shop.ecs.update_service(cluster="c", service="web", **fields)["service"]
    assert [d["status"] for d in updated["deployments"]] == ["PRIMARY", "ACTIVE"]
    assert updated["deployments"][1]["id"] == before
    after = shop.until_service(completed)["deployments"][0]["id"]
    assert after == updated["deployments"][0]["id"]
    assert after != before


def test_capacity_providers_replace_the_launch_type(shop):
    """An empty list returns to the launch type."""
    shop.create("f:1", launchType="EC2")
    strategy = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    update = shop.ecs.update_service
    changed = update(cluster="c", service="web", capacityProviderStrategy=strategy)["service"]
    assert "launchType" not in changed
    assert changed["capacityProviderStrategy"] == [
        {"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}
    ]
    back = update(cluster="c", service="web", capacityProviderStrategy=[])["service"]
    assert "capacityProviderStrategy" not in back
    assert back["launchType"] == "EC2"


SPOT = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]


@pytest.mark.parametrize(
    ("created", "back"),
    [
        ({"launchType": "FARGATE"}, "FARGATE"),
        ({"capacityProviderStrategy": SPOT}, "FARGATE"),
        ({"launchType": "EC2"}, "EC2"),
    ],
)
def test_a_service_goes_back_to_the_launch_type_that_it_had(shop, created, back):
    """Over two changes of strategy; one that never had a launch type runs where its providers are."""
    sizes = {"networkMode": "awsvpc", "cpu": "256", "memory": "512"}
    shop.define(UNMAPPED, family="g", requiresCompatibilities=["FARGATE", "EC2"], **sizes)
    network = {"awsvpcConfiguration": {"subnets": ["subnet-0aaa"]}}
    shop.create("g:1", networkConfiguration=network, **created)
    for strategy in (SPOT, [{"capacityProvider": "FARGATE", "weight": 1}], []):
        changed = shop.ecs.update_service(
            cluster="c", service="web", capacityProviderStrategy=strategy, forceNewDeployment=True
        )["service"]
    assert changed["launchType"] == back


def test_deleting_drains_then_leaves_a_ghost(shop):
    """Scaled up it needs force; DRAINING is unlisted, not updatable and blocks its name; then INACTIVE."""
    shop.define(sh("trap '' TERM; while :; do sleep 0.02; done", stopTimeout=60), family="slow")
    shop.create("slow")
    shop.until_service(lambda s: s["runningCount"] == 1)
    delete, update = shop.ecs.delete_service, shop.ecs.update_service
    assert code_of(delete, cluster="c", service="web") == "InvalidParameterException"
    assert delete(cluster="c", service="web", force=True)["service"]["status"] == "DRAINING"
    assert shop.ecs.list_services(cluster="c")["serviceArns"] == []
    assert (
        code_of(update, cluster="c", service="web", desiredCount=1) == "ServiceNotActiveException"
    )
    assert code_of(shop.create) == "InvalidParameterException"
    eventually(shop.aws.engine.tasks, lambda ts: ts[0].containers[0].kill_at is not None)
    shop.aws.clock.advance(timedelta(seconds=60))
    ghost = shop.until_service(lambda s: s["status"] == "INACTIVE")
    assert ghost["deployments"] == []
    assert (
        code_of(update, cluster="c", service="web", desiredCount=1) == "ServiceNotActiveException"
    )
    assert shop.create()["status"] == "ACTIVE"


def test_an_inactive_service_is_purged_in_time(shop):
    """After a while it is MISSING."""
    shop.create(count=0)
    shop.ecs.delete_service(cluster="c", service="web")
    shop.until_service(lambda s: s["status"] == "INACTIVE")
    shop.aws.clock.advance(timedelta(hours=1))
    answer = eventually(
        lambda: shop.ecs.describe_services(cluster="c", services=["web"]), lambda a: a["failures"]
    )
    assert answer["failures"][0]["reason"] == "MISSING"


def test_describe_services_takes_at_most_ten(shop):
    """Eleven or none are refused, unknown ones are MISSING."""
    describe = shop.ecs.describe_services
    assert code_of(describe, cluster="c", services=["x"] * 11) == "InvalidParameterException"
    assert code_of(describe, cluster="c", services=[]) == "InvalidParameterException"
    answer = describe(cluster="c", services=["x"] * 10)
    assert [f["reason"] for f in answer["failures"]] == ["MISSING"] * 10


def test_list_services_gives_ten_a_page(shop):
    """The default page size is ten, and the token leads to the rest."""
    for n in range(11):
        shop.create(name=f"s{n}", count=0)
    first = shop.ecs.list_services(cluster="c")
    assert len(first["serviceArns"]) == 10
    rest = shop.ecs.list_services(cluster="c", nextToken=first["nextToken"])
    assert len(rest["serviceArns"]) == 1
    assert "nextToken" not in rest
    assert len(shop.ecs.list_services(cluster="c", maxResults=100)["serviceArns"]) == 11
    assert (
        code_of(shop.ecs.list_services, cluster="c", maxResults=101) == "InvalidParameterException"
    )


def test_tags_only_when_asked(shop):
    """Describe shows tags with include TAGS; TagResource replaces, UntagResource removes."""
    arn = shop.create(tags=[{"key": "a", "value": "1"}, {"key": "b", "value": "1"}])["serviceArn"]
    assert "tags" not in shop.service()
    shop.ecs.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "2"}])
    shop.ecs.untag_resource(resourceArn=arn, tagKeys=["b"])
    described = shop.ecs.describe_services(cluster="c", services=["web"], include=["TAGS"])
    assert described["services"][0]["tags"] == [{"key": "a", "value": "2"}]
    assert shop.ecs.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "a", "value": "2"}]
    assert code_of(shop.ecs.tag_resource, resourceArn=arn, tags=[]) == "InvalidParameterException"
    assert (
        code_of(shop.ecs.list_tags_for_resource, resourceArn=arn + "x")
        == "InvalidParameterException"
    )


def test_tags_are_propagated_to_tasks(shop):
    """PropagateTags SERVICE puts the service's tags on its tasks."""
    shop.create(propagateTags="SERVICE", tags=[{"key": "a", "value": "1"}])
    shop.until_service(completed)
    arn = shop.ecs.list_tasks(cluster="c", serviceName="web")["taskArns"][0]
    task = shop.ecs.describe_tasks(cluster="c", tasks=[arn], include=["TAGS"])["tasks"][0]
    assert task["tags"] == [{"key": "a", "value": "1"}]


def test_updating_what_does_not_exist(shop):
    """ServiceNotFoundException."""
    for call in (shop.ecs.update_service, shop.ecs.delete_service):
        assert code_of(call, cluster="c", service="none") == "ServiceNotFoundException"


def test_a_cluster_with_services_is_not_deleted(shop):
    """ClusterContainsServicesException while one is not INACTIVE."""
    shop.create(count=0)
    assert code_of(shop.ecs.delete_cluster, cluster="c") == "ClusterContainsServicesException"
    shop.ecs.delete_service(cluster="c", service="web")
    shop.until_service(lambda s: s["status"] == "INACTIVE")
    assert shop.ecs.delete_cluster(cluster="c")["cluster"]["status"] == "INACTIVE"
    assert code_of(shop.ecs.list_services, cluster="c") == "ClusterNotFoundException"


def test_the_history_of_deployments(shop):
    """ListServiceDeployments shows the newest first, with what became of it."""
    shop.create("f:1")
    shop.until_service(completed)
    shop.ecs.update_service(cluster="c", service="web", taskDefinition="f:2")
    shop.until_service(completed)
    listed = shop.ecs.list_service_deployments(cluster="c", service="web")["serviceDeployments"]
    assert [d["status"] for d in listed] == ["SUCCESSFUL", "SUCCESSFUL"]
    arn = listed[0]["serviceDeploymentArn"]
    assert shop.service()["currentServiceDeployment"] == arn
    described = shop.ecs.describe_service_deployments(serviceDeploymentArns=[arn, arn + "x"])
    revision = described["serviceDeployments"][0]["targetServiceRevision"]["arn"]
    assert revision.endswith(shop.service()["deployments"][0]["id"].removeprefix("ecs-svc/"))
    assert len(described["failures"]) == 1
