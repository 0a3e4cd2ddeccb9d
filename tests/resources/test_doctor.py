"""`doctor`: every check says its own result, and none of them changes anything."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler.aws.door import Aws
from reconciler.aws.http import UrllibHttp
from reconciler.aws.operations import is_mutating
from reconciler.aws.registry import Registry
from reconciler.model.errors import (
    AccessDenied,
    AwsError,
    BadCredentials,
    InvalidRequest,
    NotFound,
    OutcomeUnknown,
    Unreachable,
)
from reconciler.model.finding import CheckState
from reconciler.model.lookups import Deferred, Lookup
from reconciler.resources.preflight.doctor import check_app, exit_code
from tests.aws.registries import PlayedRegistry, served
from tests.fakes.clock import VirtualClock
from tests.fakes.surroundings import FakeSurroundings
from tests.resources.test_policy import app

DIGEST = "sha256:" + "a" * 64
INDEX = "application/vnd.oci.image.index.v1+json"
ANSWERS: dict[str, Any] = {
    "sts:GetCallerIdentity": {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/me", "UserId": "u"},
    "dynamodb:DescribeTable": {"Table": {"TableStatus": "ACTIVE", "DeletionProtectionEnabled": True}},
    "dynamodb:DescribeContinuousBackups": {
        "ContinuousBackupsDescription": {
            "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "ENABLED"}
        }
    },
    "dynamodb:GetItem": {},
    "ecs:DescribeClusters": {"clusters": [{"status": "ACTIVE"}]},
    "ecs:DescribeServices": {"services": []},
    "ecs:ListTaskDefinitions": {"taskDefinitionArns": []},
    "ecs:ListTasks": {"taskArns": []},
    "ecr:DescribeImages": {"imageDetails": [{"imageDigest": DIGEST}]},
    "ecr:BatchGetImage": {"images": []},
    "logs:DescribeLogGroups": {"logGroups": [{"logGroupName": "/ecs/shop-web"}, {"logGroupName": "/ecs/shop-db"}]},
    "iam:SimulatePrincipalPolicy": {"EvaluationResults": [{"EvalDecision": "allowed"}]},
}  # fmt: skip


class Scripted:
    """A transport that answers from a table, else as a good world; an exception in it is raised."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers = {**ANSWERS, **answers}
        self.around = FakeSurroundings().handlers
        self.sent: list[str] = []

    def in_region(self, _) -> Scripted:
        """Answer for every region."""
        return self

    def send(self, service, operation, params, before_send) -> dict[str, Any]:
        """Answer one call."""
        before_send()
        self.sent.append(operation)
        answer = self.answers.get(f"{service}:{operation}")
        if answer is None:
            return self.around[service](operation, params)
        if isinstance(answer, Exception):
            raise answer
        return answer


def checked(answers: Mapping[str, Any] | None = None, **changes):
    """Run preflight; return the checks by name, and the transport."""
    transport = Scripted(answers or {})
    found = check_app(Aws(transport, VirtualClock()), app(**changes))
    return {c.name: c for c in found}, transport


def error(kind: type[AwsError], operation: str = "ecs:X") -> AwsError:
    """Make an error of AWS."""
    return kind("AWS said no", operation=operation, code="Code")


def test_a_good_world_is_all_ok():
    """Where everything is there, every check is ok and the code is 0."""
    checks, _ = checked()

    assert {c.state for c in checks.values()} == {CheckState.OK}
    assert exit_code(list(checks.values())) == 0
    assert checks["credentials"].message == "arn:aws:iam::123456789012:user/me"
    assert all(c.key == "production/shop" for c in checks.values())


def test_it_only_reads():
    """No operation of preflight can change anything; simulating a policy is a question."""
    _, transport = checked()

    assert "SimulatePrincipalPolicy" in transport.sent
    assert not [o for o in transport.sent if is_mutating(o)]


def test_another_account_is_a_refused_guard_and_ends_the_checks():
    """In another account nothing further is asked; the code is 4."""
    answer = {**ANSWERS["sts:GetCallerIdentity"], "Account": "999999999999"}

    checks, transport = checked({"sts:GetCallerIdentity": answer})

    assert checks["account guard"].state is CheckState.FAILED
    assert "999999999999" in checks["account guard"].message
    assert exit_code(list(checks.values())) == 4
    assert transport.sent == ["GetCallerIdentity"]


