"""What `init` asks AWS, what it leaves out, and what it never overwrites."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from reconciler.app.importing import ImportOptions, init
from reconciler.aws.clock import SystemClock
from reconciler.aws.translate import from_code
from reconciler.model.errors import NotFound, UsageError
from reconciler.settings import Settings
from tests.fakes.elasticache import FakeElastiCache
from tests.fakes.small import FakeSts
from tests.fakes.timeline import Timeline
from tests.fakes.transport import FakeTransport

ARN = "arn:aws:ecs:us-east-1:123456789012"


class Cluster:
    """A cluster of services that answer as ECS does, pages and tens included."""

    def __init__(self, names: list[str]) -> None:
        self.services = {name: self.service(name) for name in names}
        self.definitions: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.variables: list[dict[str, str]] = []
        self.timeline = Timeline()
        self.redis = FakeElastiCache(self.timeline)

    def service(self, name: str, **fields: Any) -> dict[str, Any]:
        return {
            "serviceName": name,
            "serviceArn": f"{ARN}:service/prod/{name}",
            "status": "ACTIVE",
            "desiredCount": 1,
            "launchType": "EC2",
            "taskDefinition": f"{ARN}:task-definition/{name}:1",
            "deployments": [{"id": "ecs-svc/1", "status": "PRIMARY"}],
            **fields,
        }

    def pass_time(self) -> None:
        self.timeline.advance(timedelta(hours=1))

    def handle(self, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        self.asked.append(operation)
        return getattr(self, operation)(params)

    def ListClusters(self, _params):
        return {"clusterArns": [f"{ARN}:cluster/prod"]}

    def ListServices(self, params):
        if params["cluster"] != "prod":
            raise from_code("ecs:ListServices", "ClusterNotFoundException", "Cluster not found.")
        assert params["resourceManagementType"] == "CUSTOMER"
        start = int(params.get("nextToken", 0))
        arns = [s["serviceArn"] for s in self.services.values()][start : start + 10]
        more = {"nextToken": str(start + 10)} if start + 10 < len(self.services) else {}
        return {"serviceArns": arns, **more}

    def DescribeServices(self, params):
        assert len(params["services"]) <= 10
        return {"services": [self.services[n] for n in params["services"] if n in self.services]}

    def DescribeTaskDefinition(self, params):
        family = params["taskDefinition"].rpartition("/")[2].partition(":")[0]
        container = {"name": "app", "image": "nginx:1.29", "memory": 64}
        container |= {"environment": self.variables}
        definition = {"family": family, "revision": 1, "containerDefinitions": [container]}
        return {"taskDefinition": definition}

    def ListTasks(self, _params):
        return {"taskArns": []}

    def none_scaled(self, operation: str, _params: Any) -> dict[str, Any]:
        return {operation.removeprefix("Describe"): []}


@pytest.fixture
def cluster(monkeypatch):
    """Return a cluster of twelve services behind every transport."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    found = Cluster([f"shop-{i:02}" for i in range(12)])
    timeline = found.timeline
    handlers = {
        "ecs": found.handle,
        "sts": FakeSts().handle,
        "application-autoscaling": found.none_scaled,
        "elasticache": found.redis.handle,
    }
    monkeypatch.setattr(
        "reconciler.app.world.BotoTransport", lambda *_, **__: FakeTransport(timeline, handlers)
    )
    monkeypatch.setattr("reconciler.app.world.World.registry", None)
    monkeypatch.setattr(SystemClock, "sleep", lambda _clock, duration: timeline.advance(duration))
    return found


def run(folder, **options):
    """Import into a folder; return the report."""
    said: list[str] = []
    chosen = ImportOptions(**{"cluster": "prod", "region": "us-east-1", **options})
    return init(Settings(directory=folder), chosen, say=said.append)


def test_a_cluster_is_read_in_pages_and_tens(cluster, tmp_path):
    """Twelve services: two pages of the list, two descriptions, one task definition each."""
    report = run(tmp_path, everything=True)
    assert len(report.services) == 12
    assert (report.key, list(report.differences)) == ("production/shop", [])
    counted = {name: cluster.asked.count(name) for name in set(cluster.asked)}
    assert counted["ListServices"] == 2
    assert counted["DescribeServices"] == 2
    assert counted["DescribeTaskDefinition"] == 12
    assert not [name for name in counted if not name.startswith(("List", "Describe"))]


def test_the_schema_is_written_where_the_first_line_says(cluster, tmp_path):
    """An editor finds it: the modeline is a path from the file."""
    report = run(tmp_path, services=["shop-00"])
    [file] = report.files
    line = (tmp_path / file).read_text().splitlines()[0]
    relative = line.partition("$schema=")[2]
    assert ((tmp_path / file).parent / relative).resolve() == tmp_path / ".schema/v1alpha1.json"
    assert (tmp_path / ".schema" / "v1alpha1.json").is_file()


