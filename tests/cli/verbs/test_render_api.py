"""`render --api` and `render --origin`: inputs that AWS's own model accepts, and where each line is from."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import yaml
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from reconciler.cli.verbs.render import API
from reconciler.plan.api_inputs import OPERATIONS, api_inputs
from reconciler.source.folder import load_folder
from tests.cli.verbs.test_files import GOOD

SAMPLE = Path(__file__).parents[3] / "desired"


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Work in a folder that has the sample."""
    shutil.copytree(SAMPLE, tmp_path / "desired")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "desired"


def accepted(operation: str, document: dict) -> str:
    """Return what botocore has against an input; empty when it would send it."""
    service, name, *_ = OPERATIONS[operation]
    model = ServiceModel(Loader().load_service_model(service, "service-2"), service)
    shape = model.operation_model(name).input_shape
    return ParamValidator().validate(document, shape).generate_report()


def test_the_flag_knows_every_operation():
    """The command line's list, which loads nothing, is that of the planner."""
    assert tuple(OPERATIONS) == API


@pytest.mark.parametrize(
    ("address", "operation"),
    [
        ("service/web", "register-task-definition"),
        ("service/web", "create-service"),
        ("service/web", "update-service"),
        ("service/sidekiq", "create-service"),
        ("migration/db", "register-task-definition"),
        ("migration/db", "run-task"),
        ("job/daily-report", "register-task-definition"),
        ("job/daily-report", "run-task"),
    ],
)
def test_an_input_is_what_the_api_takes(cli, root, address, operation):
    """One JSON document without anything around it, valid by botocore's own model, secrets' names kept."""
    result = cli("render", address, "--api", operation)
    assert result.exit_code == 0
    assert accepted(operation, json.loads(result.stdout)) == ""


def test_every_input_of_the_sample_is_valid():
    """Whatever operation and resource, what would be printed could be sent."""
    (app,) = load_folder(SAMPLE).apps.values()
    for operation in OPERATIONS:
        for one in api_inputs(app, operation):
            assert accepted(operation, one.document) == "", (operation, str(one))


def test_an_input_says_what_is_created(cli, root):
    """Count, tags of ours, and the family in the place of a revision; no token of ours."""
    document = json.loads(cli("render", "service/web", "--api", "create-service").stdout)
    assert document["desiredCount"] == 3
    assert document["taskDefinition"] == "shop-production-web"
    assert {"key": "reconciler:address", "value": "service/web"} in document["tags"]
    assert "clientToken" not in document


def test_an_update_has_no_field_of_creation(cli, root):
    """UpdateService takes neither launchType nor tags."""
    document = json.loads(cli("render", "service/web", "--api", "update-service").stdout)
    assert document["service"] == "shop-production-web"
    assert {"launchType", "tags", "serviceName"}.isdisjoint(document)


