"""Seeding: everything an app names and does not make, nothing else, and repeatable."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.model.desired import DesiredRedis
from reconciler.model.errors import UsageError
from reconciler.model.lookups import Deferred, Lookup
from reconciler.model.names import Address
from reconciler.source.folder import load_folder
from tests.local.talk import code_of

DESIRED = Path(__file__).parents[2] / "desired"


@pytest.fixture
def shop():
    """Return the sample's desired state."""
    return load_folder(DESIRED).apps["production/shop"]


@pytest.fixture
def seeded(start, shop):
    """Return an embedded AWS seeded twice with the sample."""
    talk = start()
    talk.aws.seed([shop])
    talk.aws.seed([shop])
    return talk


def test_what_the_app_names_exists(seeded):
    """Cluster, repositories with every tag, log groups and parameters; no service, no task."""
    assert (
        seeded.ecs.describe_clusters(clusters=["production"])["clusters"][0]["status"] == "ACTIVE"
    )
    assert seeded.ecs.list_services(cluster="production")["serviceArns"] == []
    ecr = seeded.client("ecr")
    for name in ("shop", "shop-nginx", "reconciler-guard"):
        assert ecr.describe_images(repositoryName=name, imageIds=[{"imageTag": "any"}])
    groups = [g["logGroupName"] for g in seeded.logs.describe_log_groups()["logGroups"]]
    assert groups == [f"/ecs/shop-production-{n}" for n in ("daily-report", "db", "sidekiq", "web")]
    read = seeded.client("ssm").get_parameter
    url = read(Name="/shop/production/DATABASE_URL", WithDecryption=True)["Parameter"]["Value"]
    assert url == f"sqlite:///{seeded.aws.data_directory}/production-shop.sqlite3"
    key = read(Name="/shop/production/RAILS_MASTER_KEY", WithDecryption=True)["Parameter"]
    assert key["Value"] == "embedded-rails-master-key"


def test_roles_exist(seeded):
    """The roles that task definitions name can be read."""
    iam = seeded.client("iam")
    for name in ("shop-execution", "shop-task"):
        assert iam.get_role(RoleName=name)["Role"]["Arn"].endswith(f":role/{name}")


def test_a_role_may_be_named_without_its_arn(start, shop):
    """ECS takes the name of a role of the account, too."""
    talk = start()
    web = replace(shop.services[0], task_definition={"taskRoleArn": "short"})
    talk.aws.seed([replace(shop, services=(web,))])
    assert talk.client("iam").get_role(RoleName="short")["Role"]["Path"] == "/"


def test_nothing_is_seeded_unasked(start):
    """Without seeding there is no cluster."""
    talk = start()
    assert talk.ecs.list_clusters()["clusterArns"] == []
    assert code_of(talk.ecs.list_services, cluster="production") == "ClusterNotFoundException"


def test_values_already_there_stay(seeded, shop):
    """Seeding again does not overwrite what somebody changed."""
    ssm, name = seeded.client("ssm"), "/shop/production/RAILS_MASTER_KEY"
    ssm.put_parameter(Name=name, Value="mine", Type="SecureString", Overwrite=True)
    seeded.aws.seed([shop])
    assert ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"] == "mine"


def test_another_account_is_refused(seeded, shop):
    """The embedded AWS is one account; the message names both."""
    with pytest.raises(UsageError, match="210987654321"):
        seeded.aws.seed([replace(shop, account="210987654321")])


def test_a_region_that_is_none_is_no_traceback(start, shop):
    """An app in one is refused by name; what its files name in one does not exist there either."""
    talk = start()
    with pytest.raises(
        UsageError, match=r"production/shop names region us-moon-1, which no AWS has"
    ):
        talk.aws.seed([replace(shop, region="us-moon-1")])
    options = {"awslogs-group": "/far", "awslogs-region": "aws-region"}
    far = "arn:aws:secretsmanager:region:123456789012:secret:far-abcdef"
    container = {
        "name": "app",
        "image": "a/b:1",
        "secrets": [{"name": "FAR", "valueFrom": far}],
        "logConfiguration": {"logDriver": "awslogs", "options": options},
    }
    web = replace(shop.services[0], task_definition={"containerDefinitions": [container]})
    talk.aws.seed([replace(shop, services=(web,))])
    assert talk.ecs.list_clusters()["clusterArns"]


def test_the_account_can_be_chosen(start):
    """Every ARN and the caller's identity carry it."""
    talk = start(account="210987654321")
    assert talk.client("sts").get_caller_identity()["Account"] == "210987654321"
    cluster = talk.ecs.create_cluster(clusterName="c")["cluster"]
    assert ":210987654321:cluster/c" in cluster["clusterArn"]
    repository = talk.client("ecr").create_repository(repositoryName="other")["repository"]
    assert repository["registryId"] == "210987654321"


def test_data_is_fresh_at_each_start(start, tmp_path):
    """A given folder is emptied, and stays after the end; nothing of the tables is left."""
    folder = tmp_path / "data"
    talk = start(data_directory=folder)
    (folder / "old").write_text("x")
    talk.ecs.create_cluster(clusterName="c")
    talk.client("ssm").put_parameter(Name="/a", Value="b", Type="String")
    talk.aws.stop()
    assert (folder / "old").exists()
    again = start(data_directory=folder)
    assert not (folder / "old").exists()
    assert again.client("ssm").describe_parameters()["Parameters"] == []
    assert again.ecs.list_clusters()["clusterArns"] == []


