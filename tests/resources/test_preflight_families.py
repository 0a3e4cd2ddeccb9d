"""The families of checks: what each of them sees, and that none of them stands in another's way."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from reconciler.aws.translate import from_code
from reconciler.model.errors import InvalidRequest, Unreachable
from reconciler.model.finding import CheckState
from reconciler.model.lookups import Unresolved
from reconciler.model.names import Address
from reconciler.model.observed import ObservedService, ServicePresence
from reconciler.resources.preflight.roles import trusts
from reconciler.resources.preflight.scope import Workload, whole
from reconciler.resources.secret_reference import reference
from tests.resources.account import CLUSTER, service
from tests.resources.everything import ACCOUNT, KEY, KEY_ARN, REGION, SECRET, everything

OK, WARNING, FAILED, UNSEEN = CheckState
WEB, CLASSIC, WORKER, DB = (
    Address("service", "web"),
    Address("service", "classic"),
    Address("service", "worker"),
    Address("migration", "db"),
)
REPORT = Address("job", "report")


def test_all_is_well_where_everything_is_there(place):
    """Every family has asked something, and everything is ok."""
    found = place.look()

    assert {f.state for f in found.values()} == {OK}, found
    assert len(found) > 20
    assert {f.key for f in found.values()} == {"production/shop"}


def test_what_is_shared_is_asked_about_once(place):
    """Roles, subnets and secrets of five workloads cost one call each, and name all five."""
    found = place.look()

    assert set(found["role shop-execution"].addresses) == {WEB, CLASSIC, WORKER, DB, REPORT}
    sent = [(s, o, json.dumps(p, sort_keys=True)) for s, o, p in place.transport.calls]
    assert len(sent) == len(set(sent))
    assert len(sent) <= 31


MISSING = [
    (
        "shop-execution",
        "role shop-execution",
        "there is no role arn:aws:iam::123456789012:role/shop-execution",
    ),
    ("ebs", "role ebs", "there is no role"),
    ("/shop/DATABASE_URL", "secret /shop/DATABASE_URL", "there is no parameter /shop/DATABASE_URL"),
    (SECRET, "secret shop/api", "there is no secret"),
    ("/ecs/shop", "log group /ecs/shop", "missing"),
    ("subnet-0bbb", "subnets subnet-0aaa, subnet-0bbb", "there is no subnet-0bbb"),
    ("sg-0aaa", "security group sg-0aaa", "there is no sg-0aaa"),
    ("web", "target group web", "there is no target group"),
    ("srv-0123456789abcdef", "service registry srv-0123456789abcdef", "no Cloud Map service"),
    ("ns-0123456789abcdef", "namespace ns-0123456789abcdef", "there is no namespace"),
    ("internal", "namespace internal", "there is no namespace internal"),
    ("shop/rails.env", "environment file config/shop/rails.env", "there is no shop/rails.env in"),
    ("config", "environment file config/shop/rails.env", "there is no bucket config"),
    (KEY_ARN, f"KMS key {KEY}", "there is no key"),
    ("shop-classic", "load balancer shop-classic", "there is no Classic Load Balancer"),
    ("fs-0123456789abcdef0", "file system fs-0123456789abcdef0", "there is no file system"),
    ("shop-caches", "cache subnet group shop-caches", "there is no cache subnet group"),
]


@pytest.mark.parametrize(("missing", "name", "message"), MISSING)
def test_what_is_missing_is_failed_by_name(place, missing, name, message):
    """A thing that is not there fails the one check that is about it, and says what it is."""
    place.around.missing.add(missing)

    found = place.look()

    assert (found[name].state, found[name].exit_code) == (FAILED, 3)
    assert message in found[name].message
    wrong = {n for n, f in found.items() if f.state is FAILED}
    assert wrong == {name}


OPERATIONS = {
    "iam:GetRole": "iam:GetRole",
    "iam:SimulatePrincipalPolicy": "iam:SimulatePrincipalPolicy",
    "ssm:DescribeParameters": "ssm:DescribeParameters",
    "secretsmanager:DescribeSecret": "secretsmanager:DescribeSecret",
    "logs:DescribeLogGroups": "logs:DescribeLogGroups",
    "ec2:DescribeSubnets": "ec2:DescribeSubnets",
    "ec2:DescribeSecurityGroups": "ec2:DescribeSecurityGroups",
    "elb:DescribeLoadBalancers": "elasticloadbalancing:DescribeLoadBalancers",
    "elbv2:DescribeListeners": "elasticloadbalancing:DescribeListeners",
    "elbv2:DescribeRules": "elasticloadbalancing:DescribeRules",
    "kms:DescribeKey": "kms:DescribeKey",
    "s3:ListObjectsV2": "s3:ListBucket",
    "elbv2:DescribeTargetGroups": "elasticloadbalancing:DescribeTargetGroups",
    "service-quotas:GetServiceQuota": "servicequotas:GetServiceQuota",
    "servicediscovery:GetService": "servicediscovery:GetService",
    "servicediscovery:GetNamespace": "servicediscovery:GetNamespace",
    "servicediscovery:ListNamespaces": "servicediscovery:ListNamespaces",
    "efs:DescribeFileSystems": "elasticfilesystem:DescribeFileSystems",
    "cloudwatch:DescribeAlarms": "cloudwatch:DescribeAlarms",
    "elasticache:DescribeCacheSubnetGroups": "elasticache:DescribeCacheSubnetGroups",
}


@pytest.mark.parametrize(("operation", "permission"), OPERATIONS.items())
def test_what_may_not_be_seen_fails_nothing(place, operation, permission):
    """A missing permission is named in IAM's words, with the operation, and is never a failure."""
    place.around.deny(operation)

    found = place.look()

    hidden = [f for f in found.values() if f.state is UNSEEN]
    assert hidden
    assert {f.permission for f in hidden} == {permission}
    assert all(operation in f.message and permission in f.message for f in hidden)
    assert {f.state for f in found.values()} <= {OK, UNSEEN}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    "error",
    [
        InvalidRequest("AWS refused it", operation="x:Y", code="NotImplemented"),
        Unreachable("no way there", operation="x:Y"),
        from_code("x:Y", "InternalFailure", "boom", status=500),
    ],
    ids=["refused", "unreachable", "lost"],
)
def test_what_aws_does_not_tell_fails_nothing(place, operation, error):
    """An answer that does not come is a warning; the other families are asked all the same."""
    place.around.errors[operation] = error

    found = place.look()

    assert {f.state for f in found.values()} == {OK, WARNING}