def test_names_may_be_arns(cluster, tmp_path):
    """As other commands print them."""
    report = run(tmp_path, cluster=f"{ARN}:cluster/prod", services=[f"{ARN}:service/prod/shop-00"])
    assert [s.live.name for s in report.services] == ["shop-00"]
    assert "cluster: prod\n" in (tmp_path / "production/shop-00/app.yaml").read_text()


def test_what_cannot_be_imported_is_named_with_the_reason(cluster, tmp_path):
    """Absent, draining, another app's, without a task definition: each says why; the rest is written.

    A service of an external controller needs no task definition.
    """
    cluster.services["shop-01"]["status"] = "DRAINING"
    cluster.services["shop-02"]["tags"] = [
        {"key": "reconciler:app", "value": "other"},
        {"key": "reconciler:environment", "value": "production"},
    ]
    del cluster.services["shop-03"]["taskDefinition"]
    external = {"deploymentController": {"type": "EXTERNAL"}, "deployments": [], "taskSets": []}
    cluster.services["shop-04"] |= external
    del cluster.services["shop-04"]["taskDefinition"]
    names = ["shop-00", "shop-01", "shop-02", "shop-03", "shop-04", "ghost"]
    report = run(tmp_path, services=names, app="shop")
    assert {n: why.split(":")[0] for n, why in report.absent.items()} == {
        "shop-01": "it is DRAINING",
        "shop-02": "belongs to production/other",
        "shop-03": "it has no task definition",
        "ghost": "there is no such service",
    }
    assert [s.live.name for s in report.services] == ["shop-00", "shop-04"]
    assert list(report.differences) == []


def test_another_apps_redis_group_is_left_out(cluster, tmp_path):
    """As its services are: two apps would fight over it. It may be named alone."""
    for name, app in (("cache", "other"), ("queue", "shop")):
        owner = {"reconciler:app": app, "reconciler:environment": "production"}
        cluster.redis.handle(
            "CreateReplicationGroup",
            {
                "ReplicationGroupId": name,
                "ReplicationGroupDescription": "any",
                "Engine": "redis",
                "CacheNodeType": "cache.t3.micro",
                "Tags": [{"Key": k, "Value": v} for k, v in owner.items()],
            },
        )
    cluster.pass_time()
    report = run(tmp_path, services=["shop-00"], redis=["cache", "queue"], app="shop")
    assert report.redis == {"queue": "queue"}
    assert report.absent["cache"].startswith("belongs to production/other: ")
    assert "to use it, name it alone: replicationGroupId: cache" in report.absent["cache"]


def test_a_variable_twice_is_named(cluster, tmp_path):
    """ECS took it: the last one is written, and the container is named."""
    cluster.variables = [{"name": "A", "value": "one"}, {"name": "A", "value": "two"}]
    report = run(tmp_path, services=["shop-00"])
    assert list(report.differences) == []
    assert "A: two" in (tmp_path / "production/shop-00/app.yaml").read_text()
    assert "environment.A of container app is there twice" in report.services[0].notes[0]


def test_our_own_services_are_imported_under_their_name(cluster, tmp_path):
    """A lost folder is written anew as the app that the tags name."""
    for service in cluster.services.values():
        service["tags"] = [
            {"key": "reconciler:app", "value": "shop"},
            {"key": "reconciler:environment", "value": "staging"},
            {"key": "reconciler:address", "value": "service/x"},
        ]
    assert run(tmp_path, everything=True).key == "staging/shop"


def test_files_that_are_there_are_kept(cluster, tmp_path):
    """--force overwrites what init writes, and only that."""
    run(tmp_path, services=["shop-00"], app="shop")
    other = tmp_path / "production" / "shop" / "migrations.yaml"
    other.write_text("vars: {a: b}\n")
    with pytest.raises(UsageError, match="--force"):
        run(tmp_path, services=["shop-01"], app="shop")
    run(tmp_path, services=["shop-01"], app="shop", force=True)
    assert "shop-01" in (tmp_path / "production" / "shop" / "app.yaml").read_text()
    assert other.read_text() == "vars: {a: b}\n"


def test_nothing_chosen_lists_what_is_there(cluster, tmp_path):
    """Neither --service nor --all: nothing is written."""
    with pytest.raises(UsageError, match=r"--all; there are: shop-00, shop-01"):
        run(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_cluster_names_the_others(cluster, tmp_path):
    """A typing mistake is seen at once."""
    with pytest.raises(NotFound, match="there are: prod"):
        run(tmp_path, cluster="prd", everything=True)


def test_without_a_region_the_flag_is_named(cluster, tmp_path, monkeypatch):
    """No flag, no variable, no profile."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(UsageError, match="--region"):
        run(tmp_path, region=None, everything=True)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    assert run(tmp_path, region=None, services=["shop-00"]).files