def test_a_folder_with_other_files_is_not_emptied(start, tmp_path):
    """Somebody's own files are refused, not deleted; an empty folder is taken."""
    (tmp_path / "thesis.txt").write_text("x")
    with pytest.raises(UsageError, match="holds files"):
        start(data_directory=tmp_path)
    with pytest.raises(UsageError, match="not a folder"):
        start(data_directory=tmp_path / "thesis.txt")
    with pytest.raises(UsageError, match=r"data folder .*below: Not a directory"):
        start(data_directory=tmp_path / "thesis.txt" / "below")
    assert (tmp_path / "thesis.txt").read_text() == "x"
    (tmp_path / "empty").mkdir()
    assert start(data_directory=tmp_path / "empty").aws.endpoint_url


def test_what_a_redis_group_names_exists(seeded):
    """Its subnet group; the group itself is made by the reconciler."""
    cache = seeded.client("elasticache")
    (subnets,) = cache.describe_cache_subnet_groups()["CacheSubnetGroups"]
    assert subnets["CacheSubnetGroupName"] == "shop-production"
    assert cache.describe_replication_groups()["ReplicationGroups"] == []


def test_a_redis_group_that_is_only_referred_to_exists(start, shop):
    """Somebody else makes it, and its parameter group: here that is the seed."""
    group = {"replicationGroupId": "theirs", "cacheParameterGroupName": "their-redis7"}
    talk = start()
    app = replace(shop, redis=(DesiredRedis(Address("redis", "main"), group),))
    talk.aws.seed([app])
    talk.aws.seed([app])
    cache = talk.client("elasticache")
    (made,) = cache.describe_replication_groups()["ReplicationGroups"]
    assert made["ReplicationGroupId"] == "theirs"
    parameters = cache.describe_cache_parameter_groups(CacheParameterGroupName="their-redis7")
    assert parameters["CacheParameterGroups"][0]["CacheParameterGroupFamily"] == "redis7"


LOOKING = """\
apiVersion: reconciler/v1alpha1
app: shop
environment: production
account: "123456789012"
region: ap-northeast-1
cluster: production
defaults:
  cpu: 256
  memory: 512
  executionRoleArn: ${cfn:shop-roles.ExecutionRoleArn}
  networkConfiguration:
    subnets: ${ssm:/net/subnets}
    securityGroups: ["${cfn:network.AppSecurityGroup}"]
services:
  web:
    image: shop:1
    desiredCount: ${ssm:/shop/count}
    environment:
      CDN_URL: https://${ssm:/shop/cdn}/assets
      COLOUR: ${ssm:/shop/colour:-red}
"""


@pytest.fixture
def looking(tmp_path):
    """Return an app that looks things up."""
    folder = tmp_path / "production" / "shop"
    folder.mkdir(parents=True)
    (folder / "app.yaml").write_text(LOOKING)
    loaded = load_folder(tmp_path)
    assert not loaded.broken, loaded.diagnostics
    return loaded.apps["production/shop"]


def test_what_is_looked_up_has_a_value_that_suits_its_field(start, looking):
    """Parameters and stacks exist, once; what has a default is absent; the role exists, too."""
    talk = start()
    talk.aws.seed([looking])
    talk.aws.seed([looking])
    ssm = talk.client("ssm")
    names = ["/net/subnets", "/shop/count", "/shop/cdn", "/shop/colour"]
    found = ssm.get_parameters(Names=names)
    seen = {p["Name"]: (p["Type"], p["Value"]) for p in found["Parameters"]}
    assert seen == {
        "/net/subnets": ("StringList", "subnet-0embedded"),
        "/shop/count": ("String", "1"),
        "/shop/cdn": ("String", "embedded"),
    }
    assert found["InvalidParameters"] == ["/shop/colour"]
    stacks = talk.client("cloudformation").describe_stacks()["Stacks"]
    outputs = {
        (s["StackName"], o["OutputKey"]): o["OutputValue"] for s in stacks for o in s["Outputs"]
    }
    assert outputs == {
        ("shop-roles", "ExecutionRoleArn"): "arn:aws:iam::123456789012:role/embedded-execution",
        ("network", "AppSecurityGroup"): "sg-0embedded",
    }
    assert talk.client("iam").get_role(RoleName="embedded-execution")


def test_what_is_looked_up_is_left_out(start, shop):
    """Nobody knows here what a parameter will say: the rest is seeded, and nothing is made up."""
    value = Deferred((Lookup("ssm:/x"),))
    container = {"name": "app", "image": value, "secrets": [{"name": "S", "valueFrom": value}]}
    web = shop.services[0]
    task = {**web.task_definition, "executionRoleArn": value, "containerDefinitions": [container]}
    app = replace(
        shop, services=(replace(web, task_definition=task),), migrations=(), jobs=(), guard=None
    )
    talk = start()
    talk.aws.seed([app])
    assert talk.ecs.describe_clusters(clusters=["production"])["clusters"]
    assert talk.client("ecr").describe_repositories()["repositories"] == []
