"""The least policy: what it allows, what it must not, and that the code asks for nothing else."""

from __future__ import annotations

import ast
import json
from dataclasses import replace
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

import reconciler
from reconciler.aws.operations import is_mutating
from reconciler.model.desired import (
    DesiredApp,
    DesiredMigration,
    DesiredRedis,
    DesiredService,
    Guard,
    SyncPolicy,
    When,
)
from reconciler.model.lookups import Deferred, Lookup
from reconciler.model.names import Address
from reconciler.resources.kinds import KINDS
from reconciler.resources.policy import MANAGED, Role, in_parts, least_policy, size
from tests.resources.everything import everything

ECR = "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com"
IMAGE = f"{ECR}/team/shop:1"
WRITES = (
    "Create",
    "Update",
    "Put",
    "Delete",
    "Run",
    "Stop",
    "Register",
    "Tag",
    "Pass",
    "ConditionCheck",
)


def definition(name: str) -> dict:
    """Make a task definition with roles and a log group."""
    logs = {"logDriver": "awslogs", "options": {"awslogs-group": f"/ecs/shop-{name}"}}
    return {
        "family": f"shop-production-{name}",
        "taskRoleArn": "arn:aws:iam::123456789012:role/shop-task",
        "executionRoleArn": "shop-execution",
        "containerDefinitions": [{"name": "app", "image": IMAGE, "logConfiguration": logs}],
    }


def app(key: str = "production/shop", **changes) -> DesiredApp:
    """Make an app with a service and a migration."""
    environment, name = key.split("/")
    service = {
        "serviceName": "shop-production-web",
        "monitoring": {"metricConfigurations": []},
        "volumeConfigurations": [
            {"name": "v", "managedEBSVolume": {"roleArn": "arn:aws:iam::123456789012:role/ebs"}}
        ],
    }
    base = DesiredApp(
        key=key,
        app=name,
        environment=environment,
        account="123456789012",
        region="ap-northeast-1",
        cluster="main",
        folder=f"desired/{key}",
        content_hash="c",
        guard=Guard(image=IMAGE.replace("shop", "reconciler-guard")),
        lookups=frozenset({"ssm:/shop/a:3", "cfn:Net.Subnets", "tfstate:output.x", "env:HOME"}),
        states={"": "s3://states/net.tfstate"},
        services=(DesiredService(Address("service", "web"), service, definition("web")),),
        migrations=(
            DesiredMigration(
                address=Address("migration", "db"),
                revision="1",
                attempt=1,
                when=When.BEFORE,
                container="app",
                task_definition=definition("db"),
                launch={},
                timeout=timedelta(minutes=20),
                start_timeout=timedelta(minutes=5),
            ),
        ),
    )
    return replace(base, **changes)


def statements(role: Role, *apps: DesiredApp) -> list[dict]:
    """Return the policy's statements."""
    return least_policy(apps or (app(),), role)["Statement"]


def allows(found: list[dict], action: str, resource: str) -> bool:
    """Say whether some statement allows the action on the resource, conditions aside."""
    return any(
        action in s["Action"] and any(fnmatchcase(resource, pattern) for pattern in s["Resource"])
        for s in found
    )


ECS = "arn:aws:ecs:ap-northeast-1:123456789012"


def test_diff_policy_only_reads():
    """No action of the `diff` role can change anything."""
    actions = {a for s in statements(Role.DIFF) for a in s["Action"]}

    assert not [a for a in actions if a.partition(":")[2].startswith(WRITES)]


def test_controller_policy_contains_the_one_for_diff():
    """What `diff` may see the controller sees too."""
    controller = statements(Role.CONTROLLER)

    for statement in statements(Role.DIFF):
        assert statement in controller


