"""Canonical form, three tiers, hashes and pins."""

from __future__ import annotations

import pytest

from reconciler.plan.canonical import (
    canonical_service,
    canonical_task_definition,
    comparable,
    repeated_variables,
)
from reconciler.plan.compare import compare
from reconciler.plan.paths import MISSING, lookup, overlay, replaced
from reconciler.plan.pin import missing_images, pin_images
from reconciler.plan.spec_hash import content_hash, desired_hash
from reconciler.shapes.effects import RESETS, SERVICE_EFFECTS
from reconciler.shapes.tables import SERVICE, TASK_DEFINITION
from tests.plan.world import a_service, a_task_definition, image


@pytest.mark.parametrize(
    ("cpu", "memory"), [("1 vCPU", "2GB"), ("1vcpu", "2 GB"), (1024, 2048), ("1024", "2048")]
)
def test_units_have_one_spelling(cpu: object, memory: object) -> None:
    """ECS answers CPU units and MiB as text whatever was sent."""
    document = canonical_task_definition({"cpu": cpu, "memory": memory})
    assert document == {"cpu": "1024", "memory": "2048"}


def test_fractions_of_units_are_whole_numbers() -> None:
    """Half a vCPU is 512 units, half a GB 512 MiB."""
    document = canonical_task_definition({"cpu": ".5 vCPU", "memory": "0.5GB"})
    assert document == {"cpu": "512", "memory": "512"}


def test_nulls_and_read_only_keys_go() -> None:
    """A whole describe answer may be pasted."""
    pasted = {"family": "f", "revision": 3, "status": "ACTIVE", "compatibilities": [], "cpu": None}
    assert canonical_task_definition(pasted) == {"family": "f"}
    service = {"serviceName": "s", "status": "ACTIVE", "events": [], "deployments": [{}]}
    assert canonical_service(service) == {"serviceName": "s"}


def test_order_counts_only_where_ecs_reads_it() -> None:
    """Environment and subnets are sets; a command and a placement strategy are not."""
    td = canonical_task_definition(
        {"containerDefinitions": [{"name": "b", "command": ["z", "a"]}, {"name": "a"}]}
    )
    assert [c["name"] for c in td["containerDefinitions"]] == ["a", "b"]
    assert td["containerDefinitions"][1]["command"] == ["z", "a"]
    strategy = [{"type": "spread", "field": "z"}, {"type": "binpack", "field": "a"}]
    assert canonical_service({"placementStrategy": strategy})["placementStrategy"] == strategy


def test_items_are_addressed_by_their_key() -> None:
    """A variable's path ends with its name, a port's with port and protocol."""
    td = a_task_definition(
        portMappings=[{"containerPort": 53, "protocol": "udp"}, {"containerPort": 53}]
    )
    app = comparable(td, TASK_DEFINITION)["containerDefinitions"]["app"]
    assert app["environment"] == {"RAILS_ENV": "production"}
    assert set(app["portMappings"]) == {"53/tcp", "53/udp"}


def test_equal_keys_fall_back_to_indexes() -> None:
    """Two load balancers that cannot be told apart are compared one by one."""
    twice = {"loadBalancers": [{"targetGroupArn": "a", "containerPort": 1}] * 2}
    assert set(comparable(twice, SERVICE)["loadBalancers"]) == {"0", "1"}


def test_of_a_variable_that_is_there_twice_the_last_one_counts() -> None:
    """As ECS starts containers, so whichever was first is no difference; of other lists nothing is left out."""
    pairs = [{"name": n, "value": v} for n, v in (("A", "9"), ("B", "x"), ("A", "1"))]
    secrets = [{"name": "S", "valueFrom": "/b"}, {"name": "S", "valueFrom": "/a"}]
    live = {"containerDefinitions": [{"name": "c", "environment": pairs, "secrets": secrets}]}
    assert repeated_variables(live) == {"c": ("A",)}
    [container] = canonical_task_definition(live)["containerDefinitions"]
    assert container["environment"] == [{"name": "A", "value": "1"}, {"name": "B", "value": "x"}]
    assert len(container["secrets"]) == 2


def test_a_field_of_tomorrow_is_silent() -> None:
    """What AWS adds next year is no difference; --explain can list it."""
    found = compare(
        {}, {"brandNew": {"deep": 1}, "deploymentConfiguration": {"later": True}}, SERVICE
    )
    assert (found.differences, found.undeclared) == ([], [])
    assert {s.path for s in found.suppressed} == {"brandNew.deep", "deploymentConfiguration.later"}


def test_known_defaults_are_silent_and_others_are_reported() -> None:
    """An undeclared value is compared with AWS's default, leaf by leaf."""
    live = {
        "enableExecuteCommand": True,
        "propagateTags": "NONE",
        "deploymentConfiguration": {"maximumPercent": 200, "minimumHealthyPercent": 50},
    }
    found = compare({}, live, SERVICE)
    assert {u.path for u in found.undeclared} == {
        "enableExecuteCommand",
        "deploymentConfiguration.minimumHealthyPercent",
    }


