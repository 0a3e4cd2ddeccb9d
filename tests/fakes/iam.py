"""An IAM of our own: what each call needs by the service authorization reference, and whether a policy gives it.

`needs` knows every operation of the product and fails for another one. Evaluated are Allow statements with
Action, Resource and the condition operators that our policies use; everything else fails loudly.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

ACCOUNT, REGION = "123456789012", "ap-northeast-1"
CLUSTER = "main"
Context = Mapping[str, Any]


@dataclass(frozen=True)
class Need:
    """One action on one resource, with the condition keys of the request. `*` where AWS knows no resource."""

    action: str
    resource: str
    context: Context = field(default_factory=dict)

    def __hash__(self) -> int:
        """Needs are compared by what they are about."""
        return hash((self.action, self.resource))


def arn(service: str, resource: str) -> str:
    """Spell an ARN of the account."""
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


# Evaluation ------------------------------------------------------------------------------------


def allowed(policy: Mapping[str, Any], need: Need) -> bool:
    """Say whether some statement allows it: IAM denies what nobody allows."""
    return any(_matches(statement, need) for statement in policy["Statement"])


def _matches(statement: Mapping[str, Any], need: Need) -> bool:
    assert set(statement) <= {"Sid", "Effect", "Action", "Resource", "Condition"}, statement
    assert statement["Effect"] == "Allow"
    if not any(fnmatchcase(need.action.lower(), a.lower()) for a in statement["Action"]):
        return False
    if not any(_like(need.resource, pattern) for pattern in statement["Resource"]):
        return False
    return all(
        _holds(operator, key, values, need.context)
        for operator, keys in statement.get("Condition", {}).items()
        for key, values in keys.items()
    )


def _like(value: str, pattern: str) -> bool:
    """IAM's `*` and `?` cross every character; `[` means nothing there."""
    return fnmatchcase(value, pattern.replace("[", "[[]"))


def _holds(operator: str, key: str, values: Any, context: Context) -> bool:
    wanted = values if isinstance(values, list) else [values]
    given = context.get(key)
    match operator:
        case "StringEquals" | "ArnEquals":
            return given in wanted
        case "ForAllValues:StringLike":
            return all(any(_like(value, pattern) for pattern in wanted) for value in given or ())
        case "StringLike":
            return given is not None and any(_like(given, pattern) for pattern in wanted)
        case "Null":
            return (given is None or given == []) is (wanted == ["true"])
        case _:
            raise AssertionError(f"the evaluator does not know {operator}")


# What calls need -------------------------------------------------------------------------------


def needs(service: str, operation: str, params: Mapping[str, Any]) -> list[Need]:
    """Return everything that a call must be allowed, the actions that it depends on included."""
    find = _SERVICES[service]
    return list(find(operation, params))


def _sts(_operation: str, _params: Mapping[str, Any]) -> Iterator[Need]:
    return iter(())  # GetCallerIdentity needs no permission


def _ecs(  # noqa: PLR0912 - one case for each operation
    operation: str, params: Mapping[str, Any]
) -> Iterator[Need]:
    action, context = f"ecs:{operation}", {"ecs:cluster": arn("ecs", f"cluster/{CLUSTER}")}
    match operation:
        case "DescribeClusters":
            for name in params["clusters"]:
                yield Need(action, arn("ecs", f"cluster/{name.rsplit('/', 1)[-1]}"))
        case "DescribeServices":
            for name in params["services"]:
                yield Need(action, _service(name), context)
        case "CreateService" | "UpdateService" | "DeleteService":
            yield from _change_of_service(operation, params, context)
        case "RegisterTaskDefinition":
            definition = arn("ecs", f"task-definition/{params['family']}:1")
            yield Need(action, definition)
            if params.get("tags"):
                yield Need("ecs:TagResource", definition, {"ecs:CreateAction": operation})
            yield from _passed(params, "ecs-tasks.amazonaws.com")
        case "DescribeTaskDefinition" | "ListTaskDefinitions":
            yield Need(action, "*")
        case "RunTask":
            yield Need(action, params["taskDefinition"], context)
            if params.get("tags") or params.get("propagateTags", "NONE") != "NONE":
                task = arn("ecs", f"task/{CLUSTER}/0123456789abcdef")
                yield Need("ecs:TagResource", task, {"ecs:CreateAction": operation})
        case "DescribeTasks":
            for task in params["tasks"]:
                yield Need(action, task, context)
        case "StopTask":
            yield Need(action, params["task"], context)
        case "ListTasks":
            yield Need(action, arn("ecs", f"container-instance/{CLUSTER}/*"), context)
        case "TagResource" | "UntagResource":
            yield Need(action, params["resourceArn"])
        case "DescribeServiceRevisions":
            for revision in params["serviceRevisionArns"]:
                yield Need(action, revision)
                yield Need(action, _service(revision.split("/")[2]))
        case "DescribeServiceDeployments":
            for deployment in params["serviceDeploymentArns"]:
                yield Need(action, deployment)
                yield Need(action, _service(deployment.split("/")[2]))
        case _:
            raise AssertionError(f"what does {action} need?")


