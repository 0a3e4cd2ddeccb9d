"""Identifiers, guarded task definition and frozen request."""

from __future__ import annotations

import hashlib
import itertools
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.desired import Guard
from reconciler.model.errors import PermanentError
from reconciler.model.run import GuardMode, Launch, RunKey, RunKind
from reconciler.model.work import PART_PATTERN
from reconciler.plan.spec_hash import SPEC_TAG, content_hash
from reconciler.runs.launch import (
    Place,
    mode_of,
    request,
    started_by,
    task_definition,
    token,
    without_guard,
)
from reconciler.store.records import claim_key
from tests.simulation.desired import Wish, sample

PLACE = Place("123456789012", "ap-northeast-1", "production", "production/shop")
LAUNCH = Launch("db", "1", 1, 0)
APP = sample(Wish())
MIGRATION = APP.migrations[0]
WORK = MIGRATION.work


def test_token_differs_in_each_part_and_fits() -> None:
    """Any difference in place or launch gives another 64-character token."""
    others = [
        (replace(PLACE, account="210987654321"), LAUNCH),
        (replace(PLACE, region="eu-central-1"), LAUNCH),
        (replace(PLACE, cluster="staging"), LAUNCH),
        (replace(PLACE, key="staging/shop"), LAUNCH),
        *(
            (PLACE, replace(LAUNCH, **c))
            for c in ({"name": "x"}, {"revision": "2"}, {"attempt": 2}, {"launch": 1})
        ),
    ]
    tokens = {token(place, launch) for place, launch in [(PLACE, LAUNCH), *others]}
    assert len(tokens) == len(others) + 1
    assert {len(t) for t in tokens} == {64}


def test_started_by_is_legal_for_the_longest_names() -> None:
    """`startedBy` keeps to ECS's charset and 128 characters."""
    text = started_by(f"{'e' * 63}/{'a_' * 31}", token(PLACE, LAUNCH))
    assert re.fullmatch(r"[A-Za-z0-9/_-]{1,128}", text)


def test_claim_key_names_every_part() -> None:
    """A claim belongs to one launch of one attempt of one revision of one migration of one app."""
    assert claim_key("production/shop", LAUNCH) == "mig#production/shop/db#1#1#0"


def test_every_user_container_waits_for_the_guard() -> None:
    """The guard is non-essential and first; all others depend on its SUCCESS, after their own waits."""
    sidecar = {
        "name": "log",
        "image": "x@sha256:1",
        "dependsOn": [{"containerName": "app", "condition": "START"}],
    }
    containers = [*MIGRATION.task_definition["containerDefinitions"], sidecar]
    migration = replace(
        MIGRATION, task_definition={**MIGRATION.task_definition, "containerDefinitions": containers}
    )
    document = task_definition(migration.work, APP.guard, {}, {"a": "b"})
    guard, *users = document["containerDefinitions"]
    assert (guard["name"], guard["essential"], guard["command"]) == (
        "reconciler-guard",
        False,
        ["claim"],
    )
    for user in users:
        assert user["dependsOn"][-1] == {
            "containerName": "reconciler-guard",
            "condition": "SUCCESS",
        }
    assert len(users[1]["dependsOn"]) == 2
    assert without_guard(document)["containerDefinitions"] == containers
    assert without_guard(migration.task_definition) == migration.task_definition
    assert "dependsOn" not in MIGRATION.task_definition["containerDefinitions"][0]


def test_guard_in_the_apps_own_image_is_an_entry_point() -> None:
    """`guard: {path: …}` runs our program from the image of the named container."""
    document = task_definition(WORK, Guard(path="/opt/reconciler-guard"), {}, {})
    guard = document["containerDefinitions"][0]
    assert guard["entryPoint"] == ["/opt/reconciler-guard"]
    assert guard["image"] == document["containerDefinitions"][1]["image"]


def test_token_mode_adds_no_container() -> None:
    """Without a guard the task is as declared, and the request speaks to the user's container alone."""
    assert mode_of(None) is mode_of(Guard()) is GuardMode.TOKEN
    document = task_definition(WORK, None, {}, {})
    assert [c["name"] for c in document["containerDefinitions"]] == ["app"]
    frozen = request(PLACE, LAUNCH, WORK, "arn", None)
    assert [o["name"] for o in frozen["overrides"]["containerOverrides"]] == ["app"]


def test_spec_tag_is_the_content_it_is_on() -> None:
    """The tag lets an equal revision be found again instead of registering another."""
    document = task_definition(WORK, APP.guard, {}, {"reconciler:app": "shop"})
    tags = {t["key"]: t["value"] for t in document["tags"]}
    assert tags == {"reconciler:app": "shop", SPEC_TAG: content_hash(document)}


def test_images_are_pinned_the_guards_too() -> None:
    """What `images` knows is registered by digest, for the app and for its guard."""
    image = MIGRATION.task_definition["containerDefinitions"][0]["image"]
    document = task_definition(
        WORK, Guard(image="guard:1"), {"guard:1": "guard@sha256:2", image: "app@sha256:3"}, {}
    )
    assert [c["image"] for c in document["containerDefinitions"]] == [
        "guard@sha256:2",
        "app@sha256:3",
    ]


