"""The desired state of `shop.yaml` on some AWS: its file, the command line, and a console."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from click.testing import CliRunner, Result

from reconciler.cli.root import reconciler

REGION, CLUSTER = "ap-northeast-1", "production"
WEB, WORKER = "shop-production-web", "shop-production-worker"
GROUP = "shop-redis7"
OK, DIFFERENT, AWS_ERROR = 0, 1, 3
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
CONFIG = "application/vnd.docker.container.image.v1+json"


class Shop:
    """One AWS at an endpoint, and the file that is to become true there."""

    def __init__(self, endpoint: str, file: Path) -> None:
        self.endpoint, self.file = endpoint, file
        self.client = cache(self._client)

    def _client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id="console",
            aws_secret_access_key="console",
            config=Config(retries={"total_max_attempts": 1}),
        )

    def seed(self) -> None:
        """Make what the files name and do not make: cluster, role, network, two tags of an image."""
        self.client("ecs").create_cluster(clusterName=CLUSTER)
        trust = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}}
        policy = {"Version": "2012-10-17", "Statement": [{**trust, "Action": "sts:AssumeRole"}]}
        self.client("iam").create_role(
            RoleName="shop-execution", AssumeRolePolicyDocument=json.dumps(policy)
        )
        self._network()
        self._image()

    def _network(self) -> None:
        """Write two subnets and a group of the default VPC into the file: ministack makes groups there only."""
        ec2 = self.client("ec2")
        default = {"Name": "is-default", "Values": ["true"]}
        [vpc] = [v["VpcId"] for v in ec2.describe_vpcs(Filters=[default])["Vpcs"]]
        inside = [{"Name": "vpc-id", "Values": [vpc]}]
        subnets = [s["SubnetId"] for s in ec2.describe_subnets(Filters=inside)["Subnets"]]
        group = ec2.create_security_group(GroupName="shop", Description="shop", VpcId=vpc)
        self.edit(
            ("subnet-0aaa", subnets[0]), ("subnet-0bbb", subnets[1]), ("sg-0aaa", group["GroupId"])
        )

    def _image(self) -> None:
        ecr = self.client("ecr")
        ecr.create_repository(repositoryName="shop")
        for number in (1, 2):
            config = {"mediaType": CONFIG, "size": number, "digest": f"sha256:{number:064x}"}
            layer = {"mediaType": LAYER, "size": number, "digest": f"sha256:{number:064x}"}
            manifest = {
                "schemaVersion": 2,
                "mediaType": DOCKER,
                "config": config,
                "layers": [layer],
            }
            ecr.put_image(
                repositoryName="shop", imageManifest=json.dumps(manifest), imageTag=str(number)
            )

    def edit(self, *changes: tuple[str, str]) -> None:
        """Replace texts in the file."""
        text = self.file.read_text()
        for old, new in changes:
            assert old in text, f"{old!r} is not in the file"
            text = text.replace(old, new)
        self.file.write_text(text)

    def cli(self, *arguments: str) -> Result:
        """Run a command in this process; it never fails in a way that was not foreseen."""
        result = CliRunner().invoke(reconciler, list(arguments), prog_name="reconciler")
        assert result.exception is None or isinstance(result.exception, SystemExit), result
        assert "internal error" not in result.output, result.output
        return result

    def apply(self) -> Result:
        """Converge, which ends well."""
        done = self.cli("apply", "--yes")
        assert done.exit_code == OK, done.output
        return done

    def changes(self) -> list[tuple[str, str, str]]:
        """Return address, path and reason of every change that `diff` shows; exit code and plan agree."""
        done = self.cli("diff", "-o", "json")
        [app] = json.loads(done.stdout)["apps"]
        found = [
            (step["address"], change["path"], change["why"])
            for step in app["resources"]
            for change in step["changes"]
        ]
        assert done.exit_code == (OK if app["inSync"] else DIFFERENT), done.output
        assert bool(found) != app["inSync"], done.output
        return found

    def service(self, name: str = WEB) -> dict[str, Any]:
        """Describe a service as the console sees it."""
        answer = self.client("ecs").describe_services(
            cluster=CLUSTER, services=[name], include=["TAGS"]
        )
        return answer["services"][0]

    def definition(self, name: str = WEB) -> dict[str, Any]:
        """Describe the task definition that a service runs."""
        arn = self.service(name)["taskDefinition"]
        return self.client("ecs").describe_task_definition(taskDefinition=arn)["taskDefinition"]

    def parameter(self, name: str) -> str:
        """Return the value of a parameter of the Redis parameter group."""
        pages = self.client("elasticache").get_paginator("describe_cache_parameters")
        found = {
            p["ParameterName"]: p.get("ParameterValue", "")
            for page in pages.paginate(CacheParameterGroupName=GROUP)
            for p in page["Parameters"]
        }
        return found[name]

    def journal(self) -> list[dict[str, Any]]:
        """Return the journal, oldest first."""
        done = self.cli("history", "-o", "json", "--oldest-first", "-n", "1000")
        assert done.exit_code == OK, done.output
        [app] = json.loads(done.stdout)["apps"]
        return app["entries"]