def test_a_silent_service_is_waited_for_once(place):
    """Where there is no way to IAM, the second question to it costs nothing."""
    place.around.errors["iam:GetRole"] = Unreachable("no way there", operation="iam:GetRole")

    place.look()

    roles = {p["RoleName"] for s, o, p in place.transport.calls if o == "GetRole"}
    assert len(roles) == 1
    assert "SimulatePrincipalPolicy" not in place.transport.operations()


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ecs-tasks.amazonaws.com"}}}, True),
        ({"Statement": [{"Effect": "Allow", "Action": ["sts:*"], "Principal": {"Service": ["ec2.amazonaws.com", "ecs-tasks.amazonaws.com"]}}]}, True),
        ('{"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"}]}', True),
        ({"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}]}, False),
        ({"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}]}, False),
        ({"Statement": [{"Effect": "Deny", "Action": "sts:AssumeRole", "Principal": {"Service": "ecs-tasks.amazonaws.com"}}]}, False),
        ({"Statement": [{"Effect": "Allow", "Action": "sts:TagSession", "Principal": {"Service": "ecs-tasks.amazonaws.com"}}]}, False),
        ({"Statement": []}, False),
        ("not json", True),
        (None, True),
    ],
)  # fmt: skip
def test_trust_policies_are_read_in_all_their_forms(policy, expected):
    """One statement or a list, text or document, one principal or several; what cannot be read is not judged."""
    assert trusts(policy, "ecs-tasks.amazonaws.com", {}) is expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"StringEquals": {"aws:SourceAccount": ACCOUNT}}, True),
        ({"StringEquals": {"aws:SourceAccount": ["999999999999", ACCOUNT]}}, True),
        ({"StringEquals": {"aws:SourceAccount": "999999999999"}}, False),
        ({"ArnLike": {"aws:SourceArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:*"}}, True),
        ({"ArnLike": {"AWS:SourceArn": "arn:aws:ecs:eu-west-1:123456789012:*"}}, False),
        ({"StringNotEquals": {"aws:SourceAccount": "999999999999"}}, True),
        ({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}, True),
    ],
)
def test_conditions_against_the_confused_deputy_are_judged(place, condition, expected):
    """A role that trusts ECS in another account, or another region, cannot be assumed for ours."""
    trusted = {"Service": ["ecs-tasks.amazonaws.com", "ecs.amazonaws.com"]}
    statement = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": trusted,
        "Condition": condition,
    }
    place.around.trust["shop-task"] = {"Statement": [statement]}

    found = place.look()

    assert found["role shop-task"].state is (OK if expected else FAILED)


