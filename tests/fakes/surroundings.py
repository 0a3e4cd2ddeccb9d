"""What stands around ECS (IAM, VPC, load balancers, secrets …) as preflight reads it; everything is there.

A test takes something away, or changes it: `missing` names what does not exist, by name, id or ARN.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from reconciler.aws.translate import from_code
from tests.fakes.small import ACCOUNT
from tests.fakes.transport import Handler

VPC = "vpc-0aaa"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": ["ecs-tasks.amazonaws.com", "ecs.amazonaws.com"]},
        }
    ],
}


class FakeSurroundings:
    """An account in which everything that is asked for exists and fits, unless the test says otherwise."""

    def __init__(self) -> None:
        self.missing: set[str] = set()
        self.errors: dict[str, Exception] = {}
        """`service:operation` → what is raised in place of an answer."""
        self.trust: dict[str, Any] = {}
        """Role name → trust policy."""
        self.role_paths: dict[str, str] = {}
        self.refused: set[str] = set()
        """ARNs that the simulator says no role may read."""
        self.free: dict[str, int] = {}
        """Subnet → free addresses."""
        self.vpcs: dict[str, str] = {}
        """Subnet, security group or target group's name → VPC."""
        self.target_groups: dict[str, dict[str, Any]] = {}
        """Target group's name → what is different about it."""
        self.forwards: dict[str, dict[str, int]] = {}
        """Listener rule or listener, by the end of its ARN → target group's name → weight."""
        self.balancers: dict[str, dict[str, Any]] = {}
        """Classic load balancer → what is different about it."""
        self.keys: dict[str, dict[str, Any]] = {}
        """Key as it is named → what is different about it."""
        self.alarms: dict[str, str] = {}
        self.secrets: dict[str, dict[str, Any]] = {}
        self.quota: float = 1000.0
        self.file_systems: dict[str, str] = {}
        self.asked: list[str] = []

    @property
    def handlers(self) -> dict[str, Handler]:
        """One handler for each service, for a `FakeTransport`."""
        names = (
            *("iam", "ec2", "elb", "elbv2", "ssm", "secretsmanager", "cloudwatch", "logs", "efs"),
            *("kms", "service-quotas", "servicediscovery", "elasticache", "cloudformation", "s3"),
        )
        return {name: self._handler(name) for name in names}

    def _handler(self, service: str) -> Handler:
        def handle(operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
            self.asked.append(f"{service}:{operation}")
            error = self.errors.get(f"{service}:{operation}")
            if error is not None:
                raise error
            method = getattr(self, f"{service.replace('-', '_')}_{operation}", None)
            if method is None:
                raise AssertionError(f"the fake has no {service}:{operation}")
            answer: dict[str, Any] = method(params)
            return answer

        return handle

    def deny(self, operation: str) -> None:
        """Have an operation refused for want of a permission."""
        message = f"User: arn:aws:iam::{ACCOUNT}:user/u is not authorized to perform this"
        self.errors[operation] = from_code(operation, "AccessDenied", message, status=403)

    def _check(self, operation: str, code: str, name: str) -> None:
        if name in self.missing:
            raise from_code(operation, code, f"{name} does not exist", status=404)

    # The API, by `service_Operation`.

    def iam_GetRole(self, params: Mapping[str, Any]) -> dict[str, Any]:
        name = params["RoleName"]
        self._check("iam:GetRole", "NoSuchEntity", name)
        role: dict[str, Any] = {"AssumeRolePolicyDocument": self.trust.get(name, TRUST)}
        if name in self.role_paths:
            role["Arn"] = f"arn:aws:iam::{ACCOUNT}:role{self.role_paths[name]}{name}"
        return {"Role": role}

    def iam_SimulatePrincipalPolicy(self, params: Mapping[str, Any]) -> dict[str, Any]:
        name = params["PolicySourceArn"].rpartition("/")[2]
        self._check("iam:SimulatePrincipalPolicy", "NoSuchEntity", name)
        results = [
            {
                "EvalResourceName": arn,
                "EvalDecision": "implicitDeny" if arn in self.refused else "allowed",
            }
            for arn in params["ResourceArns"]
        ]
        return {"EvaluationResults": results, "IsTruncated": False}

    def _filtered(self, params: Mapping[str, Any]) -> list[str]:
        (wanted,) = params["Filters"]
        return [i for i in wanted["Values"] if i not in self.missing]

    def ec2_DescribeSubnets(self, params: Mapping[str, Any]) -> dict[str, Any]:
        found = [
            {
                "SubnetId": i,
                "VpcId": self.vpcs.get(i, VPC),
                "AvailableIpAddressCount": self.free.get(i, 250),
            }
            for i in self._filtered(params)
        ]
        return {"Subnets": found}

    def ec2_DescribeSecurityGroups(self, params: Mapping[str, Any]) -> dict[str, Any]:
        found = [{"GroupId": i, "VpcId": self.vpcs.get(i, VPC)} for i in self._filtered(params)]
        return {"SecurityGroups": found}

    def elbv2_DescribeTargetGroups(self, params: Mapping[str, Any]) -> dict[str, Any]:
        (arn,) = params["TargetGroupArns"]
        name = arn.split("/")[-2]
        self._check("elbv2:DescribeTargetGroups", "TargetGroupNotFound", name)
        group = {
            "TargetGroupArn": arn,
            "TargetType": "ip",
            "Protocol": "HTTP",
            "Port": 80,
            "VpcId": self.vpcs.get(name, VPC),
            "LoadBalancerArns": ["arn:aws:elasticloadbalancing:r:a:loadbalancer/app/x/1"],
        }
        return {"TargetGroups": [{**group, **self.target_groups.get(name, {})}]}

    def _forwarding(self, arn: str) -> list[dict[str, Any]]:
        """Return the action of a rule: to `web` and `green`, of a listener to `tcp` and `tcp-green`."""
        ours = {"tcp": 1, "tcp-green": 0} if ":listener/net/" in arn else {"web": 1, "green": 0}
        prefix = arn.partition(":listener")[0]
        groups = [
            {"TargetGroupArn": f"{prefix}:targetgroup/{name}/0123456789abcdef", "Weight": weight}
            for name, weight in self.forwards.get(arn.rpartition("/")[2], ours).items()
        ]
        return [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}]

    def elbv2_DescribeRules(self, params: Mapping[str, Any]) -> dict[str, Any]:
        (arn,) = params["RuleArns"]
        self._check("elbv2:DescribeRules", "RuleNotFound", arn.rpartition("/")[2])
        return {"Rules": [{"RuleArn": arn, "Actions": self._forwarding(arn)}]}

    def elbv2_DescribeListeners(self, params: Mapping[str, Any]) -> dict[str, Any]:
        (arn,) = params["ListenerArns"]
        self._check("elbv2:DescribeListeners", "ListenerNotFound", arn.rpartition("/")[2])
        return {"Listeners": [{"ListenerArn": arn, "DefaultActions": self._forwarding(arn)}]}

    def elb_DescribeLoadBalancers(self, params: Mapping[str, Any]) -> dict[str, Any]:
        (name,) = params["LoadBalancerNames"]
        self._check("elb:DescribeLoadBalancers", "LoadBalancerNotFound", name)
        listener = {"Protocol": "HTTP", "LoadBalancerPort": 80, "InstancePort": 80}
        balancer = {
            "LoadBalancerName": name,
            "ListenerDescriptions": [{"Listener": listener}],
            **self.balancers.get(name, {}),
        }
        return {"LoadBalancerDescriptions": [balancer]}

    def kms_DescribeKey(self, params: Mapping[str, Any]) -> dict[str, Any]:
        key = params["KeyId"]
        self._check("kms:DescribeKey", "NotFoundException", key)
        found = {"KeyState": "Enabled", "KeySpec": "SYMMETRIC_DEFAULT", **self.keys.get(key, {})}
        return {"KeyMetadata": found}

    def s3_ListObjectsV2(self, params: Mapping[str, Any]) -> dict[str, Any]:
        key = params["Prefix"]
        self._check("s3:ListObjectsV2", "NoSuchBucket", params["Bucket"])
        found = [{"Key": k} for k in (key, f"{key}.old") if k not in self.missing]
        return {"Contents": found[: params["MaxKeys"]]}

    def ssm_DescribeParameters(self, params: Mapping[str, Any]) -> dict[str, Any]:
        (wanted,) = params["ParameterFilters"]
        found = [
            {"Name": n} for n in wanted["Values"] if n.startswith("/") and n not in self.missing
        ]
        return {"Parameters": found}

    def ssm_GetParameters(self, params: Mapping[str, Any]) -> dict[str, Any]:
        found = [
            {"Name": n, "Type": "String", "Value": n}
            for n in params["Names"]
            if n not in self.missing
        ]
        return {"Parameters": found}

    def cloudformation_DescribeStacks(self, params: Mapping[str, Any]) -> dict[str, Any]:
        outputs = [{"OutputKey": "Output", "OutputValue": "value"}]
        return {"Stacks": [{"StackName": params["StackName"], "Outputs": outputs}]}

    def s3_GetObject(self, _params: Mapping[str, Any]) -> dict[str, Any]:
        state = {"version": 4, "outputs": {"x": {"value": "v", "type": "string"}}, "resources": []}
        return {"Body": json.dumps(state).encode()}

    def secretsmanager_DescribeSecret(self, params: Mapping[str, Any]) -> dict[str, Any]:
        arn = params["SecretId"]
        self._check("secretsmanager:DescribeSecret", "ResourceNotFoundException", arn)
        secret = {"ARN": arn, "VersionIdsToStages": {"v1": ["AWSCURRENT"]}}
        return {**secret, **self.secrets.get(arn, {})}

    def cloudwatch_DescribeAlarms(self, params: Mapping[str, Any]) -> dict[str, Any]:
        found = [
            {"AlarmName": n, "StateValue": self.alarms.get(n, "OK")}
            for n in params["AlarmNames"]
            if n not in self.missing
        ]
        return {"MetricAlarms": found, "CompositeAlarms": []}

    def logs_DescribeLogGroups(self, params: Mapping[str, Any]) -> dict[str, Any]:
        name = params["logGroupNamePrefix"]
        found = [f"{name}-other"] if name in self.missing else [name, f"{name}-other"]
        return {"logGroups": [{"logGroupName": n} for n in found]}

    def service_quotas_GetServiceQuota(self, params: Mapping[str, Any]) -> dict[str, Any]:
        code = params["QuotaCode"]
        self._check("service-quotas:GetServiceQuota", "NoSuchResourceException", code)
        return {"Quota": {"Value": self.quota}}

    def servicediscovery_GetService(self, params: Mapping[str, Any]) -> dict[str, Any]:
        self._check("servicediscovery:GetService", "ServiceNotFound", params["Id"])
        return {"Service": {"Id": params["Id"]}}

    def servicediscovery_GetNamespace(self, params: Mapping[str, Any]) -> dict[str, Any]:
        self._check("servicediscovery:GetNamespace", "NamespaceNotFound", params["Id"])
        return {"Namespace": {"Id": params["Id"]}}

    def servicediscovery_ListNamespaces(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return {"Namespaces": [{"Name": n} for n in self._filtered(params)]}

    def efs_DescribeFileSystems(self, params: Mapping[str, Any]) -> dict[str, Any]:
        name = params["FileSystemId"]
        self._check("efs:DescribeFileSystems", "FileSystemNotFound", name)
        state = self.file_systems.get(name, "available")
        return {"FileSystems": [{"FileSystemId": name, "LifeCycleState": state}]}

    def elasticache_DescribeCacheSubnetGroups(self, params: Mapping[str, Any]) -> dict[str, Any]:
        name = params["CacheSubnetGroupName"]
        self._check("elasticache:DescribeCacheSubnetGroups", "CacheSubnetGroupNotFoundFault", name)
        return {"CacheSubnetGroups": [{"CacheSubnetGroupName": name, "VpcId": VPC}]}