def _change_of_service(
    operation: str, params: Mapping[str, Any], context: Context
) -> Iterator[Need]:
    name = params.get("serviceName") or params["service"]
    owned = {
        "aws:ResourceTag/reconciler:app": "shop",
        "aws:ResourceTag/reconciler:environment": "production",
    }
    yield Need(f"ecs:{operation}", _service(name), {**context, **owned})
    if operation == "CreateService" and params.get("tags"):
        yield Need("ecs:TagResource", _service(name), {"ecs:CreateAction": operation})
    yield from _passed(params, "ecs.amazonaws.com")


def _service(name: str) -> str:
    return arn("ecs", f"service/{CLUSTER}/{name.rsplit('/', 1)[-1]}")


def _passed(document: Any, service: str) -> Iterator[Need]:
    """Yield the passing of each role: wherever a field ends in `roleArn`."""
    if isinstance(document, Mapping):
        for name, value in document.items():
            if isinstance(value, str) and name.lower().endswith("rolearn"):
                yield Need("iam:PassRole", value, {"iam:PassedToService": service})
            else:
                yield from _passed(value, service)
    elif isinstance(document, list | tuple):
        for value in document:
            yield from _passed(value, service)


_PUTS = {
    # A transaction has no action of its own: each of its parts needs the single one.
    "Put": ("dynamodb:PutItem", lambda part: part["Item"]),
    "Update": ("dynamodb:UpdateItem", lambda part: part["Key"]),
    "ConditionCheck": ("dynamodb:ConditionCheckItem", lambda part: part["Key"]),
}


def _dynamodb(operation: str, params: Mapping[str, Any]) -> Iterator[Need]:
    action = f"dynamodb:{operation}"
    match operation:
        case "TransactWriteItems":
            for part in params["TransactItems"]:
                ((kind, document),) = part.items()
                single, key = _PUTS[kind]
                yield _item(single, document["TableName"], key(document))
        case "BatchGetItem":
            for table, wanted in params["RequestItems"].items():
                for key in wanted["Keys"]:
                    yield _item(action, table, key)
        case "GetItem" | "UpdateItem":
            yield _item(action, params["TableName"], params["Key"])
        case "PutItem":
            yield _item(action, params["TableName"], params["Item"])
        case "Query":
            (name,) = re.findall(r"^#?\w+ = (:\w+)", params["KeyConditionExpression"])
            value = params["ExpressionAttributeValues"][name]["S"]
            yield _item(action, params["TableName"], {"pk": {"S": value}})
        case _:
            yield Need(action, _table(params["TableName"]))


def _item(action: str, table: str, key: Mapping[str, Any]) -> Need:
    leading = key.get("pk") or key["k"]
    return Need(action, _table(table), {"dynamodb:LeadingKeys": [leading["S"]]})


def _table(name: str) -> str:
    return arn("dynamodb", f"table/{name}")


def _ecr(operation: str, params: Mapping[str, Any]) -> Iterator[Need]:
    yield Need(f"ecr:{operation}", arn("ecr", f"repository/{params['repositoryName']}"))


def _logs(operation: str, params: Mapping[str, Any]) -> Iterator[Need]:
    match operation:
        case "DescribeLogGroups":
            yield Need("logs:DescribeLogGroups", arn("logs", "log-group::log-stream:*"))
        case "GetLogEvents":
            where = f"log-group:{params['logGroupName']}:log-stream:{params['logStreamName']}"
            yield Need("logs:GetLogEvents", arn("logs", where))
        case _:
            raise AssertionError(f"what does logs:{operation} need?")