@pytest.mark.parametrize(
    ("action", "resource", "expected"),
    [
        ("ecs:UpdateService", f"{ECS}:service/main/shop-production-web", True),
        ("ecs:UpdateService", f"{ECS}:service/main/billing", False),
        ("ecs:UpdateService", f"{ECS}:service/other/shop-production-web", False),
        ("ecs:DescribeServices", f"{ECS}:service/main/gone-from-the-files", True),
        ("ecs:RunTask", f"{ECS}:task-definition/shop-production-db:7", True),
        ("ecs:RunTask", f"{ECS}:task-definition/shop-production-web:7", False),
        ("ecs:RegisterTaskDefinition", f"{ECS}:task-definition/shop-production-web:8", True),
        ("ecs:DeleteService", f"{ECS}:service/main/shop-production-web", False),
        ("iam:PassRole", "arn:aws:iam::123456789012:role/shop-task", True),
        ("iam:PassRole", "arn:aws:iam::123456789012:role/shop-execution", True),
        ("iam:PassRole", "arn:aws:iam::123456789012:role/admin", False),
        ("ecr:DescribeImages", "arn:aws:ecr:ap-northeast-1:123456789012:repository/team/shop", True),
        ("ecr:DescribeImages", "arn:aws:ecr:ap-northeast-1:123456789012:repository/other", False),
        ("dynamodb:PutItem", "arn:aws:dynamodb:ap-northeast-1:123456789012:table/reconciler-journal", True),
        ("dynamodb:UpdateItem", "arn:aws:dynamodb:ap-northeast-1:123456789012:table/reconciler-journal", False),
        ("dynamodb:PutItem", "arn:aws:dynamodb:ap-northeast-1:123456789012:table/other", False),
        ("logs:GetLogEvents", "arn:aws:logs:ap-northeast-1:123456789012:log-group:/ecs/shop-db:x", True),
        ("logs:GetLogEvents", "arn:aws:logs:ap-northeast-1:123456789012:log-group:/ecs/other:x", False),
    ],
)  # fmt: skip
def test_what_the_controller_may_do(action, resource, expected):
    """Exactly what the files name: other services, roles, repositories and tables are out of reach."""
    assert allows(statements(Role.CONTROLLER), action, resource) is expected


def test_logs_are_read_where_the_driver_sends_them():
    """`awslogs-region` may be another one: the permission is for that region, not for the app's."""
    document = definition("db")
    options = document["containerDefinitions"][0]["logConfiguration"]["options"]
    options["awslogs-region"] = "us-east-1"
    migration = replace(app().migrations[0], task_definition=document)
    found = least_policy([app(migrations=(migration,))], Role.DIFF)["Statement"]

    for region, expected in (("us-east-1", True), ("ap-northeast-1", False)):
        group = f"arn:aws:logs:{region}:123456789012:log-group:/ecs/shop-db:x"
        assert allows(found, "logs:GetLogEvents", group) is expected


def test_nothing_can_ever_be_deleted_from_the_ledger():
    """No role has DeleteItem, DeleteTable, or anything with a star in the action."""
    for role in Role:
        actions = {a for s in statements(role) for a in s["Action"]}
        assert not [a for a in actions if "*" in a or a.startswith("dynamodb:Delete")]


def test_roles_are_passed_to_the_right_service_only():
    """Task roles go to tasks, a service's own roles to ECS."""
    passed = {
        tuple(s["Resource"]): s["Condition"]["StringEquals"]["iam:PassedToService"]
        for s in statements(Role.CONTROLLER)
        if s["Action"] == ["iam:PassRole"]
    }

    assert passed == {
        ("arn:aws:iam::123456789012:role/shop-execution", "arn:aws:iam::123456789012:role/shop-task"): "ecs-tasks.amazonaws.com",
        ("arn:aws:iam::123456789012:role/ebs",): "ecs.amazonaws.com",
    }  # fmt: skip


def test_pruning_deletes_only_what_carries_our_tags():
    """With `sync.prune` services may be deleted, those with this app's tags alone."""
    pruning = app(sync=SyncPolicy(prune=True))

    (statement,) = [
        s for s in statements(Role.CONTROLLER, pruning) if "ecs:DeleteService" in s["Action"]
    ]

    assert statement["Condition"]["StringEquals"] == {
        "aws:ResourceTag/reconciler:app": "shop",
        "aws:ResourceTag/reconciler:environment": "production",
    }


def test_the_ledger_is_limited_to_the_apps_own_keys():
    """Each app reads and writes its own partition, the members', and its own claims; nothing keyless."""
    for statement in statements(Role.CONTROLLER):
        actions = [
            a for a in statement["Action"] if a.endswith("Item") and a.startswith("dynamodb:")
        ]
        if not actions:
            continue
        keys = statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
        assert set(keys) <= {
            "A#production/shop",
            "M",
            "mig#production/shop/*",
            "task#production/shop/*",
        }
        assert statement["Condition"]["Null"] == {"dynamodb:LeadingKeys": "false"}


def test_the_guard_may_only_claim():
    """The task role of migrations gets the claims of its app, and nothing else."""
    (statement,) = statements(Role.GUARD)

    assert [r.rpartition("/")[2] for r in statement["Resource"]] == ["reconciler-claims"]
    assert statement["Condition"]["ForAllValues:StringLike"] == {
        "dynamodb:LeadingKeys": ["mig#production/shop/*", "task#production/shop/*"]
    }