@pytest.mark.parametrize("kind", [BadCredentials, Unreachable, OutcomeUnknown, InvalidRequest])
def test_without_a_way_in_there_is_one_failure(kind):
    """No credentials, no AWS, or an endpoint that is none: said once, not by every check; the code is 3."""
    checks, transport = checked({"sts:GetCallerIdentity": error(kind)})

    assert list(checks) == ["credentials"]
    assert exit_code(list(checks.values())) == 3
    assert set(transport.sent) == {"GetCallerIdentity"}


FAILURES = [
    ("ecs:DescribeClusters", {"clusters": []}, "cluster main", CheckState.FAILED, 3),
    ("ecs:DescribeClusters", {"clusters": [{"status": "INACTIVE"}]}, "cluster main", CheckState.FAILED, 3),
    ("dynamodb:DescribeTable", error(NotFound), "table reconciler-state", CheckState.WARNING, 0),
    ("dynamodb:DescribeTable", error(AccessDenied), "table reconciler-journal", CheckState.UNSEEN, 0),
    ("dynamodb:DescribeTable", {"Table": {"TableStatus": "DELETING"}}, "table reconciler-claims", CheckState.FAILED, 3),
    ("dynamodb:DescribeTable", {"Table": {"TableStatus": "ACTIVE"}}, "table reconciler-claims", CheckState.WARNING, 0),
    ("dynamodb:DescribeContinuousBackups", {}, "table reconciler-state", CheckState.WARNING, 0),
    ("ecs:ListTasks", error(AccessDenied, "ecs:ListTasks"), "ecs:ListTasks", CheckState.FAILED, 3),
    ("dynamodb:GetItem", error(NotFound), "dynamodb:GetItem", CheckState.OK, 0),
    ("ecs:ListTasks", error(InvalidRequest), "ecs:ListTasks", CheckState.WARNING, 0),
    ("logs:DescribeLogGroups", {"logGroups": []}, "log group /ecs/shop-web", CheckState.FAILED, 3),
    ("logs:DescribeLogGroups", error(AccessDenied), "log group /ecs/shop-web", CheckState.UNSEEN, 0),
    ("iam:SimulatePrincipalPolicy", {"EvaluationResults": [{"EvalDecision": "implicitDeny"}]}, "guard of migration/db", CheckState.FAILED, 3),
    ("iam:SimulatePrincipalPolicy", error(AccessDenied), "guard of migration/db", CheckState.UNSEEN, 0),
    ("iam:SimulatePrincipalPolicy", error(NotFound), "guard of migration/db", CheckState.FAILED, 3),
]  # fmt: skip


@pytest.mark.parametrize(("call", "answer", "name", "state", "code"), FAILURES)
def test_each_thing_that_can_be_wrong(call, answer, name, state, code):
    """A wrong answer to one call is one check's result; the later checks are still made."""
    checks, _ = checked({call: answer})

    assert checks[name].state is state
    assert exit_code(list(checks.values())) == code
    assert "guarantee" in checks


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ({"imageDetails": []}, CheckState.FAILED),
        (error(NotFound), CheckState.FAILED),
        (error(AccessDenied), CheckState.UNSEEN),
    ],
)
def test_images_must_be_there(answer, state):
    """An image that ECR does not have is a failure before anything is rolled out."""
    checks, _ = checked({"ecr:DescribeImages": answer})

    assert {c.state for name, c in checks.items() if name.startswith("image ")} == {state}


@pytest.mark.parametrize(
    ("platforms", "state"),
    [("amd64 arm64", CheckState.OK), ("arm64", CheckState.FAILED), ("", CheckState.OK)],
)
def test_an_image_must_be_for_the_platform_of_its_tasks(platforms, state):
    """What a plan would hold for is said; where nobody tells the platforms nothing is compared."""
    listed = [{"platform": {"os": "linux", "architecture": one}} for one in platforms.split()]
    manifest = json.dumps({"mediaType": INDEX, "manifests": listed})
    images = [{"imageManifest": manifest, "imageManifestMediaType": INDEX}]
    web = app().services[0]
    task = {**web.task_definition, "requiresCompatibilities": ["FARGATE"]}
    checks, _ = checked(
        {"ecr:BatchGetImage": {"images": images}},
        services=(replace(web, task_definition=task),),
        migrations=(),
    )
    (found,) = [
        c for name, c in checks.items() if name.startswith("image ") and "guard" not in name
    ]
    assert found.state is state
    assert state is CheckState.OK or "service/web runs on linux/amd64" in found.message