def test_a_daemon_has_its_own_defaults() -> None:
    """100/0 instead of 200/100."""
    live = {
        "schedulingStrategy": "DAEMON",
        "deploymentConfiguration": {"maximumPercent": 100, "minimumHealthyPercent": 0},
    }
    assert compare({"schedulingStrategy": "DAEMON"}, live, SERVICE).undeclared == []


def test_lists_are_declared_as_a_whole() -> None:
    """A container that is only live is a difference, though its fields are not declared."""
    live = canonical_task_definition(
        {"containerDefinitions": [{"name": "app"}, {"name": "sidecar", "image": "x"}]}
    )
    found = compare({"containerDefinitions": [{"name": "app"}]}, live, TASK_DEFINITION)
    [difference] = found.differences
    assert difference.path == ("containerDefinitions", "sidecar")
    assert difference.desired is MISSING


def test_log_options_are_declared_as_a_whole() -> None:
    """Keys of the user's maps are no AWS fields: an extra one is a difference."""

    def td(**options: str) -> dict:
        return a_task_definition(logConfiguration={"logDriver": "awslogs", "options": options})

    found = compare(td(a="1"), td(a="1", mode="blocking"), TASK_DEFINITION)
    assert [d.path[-1] for d in found.differences] == ["mode"]


def test_the_host_port_follows_the_network_mode() -> None:
    """Under awsvpc it is the container's port, under bridge 0."""
    declared = a_task_definition(portMappings=[{"containerPort": 80}])
    same = a_task_definition(
        portMappings=[{"containerPort": 80, "hostPort": 80, "protocol": "tcp"}]
    )
    assert compare(declared, same, TASK_DEFINITION).undeclared == []
    assert content_hash(declared) == content_hash(same)
    bridge = {**same, "networkMode": "bridge"}
    assert content_hash({**declared, "networkMode": "bridge"}) != content_hash(bridge)


def test_tags_and_defaults_do_not_change_a_hash_and_content_does() -> None:
    """The spec hash is that of the content."""
    td = a_task_definition()
    assert content_hash(
        {**td, "tags": [{"key": "a", "value": "b"}], "volumes": []}
    ) == content_hash(td)
    assert content_hash({**td, "cpu": "256"}) != content_hash(td)


def test_the_desired_hash_follows_digests_but_not_scaling() -> None:
    """A moved digest is another desired state, a desired count is not."""
    one = desired_hash(a_service(desiredCount=1), {image("1"): "r@sha256:a"})
    assert one == desired_hash(a_service(desiredCount=5), {image("1"): "r@sha256:a"})
    assert one != desired_hash(a_service(desiredCount=1), {image("1"): "r@sha256:b"})
    assert one != desired_hash(a_service(platformVersion="1.4.0"), {image("1"): "r@sha256:a"})


def test_images_are_pinned_and_missing_ones_named() -> None:
    """Every known reference becomes its digest."""
    td = a_task_definition("1")
    assert missing_images(td, {}) == (image("1"),)
    pinned = pin_images(td, {image("1"): "r@sha256:a"})
    assert pinned["containerDefinitions"][0]["image"] == "r@sha256:a"
    assert td["containerDefinitions"][0]["image"] == image("1")


def test_overlay_keeps_what_is_not_declared() -> None:
    """Undeclared parts of a structure and of a list's item survive; the list itself is declared."""
    live = {
        "loadBalancers": [
            {"targetGroupArn": "a", "containerPort": 1, "advancedConfiguration": {"x": 1}},
            {"targetGroupArn": "b", "containerPort": 1},
        ]
    }
    declared = {"loadBalancers": [{"targetGroupArn": "a", "containerPort": 2}]}
    assert overlay(live, declared, SERVICE)["loadBalancers"] == [
        {"targetGroupArn": "a", "containerPort": 2, "advancedConfiguration": {"x": 1}}
    ]


def test_places_are_read_and_replaced_by_path() -> None:
    """A path goes through lists by key and through the document without changing it."""
    td = a_task_definition()
    path = ("containerDefinitions", "app", "environment", "RAILS_ENV")
    assert lookup(td, TASK_DEFINITION, path) == "production"
    assert lookup(td, TASK_DEFINITION, ("containerDefinitions", "other", "image")) is MISSING
    without = replaced(td, TASK_DEFINITION, ("containerDefinitions", "app", "image"), MISSING)
    assert "image" not in without["containerDefinitions"][0]
    assert "image" in td["containerDefinitions"][0]


def test_every_reset_is_of_a_field_that_update_takes() -> None:
    """No create-only field can be reset."""
    for field in RESETS.keys() & SERVICE_EFFECTS.keys():
        assert SERVICE_EFFECTS[field].effect != "replace"