def test_a_role_with_another_path_is_another_role(place):
    """ECS would refuse the ARN of the files: the one that exists is named."""
    place.around.role_paths["shop-task"] = "/apps/"

    found = place.look()["role shop-task"]

    assert found.state is FAILED
    assert f"arn:aws:iam::{ACCOUNT}:role/apps/shop-task" in found.message


def test_a_role_of_another_account_is_not_asked_for(place):
    """IAM lets nobody pass it, whatever it is; iam:GetRole knows this account only."""
    foreign = "arn:aws:iam::999999999999:role/other"
    document = {"taskRoleArn": foreign, "family": "f"}

    found = place.look(service("web", fields={}, task_definition=document))

    assert found["role other"].state is FAILED
    assert "999999999999" in found["role other"].message
    assert "GetRole" not in place.transport.operations()


@pytest.mark.parametrize(
    ("container", "why"),
    [
        ({"image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/x:1"}, "ECR"),
        ({"image": "nginx:1", "logConfiguration": {"logDriver": "awslogs"}}, "logs"),
        ({"image": "nginx:1", "secrets": [{"name": "A", "valueFrom": "/a"}]}, "secrets"),
        ({"image": "nginx:1"}, ""),
    ],
)
def test_fargate_needs_an_execution_role_for_some_things(place, container, why):
    """Without executionRoleArn ECS refuses images of ECR, awslogs and secrets on Fargate."""
    document = {
        "family": "f",
        "requiresCompatibilities": ["FARGATE"],
        "containerDefinitions": [container],
    }

    found = place.look(service("web", task_definition=document)).get(
        "execution role of service/web"
    )

    assert (found is not None) is bool(why)
    assert found is None or (found.state is FAILED and why in found.message)


def test_a_secret_that_is_being_deleted_cannot_be_read(place):
    """Secrets Manager keeps it for days, and gives its value to nobody."""
    place.around.secrets[SECRET] = {"DeletedDate": "2026-11-20"}

    assert place.look()["secret shop/api"].state is FAILED


@pytest.mark.parametrize(
    ("suffix", "state"),
    [(":key::", OK), ("::AWSCURRENT:", OK), ("::GREEN:", FAILED), (":::v1", OK), (":::v9", FAILED)],
)
def test_the_version_of_a_secret_must_exist(place, suffix, state):
    """Stage and version id are metadata, so they are known without the value."""
    container = {
        "name": "app",
        "image": "x:1",
        "secrets": [{"name": "A", "valueFrom": SECRET + suffix}],
    }

    found = place.look(service("web", task_definition={"containerDefinitions": [container]}))

    assert found["secret shop/api"].state is state


