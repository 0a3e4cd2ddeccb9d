"""Two spellings of one thing are no difference, and what is sent keeps the live one."""

from __future__ import annotations

import pytest

from reconciler.plan.canonical import canonical_service, canonical_task_definition
from reconciler.plan.compare import compare
from reconciler.plan.spelling import respelled
from reconciler.shapes.tables import SERVICE, TASK_DEFINITION
from tests.plan.world import World, a_service, an_app, only

BLUE, GREEN, RED = (f"arn:aws:elasticloadbalancing:::targetgroup/{n}/1" for n in ("b", "g", "r"))
ROLE = "arn:aws:iam::123456789012:role/path/shop"


def balancer(group: str, alternate: str | None = None, port: int = 80) -> dict:
    """Return a load balancer with a target group and the one that it is swapped with."""
    item = {"targetGroupArn": group, "containerName": "app", "containerPort": port}
    advanced = {"alternateTargetGroupArn": alternate, "productionListenerRule": "r", "roleArn": "x"}
    return {**item, "advancedConfiguration": advanced} if alternate else item


def balanced(*items: dict, controller: str = "ECS") -> dict:
    """Return a service document with these load balancers."""
    return canonical_service(
        {"deploymentController": {"type": controller}, "loadBalancers": list(items)}
    )


@pytest.mark.parametrize(
    ("kind", "desired", "live"),
    [
        (TASK_DEFINITION, {"taskRoleArn": "shop"}, {"taskRoleArn": ROLE}),
        (TASK_DEFINITION, {"executionRoleArn": ROLE}, {"executionRoleArn": "shop"}),
        (SERVICE, {"role": "shop"}, {"role": ROLE}),
        (
            SERVICE,
            {"placementStrategy": [{"type": "spread", "field": "host"}]},
            {"placementStrategy": [{"type": "spread", "field": "instanceId"}]},
        ),
        (
            SERVICE,
            {"placementStrategy": [{"type": "binpack", "field": "memory"}]},
            {"placementStrategy": [{"type": "binpack", "field": "MEMORY"}]},
        ),
        (
            TASK_DEFINITION,
            {"volumes": [{"name": "v", "efsVolumeConfiguration": {"rootDirectory": "/a/"}}]},
            {"volumes": [{"name": "v", "efsVolumeConfiguration": {"rootDirectory": "/a"}}]},
        ),
        (SERVICE, balanced(balancer(BLUE, GREEN)), balanced(balancer(GREEN, BLUE))),
        (
            SERVICE,
            balanced(balancer(BLUE), controller="CODE_DEPLOY"),
            balanced(balancer(GREEN), controller="CODE_DEPLOY"),
        ),
        (
            SERVICE,
            {"schedulingStrategy": "DAEMON", "desiredCount": 3},
            {"schedulingStrategy": "DAEMON", "desiredCount": 5},
        ),
        (
            SERVICE,
            {"role": "arn:aws:iam::1:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"},
            {"desiredCount": 1},
        ),
    ],
)
def test_two_spellings_are_no_difference_and_explained(kind, desired, live) -> None:
    """The comparison is silent, and --explain names the place with its rule."""
    document, told = respelled(desired, live, kind)
    assert compare(document, live, kind).differences == []
    assert told
    assert all(s.rule and s.path for s in told)


@pytest.mark.parametrize(
    ("kind", "desired", "live"),
    [
        (TASK_DEFINITION, {"taskRoleArn": "shop"}, {"taskRoleArn": f"{ROLE}2"}),
        (TASK_DEFINITION, {"taskRoleArn": ROLE}, {"taskRoleArn": "arn:aws:iam::9:role/shop"}),
        (SERVICE, balanced(balancer(BLUE, GREEN)), balanced(balancer(RED, BLUE))),
        (SERVICE, balanced(balancer(BLUE)), balanced(balancer(GREEN))),
        (
            SERVICE,
            balanced(balancer(BLUE), controller="CODE_DEPLOY"),
            balanced(balancer(GREEN, port=81), controller="CODE_DEPLOY"),
        ),
    ],
)
def test_what_only_looks_alike_is_a_difference(kind, desired, live) -> None:
    """Two ARNs are two roles, and a target group of no pair is another one."""
    document, told = respelled(desired, live, kind)
    assert compare(document, live, kind).differences
    assert told == ()


def test_a_swap_survives_a_change_of_something_else() -> None:
    """What is sent for a third target group names the first two as they stand now."""
    world = World()
    service = a_service(loadBalancers=[balancer(BLUE, GREEN)])
    world.converge(an_app(service))
    world.edit("shop-production-web", loadBalancers=[balancer(GREEN, BLUE)])
    assert world.plan(an_app(service)).in_sync
    more = a_service(loadBalancers=[balancer(BLUE, GREEN), balancer(RED, port=81)])
    sent = only(world.plan(an_app(more)), "service/web").request.update["loadBalancers"]
    assert balancer(GREEN, BLUE) in sent
    assert balancer(RED, port=81) in sent


def test_respelling_does_nothing_to_what_is_spelled_the_same() -> None:
    """A document compared with itself comes back as it was."""
    service = balanced(balancer(BLUE, GREEN), balancer(RED, port=81))
    assert respelled(service, service, SERVICE) == (service, ())
    td = canonical_task_definition({"family": "f", "taskRoleArn": "shop"})
    assert respelled(td, td, TASK_DEFINITION) == (td, ())
