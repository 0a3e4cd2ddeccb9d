"""Preflight of load balancers, listener rules, environment files and keys: what each verdict is about."""

from __future__ import annotations

import pytest

from reconciler.model.finding import CheckState
from tests.resources.account import service
from tests.resources.everything import ACCOUNT, BALANCING, KEY, KEY_ARN, REGION, TARGET_GROUP

OK, WARNING, FAILED, UNSEEN = CheckState
GREEN = f"{BALANCING}:targetgroup/green/0123456789abcdef"
PRODUCTION, TEST = (
    f"{BALANCING}:listener-rule/app/shop/1/2/3",
    f"{BALANCING}:listener-rule/app/shop/1/2/4",
)
LISTENER = f"{BALANCING}:listener/net/shop/1/2"
RULES = "listener rules of target group web"


def shifting(strategy: str = "BLUE_GREEN", **advanced):
    """Return a service whose deployments shift traffic between two target groups."""
    balancer = {
        "targetGroupArn": TARGET_GROUP,
        "containerName": "app",
        "containerPort": 80,
        "advancedConfiguration": {
            "alternateTargetGroupArn": GREEN,
            "productionListenerRule": PRODUCTION,
            **advanced,
        },
    }
    fields = {"loadBalancers": [balancer], "deploymentConfiguration": {"strategy": strategy}}
    return service("web", fields=fields)


@pytest.mark.parametrize("strategy", ["BLUE_GREEN", "LINEAR", "CANARY"])
def test_a_rule_that_leads_to_both_target_groups_is_enough(place, strategy):
    """Without a test rule production must know both; then every strategy that shifts traffic can begin."""
    assert place.look(shifting(strategy))[RULES].state is OK


def test_two_rules_may_share_the_target_groups(place):
    """The test rule may be the one that leads to the alternate group."""
    place.around.forwards = {"3": {"web": 1}, "4": {"green": 1}}

    assert place.look(shifting())[RULES].state is FAILED
    assert place.look(shifting(testListenerRule=TEST))[RULES].state is OK


@pytest.mark.parametrize(
    ("advanced", "forwards", "message"),
    [
        ({"productionListenerRule": f"{BALANCING}:listener/app/shop/1/2"}, {}, "ECS wants a rule"),
        ({"productionListenerRule": TARGET_GROUP}, {}, "neither a listener rule nor a listener"),
        ({"testListenerRule": PRODUCTION}, {}, "for production and for test traffic"),
        ({}, {"3": {"web": 1}}, f"productionListenerRule does not lead to {GREEN}"),
        ({"testListenerRule": TEST}, {"3": {"web": 1}, "4": {"web": 1}}, f"do not lead to {GREEN}"),
        ({}, {"3": {"web": 0, "green": 0, "other": 1}}, "targetgroup/other/0123456789abcdef, which"),
        ({"productionListenerRule": LISTENER}, {"2": {"green": 1}}, f"does not lead to {TARGET_GROUP}"),
    ],
)  # fmt: skip
def test_what_ecs_would_roll_back_is_told_before(place, advanced, forwards, message):
    """Each mistake of the rules has its message; the deployment would fail after tasks were started."""
    place.around.forwards = forwards

    found = place.look(shifting(**advanced))[RULES]

    assert found.state is FAILED
    assert message in found.message


@pytest.mark.parametrize(
    ("missing", "field", "arn"),
    [
        ("3", "productionListenerRule", PRODUCTION),
        ("4", "testListenerRule", TEST),
        ("2", "productionListenerRule", LISTENER),
    ],
)
def test_a_rule_that_is_not_there_is_named(place, missing, field, arn):
    """Rules of Application and listeners of Network Load Balancers alike."""
    place.around.missing.add(missing)

    found = place.look(shifting(**{field: arn}))[RULES]

    assert (found.state, found.message) == (FAILED, f"there is no {field} {arn}")


def test_rules_that_are_not_used_yet_stop_nothing(place):
    """A service that rolls in place may name them for later: a mistake there is a warning."""
    place.around.missing.add("3")

    assert place.look(shifting("ROLLING"))[RULES].state is WARNING


def test_two_target_groups_with_traffic_are_a_warning(place):
    """So it is during a shift, which ends by itself; a deployment that begins then is rolled back."""
    place.around.forwards = {"3": {"web": 50, "green": 50}}

    found = place.look(shifting())[RULES]

    assert found.state is WARNING
    assert "two target groups have traffic" in found.message


CLASSIC = "load balancer shop-classic"


def behind(mode: str = "bridge", **mapping):
    """Return a service behind a Classic Load Balancer."""
    balancer = {"loadBalancerName": "shop-classic", "containerName": "app", "containerPort": 80}
    container = {"name": "app", "image": "x:1", "portMappings": [{"containerPort": 80, **mapping}]}
    document = {"networkMode": mode, "containerDefinitions": [container]}
    return service("classic", fields={"loadBalancers": [balancer]}, task_definition=document)