def _iam(operation: str, params: Mapping[str, Any]) -> Iterator[Need]:
    named = params.get("PolicySourceArn") or f"arn:aws:iam::{ACCOUNT}:role/{params['RoleName']}"
    yield Need(f"iam:{operation}", named)


def _ssm(operation: str, params: Mapping[str, Any]) -> Iterator[Need]:
    if operation == "DescribeParameters":
        yield Need("ssm:DescribeParameters", "*")
        return
    for name in params["Names"]:
        yield Need(
            f"ssm:{operation}", arn("ssm", f"parameter/{name.partition(':')[0].lstrip('/')}")
        )


def _secretsmanager(operation: str, params: Mapping[str, Any]) -> Iterator[Need]:
    # The secret's own ARN, with AWS's six characters, however the request spells it.
    yield Need(f"secretsmanager:{operation}", f"{params['SecretId']}-AbCdEf")


def _unscoped(prefix: str) -> Callable[[str, Mapping[str, Any]], Iterator[Need]]:
    """Return the finder of a service of which the product makes listings without resources only."""

    def find(operation: str, _params: Mapping[str, Any]) -> Iterator[Need]:
        assert operation.startswith(("Describe", "Get", "List")), operation
        yield Need(f"{prefix}:{operation}", "*")

    return find


def _cloudwatch(operation: str, _params: Mapping[str, Any]) -> Iterator[Need]:
    assert operation == "DescribeAlarms", operation
    yield Need("cloudwatch:DescribeAlarms", arn("cloudwatch", "alarm:*"))


def _servicediscovery(operation: str, params: Mapping[str, Any]) -> Iterator[Need]:
    action = f"servicediscovery:{operation}"
    match operation:
        case "GetService":
            yield Need(action, arn("servicediscovery", f"service/{params['Id']}"))
        case "GetNamespace":
            yield Need(action, arn("servicediscovery", f"namespace/{params['Id']}"))
        case _:
            yield Need(action, "*")


def _efs(operation: str, params: Mapping[str, Any]) -> Iterator[Need]:
    system = arn("elasticfilesystem", f"file-system/{params['FileSystemId']}")
    yield Need(f"elasticfilesystem:{operation}", system)


def _cloudformation(operation: str, params: Mapping[str, Any]) -> Iterator[Need]:
    yield Need(
        f"cloudformation:{operation}", arn("cloudformation", f"stack/{params['StackName']}/id")
    )


def _s3(operation: str, params: Mapping[str, Any]) -> Iterator[Need]:
    bucket = f"arn:aws:s3:::{params['Bucket']}"
    if operation == "ListObjectsV2":
        yield Need("s3:ListBucket", bucket, {"s3:prefix": params["Prefix"]})
        return
    yield Need(f"s3:{operation}", f"{bucket}/{params['Key']}")


def _kms(operation: str, params: Mapping[str, Any]) -> Iterator[Need]:
    """Yield what a key needs: an alias is resolved to the key that IAM is asked about."""
    name = params["KeyId"].rpartition(":")[2]
    context = {"kms:RequestAlias": name} if name.startswith("alias/") else {}
    key = "fedcba98-7654-3210-fedc-ba9876543210" if context else name.removeprefix("key/")
    yield Need(f"kms:{operation}", arn("kms", f"key/{key}"), context)


_SCALING_ROLE = (
    f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_ECSService"
)


def _scaling(operation: str, params: Mapping[str, Any]) -> Iterator[Need]:
    """Yield what scaling needs: registering makes a role, target tracking has alarms of its own."""
    action = f"application-autoscaling:{operation}"
    if operation.startswith("Describe"):
        yield Need(action, "*")
        return
    if "ResourceARN" in params:  # tags: these know no namespace
        yield Need(action, arn("application-autoscaling", "scalable-target/0ec5"))
        return
    context = {"application-autoscaling:service-namespace": params["ServiceNamespace"]}
    yield Need(action, arn("application-autoscaling", "scalable-target/0ec5"), context)
    service = params["ResourceId"].rpartition("/")[2]
    alarm = arn("cloudwatch", f"alarm:TargetTracking-service/{CLUSTER}/{service}-AlarmHigh-1")
    match operation:
        case "RegisterScalableTarget":
            yield Need("ecs:DescribeServices", _service(service))
            yield Need("ecs:UpdateService", _service(service))
            principal = {"iam:AWSServiceName": "ecs.application-autoscaling.amazonaws.com"}
            yield Need("iam:CreateServiceLinkedRole", _SCALING_ROLE, principal)
            if params.get("Tags"):
                target = arn("application-autoscaling", "scalable-target/0ec5")
                yield Need("application-autoscaling:TagResource", target)
        case "PutScalingPolicy":
            yield Need("cloudwatch:PutMetricAlarm", alarm)
            yield Need("cloudwatch:DescribeAlarms", arn("cloudwatch", "alarm:*"))
        case "DeleteScalingPolicy":
            yield Need("cloudwatch:DeleteAlarms", alarm)