def test_several_apps_share_statements_but_no_rights():
    """Equal statements are joined; a second app's services are only in its own cluster's."""
    other = app("staging/shop", cluster="staging", services=(), migrations=(), guard=None)
    both = statements(Role.CONTROLLER, app(), other)

    sids = [s["Sid"] for s in both]
    assert len(sids) == len(set(sids))
    assert not allows(both, "ecs:UpdateService", f"{ECS}:service/staging/shop-production-web")
    for statement in both:
        condition = json.dumps(statement.get("Condition", {}))
        if "cluster/staging" in condition:
            assert "cluster/main" not in condition


def test_the_same_input_gives_the_same_text():
    """Order of the apps does not matter, so a policy in git only changes when it must."""
    first, second = app(), app("staging/shop", cluster="staging")

    assert json.dumps(least_policy([first, second], Role.CONTROLLER)) == json.dumps(
        least_policy([second, first], Role.CONTROLLER)
    )


def grants(documents: list[dict]) -> list[tuple]:
    """Return each thing that policies allow: action, resource, condition."""
    return sorted(
        (action, resource, json.dumps(s.get("Condition")))
        for document in documents
        for s in document["Statement"]
        for action in s["Action"]
        for resource in s["Resource"]
    )


@pytest.mark.parametrize("apps", [1, 3, 60])
def test_the_parts_fit_into_iam_and_allow_the_same(apps):
    """IAM refuses more than 6,144 characters; many names in one statement are split, too."""
    whole = least_policy([app(f"staging/shop{n}") for n in range(apps)], Role.CONTROLLER)

    parts = in_parts(whole)

    assert all(size(part) <= MANAGED for part in parts)
    assert len(parts) == 1 or size(whole) > MANAGED
    assert grants(parts) == grants([whole])
    for part in parts:
        sids = [s["Sid"] for s in part["Statement"] if "Sid" in s]
        assert len(sids) == len(set(sids))


def test_white_space_does_not_count():
    """IAM counts the characters of a policy without it."""
    document = {"Version": "2012-10-17", "Statement": []}
    assert size(document) == len('{"Version":"2012-10-17","Statement":[]}')
    assert in_parts(document) == []


def test_no_apps_no_policy():
    """A policy about nothing is a mistake of the caller."""
    with pytest.raises(ValueError, match="at least one app"):
        least_policy([], Role.DIFF)


@pytest.mark.parametrize(
    ("parts", "granted"),
    [
        ((f"{ECR}/team/shop:", Lookup("ssm:/tag")), "team/shop"),
        ((f"{ECR}/team/shop:v", Lookup("ssm:/tag"), "-x"), "team/shop"),
        ((f"{ECR}/team/", Lookup("ssm:/name"), ":1"), "team/*"),
        ((Lookup("ssm:/image"),), "*"),
        (("nginx:", Lookup("ssm:/tag")), "*"),
    ],
)
def test_the_repository_of_an_image_that_is_looked_up(parts, granted):
    """As much of it as the files tell; the rest of the name is anybody's."""
    task = {"family": "f", "containerDefinitions": [{"name": "a", "image": Deferred(parts)}]}
    service = DesiredService(Address("service", "web"), {"serviceName": "web"}, task)
    desired = app(services=(service,), migrations=(), guard=None)
    resources = {
        r
        for s in statements(Role.DIFF, desired)
        if "ecr:DescribeImages" in s["Action"]
        for r in s["Resource"]
    }
    assert resources == {f"arn:aws:ecr:ap-northeast-1:123456789012:repository/{granted}"}


def test_look_ups_are_granted_one_by_one():
    """A parameter without its version, a stack, an object: what the files name and nothing beside it."""
    found = statements(Role.DIFF)
    where = "ap-northeast-1:123456789012"
    for action, resource, other in (
        ("ssm:GetParameters", f"arn:aws:ssm:{where}:parameter/shop/a", "b"),
        ("cloudformation:DescribeStacks", f"arn:aws:cloudformation:{where}:stack/Net/1", ""),
        ("s3:GetObject", "arn:aws:s3:::states/net.tfstate", "2"),
    ):
        assert allows(found, action, resource)
        assert not allows(found, action, resource[:-2] + other)
    elsewhere = "arn:aws:ssm:eu-west-1:210987654321:parameter/x"
    local = app(
        lookups=frozenset({"tfstate:output.x", f"ssm:{elsewhere}:1"}), states={"": "t.tfstate"}
    )
    actions = {a for s in statements(Role.DIFF, local) for a in s["Action"]}
    assert "s3:GetObject" not in actions
    assert allows(statements(Role.DIFF, local), "ssm:GetParameters", elsewhere)