def test_an_input_may_be_yaml(cli, root):
    """As `--cli-input-yaml` takes it."""
    arguments = ("render", "service/web", "--api", "create-service")
    assert yaml.safe_load(cli(*arguments, "-o", "yaml").stdout) == json.loads(
        cli(*arguments).stdout
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--api", "create-service"), "service/sidekiq, production/shop service/web"),
        (("migration/db", "--api", "create-service"), "there are: none"),
        (("service/web", "--api", "delete-service"), "register-task-definition"),
        (("--origin", "-o", "json"), "JSON has none"),
        (("service/web", "--origin", "--api", "create-service"), "leave out"),
    ],
)
def test_an_input_that_cannot_be(cli, root, arguments, said):
    """None, or several, or another operation: wrong usage, naming what there is."""
    result = cli("render", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr.replace("service/web, production/shop service/sidekiq", said)


def test_a_masked_value_is_never_sent(cli, root):
    """What promises a secret is not printed, and a masked input would be a wrong one: --reveal decides."""
    (root / "production/shop/app.yaml").write_text(
        GOOD.replace("    environment:\n", "    environment:\n      API_TOKEN: hunter2\n")
    )
    arguments = ("render", "service/web", "--api", "register-task-definition")
    result = cli(*arguments)
    assert result.exit_code == 2
    assert "hunter2" not in result.stdout + result.stderr
    assert "--reveal" in result.stderr
    assert "hunter2" in cli(*arguments, "--reveal").stdout


def test_origins_change_no_value(cli, root):
    """The lines with comments read as the document without them, masked values too."""
    assert yaml.safe_load(cli("render", "--origin").stdout) == yaml.safe_load(cli("render").stdout)


def test_each_line_says_where_it_is_from(cli, root):
    """The named line of the file holds the value, or the key; what we wrote down says so."""
    lines = (root / "production/shop/app.yaml").read_text().splitlines()
    text = cli("render", "service/web", "--origin").stdout
    found = re.findall(
        r"^ *(?:- )?(\w+): (\S+) +# desired/production/shop/app.yaml:(\d+)$", text, re.MULTILINE
    )
    assert len(found) > 10
    for key, value, number in found:
        line = lines[int(number) - 1]
        # Short forms have neither key nor value as AWS spells them.
        short = key in (
            "name",
            "value",
            "valueFrom",
            "protocol",
            "condition",
            "containerName",
            "memory",
        )
        assert short or key in line or value.strip("'") in line, (key, value, line)
    assert re.search(r"launchType: FARGATE +# written down", text)
    assert re.search(r"image: \S+/shop:\S+  # desired/production/shop/app.yaml:12", text)


@pytest.mark.parametrize("operation", ["create-replication-group", "create-cache-parameter-group"])
def test_redis_has_inputs_too(cli, root, operation):
    """Spelled as ElastiCache spells them, and valid by its model."""
    result = cli("render", "redis/main", "--api", operation)
    assert result.exit_code == 0
    assert accepted(operation, json.loads(result.stdout)) == ""


def test_every_kind_is_rendered_with_its_origins(cli, root):
    """Redis, autoscaling and jobs stand beside the services, and their lines say where they are from."""
    text = cli("render", "--origin").stdout
    assert yaml.safe_load(text) == yaml.safe_load(cli("render").stdout)
    resources = yaml.safe_load(text)["apps"][0]["resources"]
    assert {"redis/main", "autoscaling/web", "job/daily-report"} <= resources.keys()
    lines = (root / "production/shop/app.yaml").read_text().splitlines()
    number = 1 + next(i for i, line in enumerate(lines) if "cacheNodeType" in line)
    assert re.search(rf"cacheNodeType: cache.t3.micro +# \S+app.yaml:{number}$", text, re.MULTILINE)
    assert re.search(r"minCapacity: 3 +# \S+app.yaml:\d+$", text, re.MULTILINE)


def test_look_ups_stay_as_they_are_written(cli, root):
    """Offline nothing is looked up: the text stands, and stderr says which."""
    result = cli("render", "service/sidekiq", "--api", "register-task-definition")
    assert {"name": "REDIS_URL", "value": "${redis.main.url}"} in (
        json.loads(result.stdout)["containerDefinitions"][0]["environment"]
    )
    assert "not looked up, as written: redis.main.url" in result.stderr


def test_scaling_is_rendered_and_sent_alike(cli, root):
    """The target, its policies and their lines are shown; the input of the registration is AWS's."""
    path = root / "production" / "shop" / "app.yaml"
    head, rest = path.read_text().split("    autoscaling: ", 1)
    scaled = "    autoscaling:\n      min: 3\n      max: 12\n      targetCpu: 60\n"
    path.write_text(head + scaled + rest.split("\n", 1)[1])
    document = yaml.safe_load(cli("render", "autoscaling/web").stdout)
    [resources] = [app["resources"] for app in document["apps"]]
    shown = resources["autoscaling/web"]
    assert shown["registerScalableTarget"] == {"minCapacity": 3, "maxCapacity": 12}
    assert list(shown["putScalingPolicy"]) == ["cpu"]
    sent = json.loads(cli("render", "autoscaling/web", "--api", "register-scalable-target").stdout)
    assert accepted("register-scalable-target", sent) == ""
    assert sent["ResourceId"] == "service/production/shop-production-web"
    line = head.count("\n") + 2
    lines = cli("render", "autoscaling/web", "--origin").stdout.splitlines()
    [bound] = [at for at in lines if "minCapacity" in at]
    assert bound.endswith(f"app.yaml:{line}")
    [policy] = [at for at in lines if "targetValue" in at]
    assert policy.endswith(f"app.yaml:{line + 2}")


SCALED = """\
    autoscaling:
      min: 3
      max: 12
      targetCpu: 60
      requestCountPerTarget: 500
      tags: {team: shop}
      scheduledActions:
        night: {schedule: cron(0 18 * * ? *), scalableTargetAction: {minCapacity: 1}}
"""


@pytest.fixture
def scaled(root):
    """Have the sample's web service scaled by everything there is."""
    path = root / "production/shop/app.yaml"
    path.write_text(re.sub(r"    autoscaling: .*\n", SCALED, path.read_text()))


@pytest.mark.parametrize(
    ("arguments", "field", "name"),
    [
        (("put-scaling-policy", "--name", "cpu"), "PolicyName", "cpu"),
        (("put-scaling-policy", "--name", "requests"), "PolicyName", "requests"),
        (("put-scheduled-action",), "ScheduledActionName", "night"),
    ],
)
def test_each_policy_and_action_has_an_input(cli, scaled, arguments, field, name):
    """By its name where there are several; with what says which service it is about."""
    result = cli("render", "autoscaling/web", "--api", *arguments)
    document = json.loads(result.stdout)
    assert accepted(arguments[0], document) == ""
    assert document[field] == name
    assert document["ResourceId"] == "service/production/shop-production-web"
    assert ("resourceLabel" in result.stderr) is (name == "requests")


def test_several_policies_are_named(cli, scaled):
    """Without a name, or with one that is none of them, it says which there are; alone it means nothing."""
    for arguments in ((), ("--name", "none")):
        result = cli("render", "autoscaling/web", "--api", "put-scaling-policy", *arguments)
        assert result.exit_code == 2
        assert "production/shop autoscaling/web cpu" in result.stderr
        assert "production/shop autoscaling/web requests" in result.stderr
        assert "--name which one" in result.stderr
    assert cli("render", "--name", "cpu").exit_code == 2


def test_the_registration_has_its_tags(cli, scaled):
    """Declared ones and ours, as they are given when it is applied."""
    arguments = ("autoscaling/web", "--api", "register-scalable-target")
    tags = json.loads(cli("render", *arguments).stdout)["Tags"]
    assert tags["team"] == "shop"
    assert tags["reconciler:address"] == "autoscaling/web"


EXTERNAL = GOOD[: GOOD.index("services:")] + (
    "services:\n  web: {deploymentController: {type: EXTERNAL}}\n"
)


def test_what_has_no_task_definition_shows_none(cli, root):
    """A service of another deployer is shown as it is declared, and created without a revision."""
    (root / "production/shop/app.yaml").write_text(EXTERNAL)
    shown = yaml.safe_load(cli("render").stdout)["apps"][0]["resources"]["service/web"]
    assert list(shown) == ["createService"]
    created = json.loads(cli("render", "service/web", "--api", "create-service").stdout)
    assert accepted("create-service", created) == ""
    assert "taskDefinition" not in created
    result = cli("render", "service/web", "--api", "register-task-definition")
    assert result.exit_code == 2
    assert "service/web" not in result.stderr.partition("there are:")[2]