_NODES = (
    *("ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeVpcs"),
    *("ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"),
)
"""What making nodes depends on."""


def _elasticache(operation: str, params: Mapping[str, Any]) -> Iterator[Need]:
    action = f"elasticache:{operation}"
    parameters = params.get("CacheParameterGroupName")
    match operation:
        case "DescribeCacheSubnetGroups":
            yield Need(action, _cache("subnetgroup", params["CacheSubnetGroupName"]))
        case "DescribeReplicationGroups" | "IncreaseReplicaCount" | "DecreaseReplicaCount":
            yield Need(action, _cache("replicationgroup", params["ReplicationGroupId"]))
            if operation == "IncreaseReplicaCount":
                yield from (Need(name, "*") for name in _NODES)
        case "DescribeCacheClusters":
            yield Need(action, _cache("cluster", params.get("CacheClusterId", "*")))
        case "CreateReplicationGroup" | "ModifyReplicationGroup":
            yield from _replication_group(operation, params)
        case "ListTagsForResource" | "AddTagsToResource" | "RemoveTagsFromResource":
            yield Need(action, params["ResourceName"])
        case _:
            assert parameters, operation
            group = _cache("parametergroup", parameters)
            yield Need(action, group)
            if params.get("Tags"):
                yield Need("elasticache:AddTagsToResource", group)


def _replication_group(operation: str, params: Mapping[str, Any]) -> Iterator[Need]:
    identity, parameters = params["ReplicationGroupId"], params.get("CacheParameterGroupName")
    touched = [_cache("replicationgroup", identity)]
    if parameters or operation == "CreateReplicationGroup":
        touched.append(_cache("parametergroup", parameters or "default.redis7"))
    if params.get("CacheSubnetGroupName"):
        touched.append(_cache("subnetgroup", params["CacheSubnetGroupName"]))
    touched += [_cache("usergroup", group) for group in params.get("UserGroupIds", ())]
    for resource in touched:
        yield Need(f"elasticache:{operation}", resource)
    if operation == "CreateReplicationGroup":
        yield Need(f"elasticache:{operation}", _cache("cluster", f"{identity}-001"))
        yield from (Need(name, "*") for name in _NODES)
        if params.get("Tags"):
            yield Need("elasticache:AddTagsToResource", touched[0])
            yield Need("elasticache:AddTagsToResource", _cache("cluster", f"{identity}-001"))


def _cache(kind: str, name: str) -> str:
    return arn("elasticache", f"{kind}:{name}")


_SERVICES: Mapping[str, Callable[[str, Mapping[str, Any]], Iterator[Need]]] = {
    "application-autoscaling": _scaling,
    "cloudformation": _cloudformation,
    "cloudwatch": _cloudwatch,
    "dynamodb": _dynamodb,
    "ec2": _unscoped("ec2"),
    "ecr": _ecr,
    "ecs": _ecs,
    "efs": _efs,
    "elasticache": _elasticache,
    "elb": _unscoped("elasticloadbalancing"),
    "elbv2": _unscoped("elasticloadbalancing"),
    "iam": _iam,
    "kms": _kms,
    "logs": _logs,
    "s3": _s3,
    "secretsmanager": _secretsmanager,
    "service-quotas": _unscoped("servicequotas"),
    "servicediscovery": _servicediscovery,
    "ssm": _ssm,
    "sts": _sts,
}


def without(policy: Mapping[str, Any], sid: str, action: str = "") -> dict[str, Any]:
    """Return the policy without a statement, or without one action of it."""
    kept: list[Mapping[str, Any]] = []
    for statement in policy["Statement"]:
        rest: Sequence[str] = statement["Action"]
        if statement["Sid"] == sid:
            rest = [a for a in rest if action and a != action]
        if rest:
            kept.append({**statement, "Action": rest})
    return {**policy, "Statement": kept}
