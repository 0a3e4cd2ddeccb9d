"""The printed policies are enough for everything the product does, and nothing in them is more than enough.

The product is played once on the fakes with an app that names everything; what each call needs is taken
from the service authorization reference (`tests.fakes.iam`) and held against the policy, whole and without
each of its parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import pytest

from reconciler.aws.translate import from_code
from reconciler.model.errors import AccessDenied, AwsError
from reconciler.resources.policy import Role, least_policy
from tests.fakes.iam import Need, allowed, needs, without
from tests.resources.everything import everything
from tests.resources.plays import READS, WRITES, Play


@lru_cache(maxsize=1)
def played() -> dict[Role, frozenset[Need]]:
    """Play everything; return what each role needed. Reads are made at several points of the story."""
    seen: dict[Role, set[Need]] = {role: set() for role in Role}

    def watch(service, operation, params, reading) -> None:
        found = needs(service, operation, params)
        seen[Role.CONTROLLER].update(found)
        if reading:
            seen[Role.DIFF].update(found)
            seen[Role.TASK_RUN].update(found)

    def watch_starts(service, operation, params, _reading) -> None:
        seen[Role.TASK_RUN].update(needs(service, operation, params))

    play = Play(watch)
    play.watch_starts = watch_starts
    stage = iter((Play.first_use, Play.begin, *WRITES))
    for act in (*_with_reads(stage), *READS):
        if act in READS:
            play.read(act)
        elif act is Play.run_tasks:
            play.start(act)
        else:
            act(play)
    for operation, params in play.guards:
        seen[Role.GUARD].update(needs("dynamodb", operation, params))
    return {role: frozenset(found) for role, found in seen.items()}


def _with_reads(acts: Iterator) -> Iterator:
    """Look around before anything is there, and after each act that leaves something new to be seen."""
    for act in acts:
        yield act
        if act in (Play.first_use, Play.begin, Play.fail, Play.stop):
            yield Play.look
        if act is Play.begin:
            yield from READS


def policy(role: Role):
    """Return the policy that is printed for a role."""
    return least_policy([everything()], role)


PARTS = [
    pytest.param(role, statement["Sid"], action, id=f"{role} {statement['Sid']} {action}")
    for role in Role
    for statement in policy(role)["Statement"]
    for action in statement["Action"]
]


@pytest.mark.parametrize("role", Role)
def test_the_policy_is_enough(role):
    """No call of any story is denied to the role that makes it."""
    found = {n for n in played()[role] if not allowed(policy(role), n)}

    assert found == set()
    assert len(played()[role]) >= (2 if role is Role.GUARD else 50)


@pytest.mark.parametrize(("role", "sid", "action"), PARTS)
def test_nothing_can_be_taken_out_of_it(role, sid, action):
    """Without this action of this statement some call of some story is denied."""
    less = without(policy(role), sid, action)

    assert any(not allowed(less, need) for need in played()[role])


@pytest.mark.parametrize("role", [Role.CONTROLLER, Role.DIFF, Role.TASK_RUN])
def test_every_resource_is_needed(role):
    """No statement names a thing that none of the calls is about."""
    spare = [
        (statement["Sid"], resource)
        for statement in policy(role)["Statement"]
        for resource in statement["Resource"]
        if not any(
            allowed({"Statement": [{**statement, "Resource": [resource]}]}, need)
            for need in played()[role]
        )
    ]

    assert [s for s in spare if s not in SPARE] == []


_CACHE = "arn:aws:elasticache:ap-northeast-1:123456789012"
SPARE = [
    # ModifyReplicationGroup is checked against these when another one takes their place in the files.
    ("RedisModify", f"{_CACHE}:parametergroup:shop-redis7"),
    ("RedisModify", f"{_CACHE}:usergroup:shop-users"),
]
"""(Sid, ARN) of what is granted for calls that the stories do not make."""


@pytest.mark.parametrize(
    "sid",
    ["EcsWriteServices", "EcsRegister", "PassServiceRoles", "AppendJournal", "EcsReadServices"],
)
def test_the_product_stops_where_a_statement_is_missing(sid):
    """What the evaluator says is what happens: the product is refused, and names the action to add."""
    less = without(policy(Role.CONTROLLER), sid)

    def guarded(service, operation, params, _reading) -> None:
        for need in needs(service, operation, params):
            if not allowed(less, need):
                text = f"User: u is not authorized to perform: {need.action} on resource: {need.resource}"
                raise from_code(f"{service}:{operation}", "AccessDeniedException", text, status=400)

    with pytest.raises(AwsError) as refused:
        Play(guarded).begin()

    assert isinstance(refused.value, AccessDenied)
    (statement,) = [s for s in policy(Role.CONTROLLER)["Statement"] if s["Sid"] == sid]
    assert refused.value.permission in statement["Action"]


def test_a_policy_for_other_files_is_not_enough():
    """The evaluator has teeth: the policy of an app in another cluster allows next to nothing here."""
    from dataclasses import replace

    other = least_policy(
        [replace(everything(), key="staging/blog", cluster="blog")], Role.CONTROLLER
    )
    denied = {n.action for n in played()[Role.CONTROLLER] if not allowed(other, n)}

    assert {"ecs:UpdateService", "dynamodb:PutItem", "ecs:RunTask", "ecs:DescribeTasks"} <= denied
