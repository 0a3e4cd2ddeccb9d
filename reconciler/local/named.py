"""What stands around the tasks and has an id that nobody can choose: it exists when it is named.

Subnets, security groups and target groups exist, as images do, as soon as somebody asks for them: `front`
calls `admit` before moto describes them. The rest is made by `seed` alone, which knows what the files name.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.local.moto_backend import MotoBackend
from reconciler.model.names import last_part

Form = Mapping[str, Sequence[str]]
"""A request of the query protocol: parameter → values."""

_TARGET_GROUP = re.compile(r"arn:[^:]+:elasticloadbalancing:[^:]+:\d{12}:targetgroup/([^/]+)/\w+")
_LISTENER = re.compile(
    r"(?P<elb>arn:[^:]+:elasticloadbalancing:[^:]+:\d{12}):listener(-rule)?/"
    r"(?P<balancer>(app|net)/[^/]+/\w+)/(?P<listener>\w+)(/(?P<rule>\w+))?"
)
_FILTERS = {"DescribeSubnets": "subnet-id", "DescribeSecurityGroups": "group-id"}


class Named:
    """Things with given ids in one account. Everything is in the region's default VPC."""

    def __init__(self, moto: MotoBackend) -> None:
        self._moto = moto

    def admit(self, service: str, operation: str, region: str, form: Form) -> None:
        """Make what a request is about to ask for by name."""
        if service == "ec2" and operation in _FILTERS:
            make = self.subnet if operation == "DescribeSubnets" else self.security_group
            for name in _filtered(form, _FILTERS[operation]):
                make(name, region)
        elif service == "elasticloadbalancing" and operation == "DescribeTargetGroups":
            for name, values in form.items():
                if name.startswith("TargetGroupArns.member."):
                    self.target_group(values[0], region)

    def subnet(self, name: str, region: str) -> None:
        """Make a subnet, as large as a default one."""
        if not name.startswith("subnet-"):
            return
        with self._moto.lock:
            backend = self._backend("ec2", region)
            if any(name in subnets for subnets in backend.subnets.values()):
                return
            model = next(iter(backend.get_default_subnets().values()))
            made = copy.copy(model)
            made.id = name
            backend.subnets[made.availability_zone][name] = made

    def security_group(self, name: str, region: str) -> None:
        """Make a security group."""
        if not name.startswith("sg-"):
            return
        with self._moto.lock:
            backend = self._backend("ec2", region)
            if any(name in groups for groups in backend.groups.values()):
                return
            vpc = backend.default_vpc.id
            made = backend.create_security_group(name, name, vpc, force=True)
            del backend.groups[vpc][made.id]
            made.id = made.group_id = name
            backend.groups[vpc][name] = made

    def target_group(self, arn: str, region: str, kind: str = "ip") -> None:
        """Make a target group behind a load balancer; `kind` is the type of its targets."""
        match = _TARGET_GROUP.fullmatch(arn)
        if match is None:
            return
        with self._moto.lock:
            backend = self._backend("elbv2", region)
            if arn in backend.target_groups:
                return
            from moto.elbv2.models import FakeTargetGroup  # noqa: PLC0415 - only when needed

            vpc = self._backend("ec2", region).default_vpc.id
            make: Any = FakeTargetGroup  # abstract to mypy only
            made = make(match[1], self._moto.account, region, vpc, "HTTP", "80", target_type=kind)
            made.arn = arn
            made.load_balancer_arns.append(arn.replace(":targetgroup/", ":loadbalancer/app/"))
            backend.target_groups[arn] = made

    def listener_rule(self, arn: str, groups: Sequence[str], region: str) -> None:
        """Make a rule, or a Network Load Balancer's listener, that sends to the first of these groups."""
        match = _LISTENER.fullmatch(arn)
        if match is None:
            return
        from moto.elbv2 import models  # noqa: PLC0415 - only when needed

        weighed = [{"TargetGroupArn": g, "Weight": int(g == groups[0])} for g in groups]
        action = models.FakeAction({"Type": "forward", "ForwardConfig": {"TargetGroups": weighed}})
        with self._moto.lock:
            balancers = self._backend("elbv2", region).load_balancers
            balancer = balancers.setdefault(
                f"{match['elb']}:loadbalancer/{match['balancer']}", self._balancer(match, region)
            )
            listener = f"{match['elb']}:listener/{match['balancer']}/{match['listener']}"
            make: Any = models.FakeListener  # abstract to mypy only
            found = balancer.listeners.setdefault(
                listener, make(balancer.arn, listener, "HTTP", "80", "", None, [action], None)
            )
            if match["rule"]:
                make = models.FakeListenerRule
                found.register(arn, make(listener, arn, [], len(found.rules), [action]))

    def _balancer(self, match: re.Match[str], region: str) -> Any:
        from moto.elbv2.models import FakeLoadBalancer  # noqa: PLC0415 - only when needed

        kind, name, _ = match["balancer"].split("/")
        vpc = self._backend("ec2", region).default_vpc.id
        arn = f"{match['elb']}:loadbalancer/{match['balancer']}"
        make: Any = FakeLoadBalancer  # abstract to mypy only
        longer = "application" if kind == "app" else "network"
        return make(name, [], [], vpc, arn, name, "active", loadbalancer_type=longer)

    def classic_balancer(self, name: str, port: int, region: str) -> None:
        """Make a Classic Load Balancer that sends to a port of its instances."""
        with self._moto.lock:
            backend = self._backend("elb", region)
            if name and name not in backend.load_balancers:
                zones = list(self._backend("ec2", region).get_default_subnets())[:1]
                listener = {"Protocol": "HTTP", "LoadBalancerPort": port, "InstancePort": port}
                backend.create_load_balancer(name, zones, [listener])

    def key(self, name: str, region: str) -> None:
        """Make a key of KMS, by its id, an alias, or the ARN of either."""
        identity = name.rpartition(":")[2].removeprefix("key/")
        with self._moto.lock:
            backend = self._backend("kms", region)
            aliased = identity.startswith("alias/")
            known = backend.get_key_id_from_alias(identity) if aliased else identity
            if not identity or known in backend.keys:
                return
            made = backend.create_key(None, "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT", "", None)
            if aliased:
                backend.create_alias(made.id, identity)
                return
            del backend.keys[made.id]
            made.arn, made.id = made.arn.replace(made.id, identity), identity
            backend.keys[identity] = made

    def environment_file(self, arn: str, region: str) -> None:
        """Make an empty environment file, and the bucket that it is in."""
        partition = arn.split(":")[1] if ":" in arn else ""
        bucket, _, key = arn.split(":", 5)[-1].partition("/")
        if not (arn.startswith("arn:") and bucket and key):
            return
        with self._moto.lock:
            backend = self._backend("s3", partition)  # moto keeps all buckets of a partition there
            if bucket not in backend.buckets:
                backend.create_bucket(bucket, region)
            if backend.head_object(bucket, key) is None:
                backend.put_object(bucket, key, b"")

    def registry(self, identity: str, region: str) -> None:
        """Make a Cloud Map service."""
        from moto.servicediscovery.models import Service  # noqa: PLC0415 - only when needed

        with self._moto.lock:
            services = self._backend("servicediscovery", region).services
            if identity.startswith("srv-") and identity not in services:
                made = Service(self._moto.account, region, identity, "", "", "", {}, {}, {}, "HTTP")
                made.id = identity
                services[identity] = made

    def namespace(self, name: str, region: str) -> None:
        """Make a namespace of Cloud Map, by name or by ARN."""
        from moto.servicediscovery.models import Namespace  # noqa: PLC0415 - only when needed

        with self._moto.lock:
            namespaces = self._backend("servicediscovery", region).namespaces
            if any(name in (found.name, found.arn) for found in namespaces.values()):
                return
            made = Namespace(self._moto.account, region, name, "HTTP", "", "", {}, {})
            if name.startswith("arn:"):
                made.arn, made.id = name, last_part(name)
            namespaces[made.id] = made

    def file_system(self, identity: str, region: str) -> None:
        """Make an EFS file system; its content is the task's own folder."""
        from moto.efs.models import FileSystem  # noqa: PLC0415 - only when needed

        with self._moto.lock:
            backend = self._backend("efs", region)
            if identity.startswith("fs-") and identity not in backend.file_systems_by_id:
                make: Any = FileSystem  # abstract to mypy only
                backend.file_systems_by_id[identity] = make(
                    self._moto.account, region, identity, identity, backend,
                    "", False, "", "", 0, "", False,
                )  # fmt: skip

    def _backend(self, service: str, region: str) -> Any:
        from moto.backends import get_backend  # noqa: PLC0415 - only when needed

        return get_backend(service)[self._moto.account][region]  # type: ignore[call-overload]


def _filtered(form: Form, wanted: str) -> list[str]:
    """Return the values of a filter: `Filter.1.Name=subnet-id&Filter.1.Value.1=subnet-0aaa`."""
    filters = [name[: -len(".Name")] for name, values in form.items() if values == [wanted]]
    return [
        values[0]
        for name, values in form.items()
        if any(name.startswith(f"{prefix}.Value.") for prefix in filters)
    ]