@pytest.mark.parametrize(
    ("scope", "state", "message"),
    [
        (behind(hostPort=80), OK, "sends to port 80"),
        (behind("host"), OK, "sends to port 80"),
        (behind(hostPort=8080), WARNING, "none of its listeners sends to port 8080"),
        (behind(), WARNING, "app:80 has no hostPort"),
        (behind("awsvpc"), FAILED, "tasks with networkMode awsvpc need a target group"),
    ],
)
def test_a_classic_load_balancer_must_reach_the_tasks(place, scope, state, message):
    """It knows instances and their fixed ports; tasks with addresses of their own are out of its reach."""
    found = place.look(scope)[CLASSIC]

    assert found.state is state
    assert message in found.message


def test_a_classic_load_balancer_and_a_target_group_exclude_each_other(place):
    """ECS refuses an entry with both, so nobody needs to be asked."""
    balancer = {"loadBalancerName": "shop-classic", "targetGroupArn": TARGET_GROUP}

    found = place.look(service("classic", fields={"loadBalancers": [balancer]}))

    assert found[CLASSIC].state is FAILED


def reading(value: str, role: str = "shop-execution"):
    """Return a service with an environment file."""
    files = [{"type": "s3", "value": value}]
    container = {"name": "app", "image": "x:1", "environmentFiles": files}
    document = {"containerDefinitions": [container], "executionRoleArn": role}
    return service("web", task_definition=document)


FILE = "environment file config/shop/rails.env"


def test_a_file_is_the_key_itself(place):
    """A key that merely begins with the declared one is another file."""
    place.around.missing.add("shop/rails.env")

    assert place.look()[FILE].state is FAILED


def test_the_content_of_a_file_is_never_asked_for(place):
    """One listing tells that it is there: no call could bring a variable of it here."""
    place.look(reading("arn:aws:s3:::config/shop/rails.env"))

    asked = [operation for service, operation, _ in place.transport.calls if service == "s3"]
    assert asked == ["ListObjectsV2"]


@pytest.mark.parametrize(
    ("value", "state", "message"),
    [
        ("arn:aws:s3:::config/shop", WARNING, "does not end in .env"),
        ("arn:aws:s3:::config", FAILED, "is not the ARN of an object"),
        ("s3://config/shop.env", FAILED, "is not the ARN of an object"),
    ],
)
def test_the_name_of_a_file_is_looked_at(place, value, state, message):
    """ECS wants the ARN of an object that ends in `.env`."""
    found = place.look(reading(value))

    [about] = [f for name, f in found.items() if name.startswith("environment file ")]
    assert about.state is state
    assert message in about.message


def test_files_need_an_execution_role(place):
    """It is what reads them, on every launch type."""
    found = place.look(reading("arn:aws:s3:::config/shop.env", role=""))

    assert found["environment files of service/web"].state is FAILED


def test_a_role_that_may_not_read_a_file_is_said(place):
    """A policy of the bucket may still allow it, so it is a warning as with secrets."""
    place.around.refused.add("arn:aws:s3:::config/shop/rails.env")

    found = place.look()["environment files for shop-execution"]

    assert found.state is WARNING
    assert "s3:GetObject" in found.message


@pytest.mark.parametrize(
    ("difference", "message"),
    [
        ({"KeyState": "PendingDeletion"}, "it is PendingDeletion"),
        ({"KeyState": "Disabled"}, "it is Disabled"),
        ({"KeySpec": "RSA_2048"}, "need a symmetric key"),
    ],
)
def test_a_key_must_be_usable(place, difference, message):
    """A volume with another one fails after its task was accepted."""
    place.around.keys[KEY_ARN] = difference

    found = place.look()[f"KMS key {KEY}"]

    assert found.state is FAILED
    assert message in found.message


def test_keys_of_service_connect_are_looked_at(place):
    """TLS of Service Connect names a key, by alias as well."""
    connect = {"enabled": True, "services": [{"portName": "http", "tls": {"kmsKey": "alias/tls"}}]}

    found = place.look(service("web", fields={"serviceConnectConfiguration": connect}))

    assert found["KMS key alias/tls"].state is OK


@pytest.mark.parametrize(
    "place_of_key", [f"eu-west-1:{ACCOUNT}", f"{REGION}:999999999999"], ids=["region", "account"]
)
def test_a_key_of_somewhere_else_is_not_asked_for(place, place_of_key):
    """These credentials may know nothing of it; ECS may all the same."""
    key = f"arn:aws:kms:{place_of_key}:key/{KEY}"
    volumes = [{"name": "v", "managedEBSVolume": {"kmsKeyId": key}}]

    found = place.look(service("web", fields={"volumeConfigurations": volumes}))

    assert found[f"KMS key {KEY}"].state is UNSEEN
    assert "DescribeKey" not in place.transport.operations()