def test_a_role_that_may_not_read_a_parameter_is_failed(place):
    """The simulator's word counts for SSM; for a secret its own policy may still allow it."""
    place.around.refused.add(f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/shop/DATABASE_URL")

    found = place.look()["secrets for shop-execution"]

    assert found.state is FAILED
    assert "ssm:GetParameters on parameter/shop/DATABASE_URL" in found.message


def test_of_a_role_that_is_missing_nothing_is_said_to_be_read(place):
    """That it is missing fails by itself; "may read them" would be a guess."""
    place.around.missing.add("shop-execution")

    found = place.look()

    assert found["role shop-execution"].state is FAILED
    assert found["secrets for shop-execution"].state is WARNING
    assert "no such role" in found["secrets for shop-execution"].message


def test_a_secret_with_a_policy_of_its_own_is_a_warning(place):
    """What no identity policy allows a resource policy may: no rollout is stopped for it."""
    place.around.refused.add(SECRET)

    found = place.look()["secrets for shop-execution"]

    assert found.state is WARNING
    assert "secretsmanager:GetSecretValue" in found.message


@pytest.mark.parametrize(
    ("text", "service_name", "name"),
    [
        ("/shop/KEY", "ssm", "/shop/KEY"),
        ("KEY", "ssm", "/KEY"),
        (f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/shop/KEY", "ssm", "/shop/KEY"),
        (f"{SECRET}-AbCdEf:key:AWSPREVIOUS:", "secretsmanager", "shop/api-AbCdEf"),
    ],
)
def test_references_are_read_as_ecs_reads_them(text, service_name, name):
    """Names and ARNs of SSM, ARNs of Secrets Manager with a key, a stage and a version."""
    found = reference(text, whole(everything()).names)

    assert (found.service, found.name) == (service_name, name)


TARGETS = [
    ({"TargetType": "instance"}, FAILED, "of type instance; tasks with networkMode awsvpc need ip"),
    ({"TargetType": "lambda", "Protocol": None}, FAILED, "of type lambda"),
    ({"Protocol": "UDP"}, FAILED, "it sends UDP, app:80 listens to tcp"),
    ({"Protocol": "GENEVE"}, FAILED, "cannot reach a container"),
    ({"Protocol": "TCP_UDP"}, OK, "attached"),
    ({"VpcId": "vpc-0bbb"}, FAILED, "it is in vpc-0bbb, the subnets of the tasks are in vpc-0aaa"),
    ({"LoadBalancerArns": []}, FAILED, "no load balancer"),
]


@pytest.mark.parametrize(("difference", "state", "message"), TARGETS)
def test_target_groups_must_fit_the_tasks(place, difference, state, message):
    """Type, protocol and VPC of a target group are compared with network mode, port and subnets."""
    place.around.target_groups["web"] = difference

    found = place.look()["target group web"]

    assert found.state is state
    assert message in found.message


def test_a_detached_target_group_stops_no_service_that_runs(place):
    """ECS refuses to create such a service; one that is there goes on, and the user is told."""
    place.around.target_groups["web"] = {"LoadBalancerArns": []}
    live = ObservedService(ServicePresence.ACTIVE, {"desiredCount": 1}, running_count=1)

    assert place.look(service("web", live=live))["target group web"].state is WARNING


def a_workload(*, running: int | None, **fields) -> Workload:
    """Return a service with so many running tasks, new when that is None."""
    live = None
    if running is not None:
        live = ObservedService(ServicePresence.ACTIVE, {"desiredCount": 4}, running_count=running)
    return Workload(WEB, fields, {}, live)


@pytest.mark.parametrize(
    ("workload", "expected"),
    [
        (a_workload(running=None, desiredCount=4), 4),
        (a_workload(running=None), 1),
        (a_workload(running=4), 4),
        (a_workload(running=4, desiredCount=6), 8),
        (a_workload(running=4, deploymentConfiguration={"maximumPercent": 150}), 2),
        (a_workload(running=4, deploymentConfiguration={"maximumPercent": 100}), 0),
        (a_workload(running=4, deploymentConfiguration={"strategy": "BLUE_GREEN"}), 4),
        (a_workload(running=4, schedulingStrategy="DAEMON"), 0),
        (Workload(DB, {}, {}), 1),
    ],
)
def test_new_tasks_are_counted_as_ecs_starts_them(workload, expected):
    """Up to maximumPercent of the desired count beside what runs; a whole second set when blue/green."""
    assert workload.new_tasks() == expected


@pytest.mark.parametrize(
    ("free", "state", "message"),
    [
        ({"subnet-0aaa": 0, "subnet-0bbb": 0}, FAILED, "no free address"),
        ({"subnet-0aaa": 1, "subnet-0bbb": 1}, WARNING, "2 free addresses, 4 for new tasks"),
        ({"subnet-0aaa": 9, "subnet-0bbb": 0}, WARNING, "no free address in subnet-0bbb"),
        ({"subnet-0aaa": 2, "subnet-0bbb": 2}, OK, "4 free addresses"),
    ],
)
def test_subnets_need_an_address_for_each_new_task(place, free, state, message):
    """All workloads in the same subnets need theirs at once: two services, a migration and a job."""
    place.around.free = free

    found = place.look()["subnets subnet-0aaa, subnet-0bbb"]

    assert found.state is state
    assert message in found.message


def test_everything_of_a_task_is_in_one_vpc(place):
    """Subnets of two VPCs, or a security group of another one, are refused by ECS."""
    place.around.vpcs = {"subnet-0bbb": "vpc-0bbb"}
    assert place.look()["subnets subnet-0aaa, subnet-0bbb"].state is FAILED
    place.around.vpcs = {"sg-0aaa": "vpc-0bbb"}
    found = place.look()["security group sg-0aaa"]
    assert found.state is FAILED
    assert found.message == "of vpc-0bbb, the subnets are in vpc-0aaa"


CLUSTERS = [
    (None, "cluster main", FAILED, "missing"),
    ({**CLUSTER, "status": "INACTIVE"}, "cluster main", FAILED, "INACTIVE"),
    (
        {**CLUSTER, "capacityProviders": ["FARGATE"]},
        "capacity provider FARGATE_SPOT",
        FAILED,
        "it has: FARGATE",
    ),
]


@pytest.mark.parametrize(("cluster", "name", "state", "message"), CLUSTERS)
def test_the_cluster_must_be_there_with_its_capacity(place, cluster, name, state, message):
    """One that is missing, inactive, or lacks a capacity provider takes no such service."""
    place.cluster = cluster

    found = place.look()[name]

    assert found.state is state
    assert message in found.message


def test_tasks_on_ec2_need_an_instance(place):
    """A cluster without instances places no task with launchType EC2."""
    fields = {"launchType": "EC2"}
    place.cluster["registeredContainerInstancesCount"] = 0
    assert place.look(service("web", fields=fields))["container instances"].state is WARNING
    place.cluster["registeredContainerInstancesCount"] = 2
    assert place.look(service("web", fields=fields))["container instances"].state is OK


def test_an_alarm_that_is_in_alarm_is_said(place):
    """ECS then watches no alarm during the rollout; a fix must still be possible, so it is a warning."""
    place.around.alarms["web-errors"] = "ALARM"

    found = place.look()["alarm web-errors"]

    assert found.state is WARNING
    assert "watches no alarm" in found.message


def test_an_alarm_that_is_not_there_is_said(place):
    """A rollout that is judged by nothing is worth a word."""
    place.around.missing.add("web-errors")

    assert place.look()["alarm web-errors"].state is WARNING


@pytest.mark.parametrize(("size", "state"), [(1_000, OK), (60_000, WARNING), (70_000, FAILED)])
def test_task_definitions_have_a_size(place, size, state):
    """ECS takes 64 KiB; near that is worth a word."""
    container = {"name": "app", "image": "x:1", "environment": [{"name": "A", "value": "x" * size}]}

    found = place.look(service("web", task_definition={"containerDefinitions": [container]}))

    assert found["task definition of service/web"].state is state


@pytest.mark.parametrize(
    ("cpu", "memory", "state"),
    [("256", "512", OK), ("256", "4096", FAILED), ("300", "512", FAILED), ("512", "1024", OK)],
)
def test_fargate_has_pairs_of_cpu_and_memory(place, cpu, memory, state):
    """A pair that Fargate does not offer is refused when the task definition is registered."""
    document = {"cpu": cpu, "memory": memory, "requiresCompatibilities": ["FARGATE"]}

    found = place.look(service("web", task_definition=document))

    assert found["task definition of service/web"].state is state


def test_quotas_that_need_no_call(place):
    """More containers, target groups or security groups than ECS takes are counted in the files."""
    fields = {
        "networkConfiguration": {
            "awsvpcConfiguration": {"securityGroups": [f"sg-{n}" for n in range(6)]}
        }
    }

    found = place.look(service("web", fields=fields))["quotas of service/web"]

    assert found.state is FAILED
    assert "6 security groups of 5" in found.message


def test_the_vcpu_quota_is_compared_with_what_is_new(place):
    """An account whose quota is smaller than the rollout gets to know before tasks stay pending."""
    place.around.quota = 0.5

    found = place.look()

    assert found["Fargate vCPU quota"].state is WARNING
    assert found["Fargate vCPU quota"].message.startswith("1.5 vCPUs for new tasks of 0.5")


def test_a_file_system_must_be_usable(place):
    """One that is being deleted exists, and cannot be mounted."""
    place.around.file_systems["fs-0123456789abcdef0"] = "deleting"

    assert place.look()["file system fs-0123456789abcdef0"].state is FAILED


def test_who_waits_for_redis_is_looked_at_meanwhile():
    """A group takes minutes: what else is missing is known before it is there. Other look-ups are not guessed."""
    app = everything()
    web, _, worker = app.services
    waits = replace(
        web, unresolved=(Unresolved("redis.main.url", "not ready", blocked_by="redis/main"),)
    )
    broken = replace(worker, unresolved=(Unresolved("ssm:/x", "not there"),))

    found = whole(replace(app, services=(waits, broken), migrations=(), jobs=()))

    assert found.addresses == (WEB,)


def test_a_look_up_in_place_of_a_number_is_no_number():
    """How many tasks there will be is not known then; nothing breaks."""
    assert a_workload(running=None, desiredCount="${ssm:/count}").new_tasks() == 1


def test_what_is_not_resolved_yet_is_left_out(place):
    """A name with a look-up in it is no name: nobody is asked for it."""
    document = {"taskRoleArn": "${cfn:Stack.Role}", "family": "f"}

    found = place.look(service("web", fields={}, task_definition=document))

    assert not [name for name in found if name.startswith("role")]