@pytest.mark.parametrize(("value", "state"), [("2", CheckState.OK), (None, CheckState.FAILED)])
def test_look_ups_are_looked_up(value, state):
    """What a workload has no value for is a failure that names it."""
    web = app().services[0]
    count = Deferred((Lookup("ssm:/count"),))
    web = replace(web, service={**web.service, "desiredCount": count})
    parameters = [{"Name": "/count", "Type": "String", "Value": value}] if value else []
    checks, _ = checked(
        {"ssm:GetParameters": {"Parameters": parameters}},
        services=(web,),
        lookups=frozenset({"ssm:/count"}),
    )
    name = "look-ups" if value else "look-up for service/web"
    assert checks[name].state is state


def test_a_tag_that_moved_since_it_was_pinned_is_told():
    """A warning with both digests: the pin decides, and a person may want to know."""
    desired = app()
    (reference, *_) = sorted(desired.image_references())
    now = next(c.message for c in checked()[0].values() if c.name == f"image {reference}")
    states = {}
    for pinned in (now, "sha256:" + "9" * 64):
        pins = {reference: f"{reference.rpartition(':')[0]}@{pinned}"}
        found = check_app(Aws(Scripted({}), VirtualClock()), desired, None, pins.copy)
        (check,) = [c for c in found if c.name == f"image {reference}"]
        states[pinned] = check.state
    assert states == {now: CheckState.OK, "sha256:" + "9" * 64: CheckState.WARNING}
    assert now in check.message
    assert "9" * 64 in check.message


def test_images_of_other_registries_are_asked_for():
    """There, missing, or not shown to us: three different things."""
    with served(PlayedRegistry()) as played:
        played.push("nginx", "1", "linux/amd64")
        registry = Registry(UrllibHttp(), VirtualClock())
        desired = app()
        web = desired.services[0]
        states = {}
        for tag in ("1", "2"):
            task = {**web.task_definition}
            container = {"name": "app", "image": f"{played.host}/nginx:{tag}"}
            task["containerDefinitions"] = [container]
            changed = replace(desired, services=(replace(web, task_definition=task),))
            found = check_app(Aws(Scripted({}), VirtualClock()), changed, registry)
            states[tag] = [c.state for c in found if c.name == f"image {container['image']}"]
        played.user, played.challenge = "ci:x", "basic"
        found = check_app(Aws(Scripted({}), VirtualClock()), changed, registry)
        states["private"] = [c.state for c in found if c.name.endswith("nginx:2")]
    assert states == {
        "1": [CheckState.OK],
        "2": [CheckState.FAILED],
        "private": [CheckState.UNSEEN],
    }


def test_without_a_guard_the_weaker_guarantee_is_said():
    """No guard is no error, but what protects the migration is named."""
    checks, _ = checked(guard=None)

    assert checks["guarantee"].state is CheckState.WARNING
    assert "clientToken" in checks["guarantee"].message


def test_a_guard_without_a_task_role_would_never_start_anything():
    """A migration whose task has no role cannot claim: that is a failure."""
    migration = app().migrations[0]
    bare = {k: v for k, v in migration.task_definition.items() if k != "taskRoleArn"}

    checks, _ = checked(migrations=(replace(migration, task_definition=bare),))

    assert checks["guard of migration/db"].state is CheckState.FAILED


@pytest.mark.parametrize(
    ("skew", "state"),
    [
        (timedelta(0), CheckState.OK),
        (timedelta(minutes=1), CheckState.WARNING),
        (timedelta(minutes=6), CheckState.FAILED),
    ],
)
def test_a_clock_that_is_off(skew, state):
    """A host's clock far from AWS's is said before signatures are refused."""
    from email.utils import format_datetime

    clock = VirtualClock()
    date = format_datetime(clock.now() - skew, usegmt=True)
    identity = {
        **ANSWERS["sts:GetCallerIdentity"],
        "ResponseMetadata": {"HTTPHeaders": {"date": date}},
    }
    transport = Scripted({"sts:GetCallerIdentity": identity})

    found = {c.name: c for c in check_app(Aws(transport, clock), app())}

    assert found["clock"].state is state