def test_environment_files_are_looked_for_and_never_read():
    """A listing of the bucket for exactly the declared keys; s3:GetObject is not granted for it."""
    found = statements(Role.DIFF, everything())
    [statement] = [s for s in found if "s3:ListBucket" in s["Action"]]
    assert statement["Resource"] == ["arn:aws:s3:::config"]
    assert statement["Condition"] == {"StringLike": {"s3:prefix": ["shop/rails.env"]}}
    assert not allows(found, "s3:GetObject", "arn:aws:s3:::config/shop/rails.env")


@pytest.mark.parametrize(
    ("key", "resource", "condition"),
    [
        ("01234567-89ab", "key/01234567-89ab", None),
        ("arn:aws:kms:ap-northeast-1:123456789012:key/0123", "key/0123", None),
        ("alias/data", "key/*", {"StringLike": {"kms:RequestAlias": ["alias/data"]}}),
        (
            "arn:aws:kms:ap-northeast-1:123456789012:alias/data",
            "key/*",
            {"StringLike": {"kms:RequestAlias": ["alias/data"]}},
        ),
    ],
)
def test_keys_are_described_one_by_one(key, resource, condition):
    """A key by its ARN; behind an alias any key can be, so the alias itself is the condition."""
    volumes = [{"name": "v", "managedEBSVolume": {"kmsKeyId": key, "roleArn": "ebs"}}]
    service = DesiredService(
        Address("service", "web"), {"serviceName": "w", "volumeConfigurations": volumes}, {}
    )
    found = statements(Role.DIFF, app(services=(service,), migrations=(), guard=None))
    [statement] = [s for s in found if "kms:DescribeKey" in s["Action"]]
    assert statement["Resource"] == [f"arn:aws:kms:ap-northeast-1:123456789012:{resource}"]
    assert statement.get("Condition") == condition
    elsewhere = key.replace("ap-northeast-1", "eu-west-1")
    if elsewhere != key:
        volumes[0]["managedEBSVolume"]["kmsKeyId"] = elsewhere
        found = statements(Role.DIFF, app(services=(service,), migrations=(), guard=None))
        assert not [s for s in found if "kms:DescribeKey" in s["Action"]]


def test_what_may_be_done_to_scaling():
    """Targets of ECS only, alarms of the declared service's own policies, one service-linked role."""
    found = statements(Role.CONTROLLER, everything())
    where = "ap-northeast-1:123456789012"
    target = f"arn:aws:application-autoscaling:{where}:scalable-target/0ec5abc"
    assert allows(found, "application-autoscaling:RegisterScalableTarget", target)
    [condition] = [s["Condition"] for s in found if s["Sid"] == "ScalingWrite"]
    assert condition == {"StringEquals": {"application-autoscaling:service-namespace": "ecs"}}
    alarm = f"arn:aws:cloudwatch:{where}:alarm:TargetTracking-service/main"
    assert allows(found, "cloudwatch:PutMetricAlarm", f"{alarm}/shop-production-web-AlarmHigh-1")
    assert not allows(
        found, "cloudwatch:PutMetricAlarm", f"{alarm}/shop-production-worker-AlarmLow"
    )
    roles = "arn:aws:iam::123456789012:role/aws-service-role"
    ours = f"{roles}/ecs.application-autoscaling.amazonaws.com"
    name = "AWSServiceRoleForApplicationAutoScaling_ECSService"
    assert allows(found, "iam:CreateServiceLinkedRole", f"{ours}/{name}")
    assert not allows(found, "iam:CreateServiceLinkedRole", f"{roles}/other.amazonaws.com/{name}")
    without = {a for s in statements(Role.CONTROLLER) for a in s["Action"]}
    assert not [a for a in without if a.startswith("application-autoscaling")]


CACHE = "arn:aws:elasticache:ap-northeast-1:123456789012"