@pytest.mark.parametrize(
    "change", [{"restartPolicy": {"enabled": True}}, {"name": "reconciler-guard"}]
)
def test_what_would_start_twice_is_refused(change: dict[str, object]) -> None:
    """A restart policy, or a user's container with the guard's name, is refused."""
    (container,) = MIGRATION.task_definition["containerDefinitions"]
    broken = {**MIGRATION.task_definition, "containerDefinitions": [{**container, **change}]}
    with pytest.raises(PermanentError):
        task_definition(replace(WORK, task_definition=broken), None, {}, {})


def test_request_is_frozen_and_says_which_claim() -> None:
    """The request pins a revision, one task, our token; the claim goes to the guard's environment."""
    frozen = request(PLACE, LAUNCH, WORK, "arn:…:task-definition/db:7", "claims")
    assert (frozen["count"], frozen["taskDefinition"]) == (1, "arn:…:task-definition/db:7")
    assert frozen["clientToken"] == token(PLACE, LAUNCH)
    told = {
        override["name"]: {e["name"]: e["value"] for e in override["environment"]}
        for override in frozen["overrides"]["containerOverrides"]
    }
    assert told["app"] == {
        "MIGRATION_REVISION": LAUNCH.revision,
        "MIGRATION_ATTEMPT": str(LAUNCH.attempt),
    }
    assert told["reconciler-guard"] == {
        "RECONCILER_CLAIM_KEY": claim_key("production/shop", LAUNCH),
        "RECONCILER_CLAIMS_TABLE": "claims",
        "AWS_REGION": "ap-northeast-1",
    }


def test_what_the_files_declare_is_not_overridden() -> None:
    """A variable of the same name in the files is the user's: the request leaves it alone."""
    (container,) = MIGRATION.task_definition["containerDefinitions"]
    declared = [{"name": "MIGRATION_REVISION", "value": "mine"}]
    document = {
        **MIGRATION.task_definition,
        "containerDefinitions": [{**container, "environment": declared}],
    }
    frozen = request(PLACE, LAUNCH, replace(WORK, task_definition=document), "arn", None)
    (override,) = frozen["overrides"]["containerOverrides"]
    assert [e["name"] for e in override["environment"]] == ["MIGRATION_ATTEMPT"]


def test_claim_keys_of_different_launches_never_meet() -> None:
    """Names and revisions cannot be chosen so that two launches share a cell."""
    names, revisions = ("a", "a-1"), ("1", "1.1", "1-1")
    keys = [
        claim_key("e/x", Launch(n, r, a, number))
        for n, r, a, number in itertools.product(names, revisions, (1, 11), (0, 1))
    ]
    assert len(set(keys)) == len(keys)


parts = st.from_regex(PART_PATTERN, fullmatch=True)
launches = st.builds(
    Launch, parts, parts, st.integers(0, 99), st.integers(0, 9), st.sampled_from(RunKind)
)


@settings(max_examples=300)
@given(one=launches, other=launches, kind=st.sampled_from(RunKind))
def test_two_runs_never_share_a_key(one: Launch, other: Launch, kind: RunKind) -> None:
    """Token, claim and item are those of one launch of one run of one kind, whatever it is called."""
    for left, right in ((one, other), (one, replace(one, kind=kind))):
        same = left == right
        assert (token(PLACE, left) == token(PLACE, right)) is same
        assert (claim_key("e/x", left) == claim_key("e/x", right)) is same
    key = RunKey(one.kind, one.name, one.revision)
    assert RunKey.parse(str(key)) == key


def test_a_migrations_keys_are_as_they_always_were() -> None:
    """Ledgers, claims and tokens of before stay what they are: a launch under way is recovered."""
    assert str(MIGRATION.key) == "MIG#db#1"
    text = "reconciler1|123456789012|ap-northeast-1|production|production/shop|db|1|1|0"
    assert token(PLACE, LAUNCH) == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("part", ["", "a#b", "a|b", "x" * 101])
def test_work_refuses_what_no_key_may_hold(part: str) -> None:
    """A name or a revision with a separator, empty or too long, never becomes a run."""
    with pytest.raises(ValueError, match="cannot be part of a run's key"):
        replace(WORK, revision=part)
    with pytest.raises(ValueError, match="is not the key of a run"):
        RunKey.parse(f"OCC#report#{part}#")


def test_given_overrides_are_kept_and_completed() -> None:
    """A one-off task's command, size and variables are sent; a job's own variables fill in the rest."""
    given = {
        "cpu": "1024",
        "containerOverrides": [
            {
                "name": "app",
                "command": ["x"],
                "environment": [{"name": "JOB_NAME", "value": "mine"}],
            },
            {"name": "log", "memory": 128},
        ],
    }
    work = replace(WORK, kind=RunKind.JOB, name="report", overrides=given, scheduled_at="now")
    launch = Launch("report", "1", 1, 0, RunKind.JOB)
    overrides = request(PLACE, launch, work, "arn", "claims")["overrides"]
    app, log, guard = overrides["containerOverrides"]
    assert (overrides["cpu"], app["command"], log) == (
        "1024",
        ["x"],
        {"name": "log", "memory": 128},
    )
    assert app["environment"][0] == {"name": "JOB_NAME", "value": "mine"}
    assert [e["name"] for e in app["environment"][1:]] == [
        "JOB_OCCURRENCE", "JOB_SCHEDULED_AT", "JOB_ATTEMPT",
    ]  # fmt: skip
    assert guard["name"] == "reconciler-guard"
    task = replace(WORK, kind=RunKind.TASK, overrides={})
    assert request(PLACE, launch, task, "arn", None)["overrides"] == {"containerOverrides": []}