@pytest.mark.parametrize(
    ("action", "resource", "expected"),
    [
        ("elasticache:ModifyReplicationGroup", "replicationgroup:shop", True),
        ("elasticache:ModifyReplicationGroup", "replicationgroup:other", False),
        ("elasticache:ModifyReplicationGroup", "parametergroup:shop-redis7", True),
        ("elasticache:CreateReplicationGroup", "usergroup:shop-users", True),
        ("elasticache:CreateReplicationGroup", "subnetgroup:shop-caches", True),
        ("elasticache:ModifyCacheParameterGroup", "parametergroup:shop-redis7", True),
        ("elasticache:ModifyCacheParameterGroup", "parametergroup:default.redis7", False),
        ("elasticache:ResetCacheParameterGroup", "parametergroup:other", False),
        ("elasticache:DescribeCacheParameters", "parametergroup:default.redis7", True),
        ("elasticache:DeleteReplicationGroup", "replicationgroup:shop", False),
        ("elasticache:RebootCacheCluster", "cluster:shop-001", False),
    ],
)
def test_what_may_be_done_to_redis(action, resource, expected):
    """The declared groups and what they name; nothing is deleted, and nothing rebooted."""
    found = statements(Role.CONTROLLER, everything())
    assert allows(found, action, f"{CACHE}:{resource}") is expected


def test_a_group_that_is_only_referred_to_is_only_read():
    """No write, no tags: somebody else looks after it."""
    group = DesiredRedis(Address("redis", "main"), {"replicationGroupId": "theirs"})
    found = statements(Role.CONTROLLER, app(redis=(group,)))
    actions = {a for s in found for a in s["Action"] if a.startswith("elasticache:")}
    assert actions == {"elasticache:DescribeReplicationGroups", "elasticache:DescribeCacheClusters"}


@pytest.mark.parametrize(
    ("region", "partition"),
    [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("eu-west-1", "aws")],
)
def test_partitions(region, partition):
    """China and GovCloud have ARNs of their own."""
    for statement in statements(Role.DIFF, app(region=region, guard=None)):
        for resource in statement["Resource"]:
            declared = ":role/ebs" in resource or ":role/shop-task" in resource
            assert resource == "*" or declared or resource.startswith(f"arn:{partition}:")


IAM_ACTIONS = {
    # What IAM calls the operations that it does not know by their own name.
    "dynamodb:TransactWriteItems": {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:ConditionCheckItem"},
    "sts:GetCallerIdentity": set(),  # cannot be denied, needs no permission
    "elb:DescribeLoadBalancers": {"elasticloadbalancing:DescribeLoadBalancers"},
    "elbv2:DescribeListeners": {"elasticloadbalancing:DescribeListeners"},
    "elbv2:DescribeRules": {"elasticloadbalancing:DescribeRules"},
    "elbv2:DescribeTargetGroups": {"elasticloadbalancing:DescribeTargetGroups"},
    "s3:ListObjectsV2": {"s3:ListBucket"},
    "efs:DescribeFileSystems": {"elasticfilesystem:DescribeFileSystems"},
    "service-quotas:GetServiceQuota": {"servicequotas:GetServiceQuota"},
}  # fmt: skip


NETWORK = {
    # What ElastiCache does in the caller's name when it makes nodes: dependent actions in the
    # service authorization reference.
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
}


def operations() -> dict[str, str]:
    """Find every AWS operation that the product calls: service:operation → file."""
    found = {}
    root = Path(reconciler.__file__).parent
    for path in root.rglob("*.py"):
        if "local" in path.relative_to(root).parts or path.name == "inventory.py":
            continue  # `init` looks around before there are files that a policy could be made for
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            verb = getattr(node.func, "attr", getattr(node.func, "id", ""))
            names = [a.value for a in node.args[:2] if isinstance(a, ast.Constant)]
            if verb in ("call", "pages", "ask", "listed") and len(names) == 2:
                found[":".join(names)] = str(path.relative_to(root))
    for kind in KINDS.values():  # their verbs take the operation's name from the plan
        for actions in kind.permissions.values():
            found |= dict.fromkeys(actions, f"kind {kind.name}")
    return found


def test_every_call_in_the_code_is_in_the_policy():
    """No operation is called that the controller's policy does not allow; reads are in diff's too."""
    allowed = {
        role: {a for s in statements(role, everything()) for a in s["Action"]} for role in Role
    }
    called = operations()

    assert len(called) > 15, "the search finds nothing any more"
    for operation, file in called.items():
        needed = IAM_ACTIONS.get(operation, {operation})
        assert needed <= allowed[Role.CONTROLLER] | allowed[Role.GUARD], f"{operation} in {file}"
        if not is_mutating(operation.partition(":")[2]):
            assert needed <= allowed[Role.DIFF], f"{operation} in {file}"


def test_nothing_is_in_the_policy_that_the_code_does_not_call():
    """Least means least: an action that no code needs any more leaves the policy."""
    needed = {"iam:PassRole", *NETWORK}
    for operation in operations():
        needed |= IAM_ACTIONS.get(operation, {operation})

    for role in Role:
        found = {a for s in statements(role, everything()) for a in s["Action"]}
        assert found <= needed
