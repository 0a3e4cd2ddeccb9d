"""One desired state on two AWSs that know nothing of each other: converged, quiet, healed, on both.

What ministack cannot do is in docs/decisions/0025-a-second-emulator.md, and in the last test here.
"""

from __future__ import annotations

from tests.second_emulator.shop import AWS_ERROR, CLUSTER, GROUP, OK, WEB, WORKER, Shop


def test_it_converges_stays_quiet_and_rolls(shop):
    """From an empty account to all that is declared; nothing more is done; a release; and back again."""
    assert {address for address, _, _ in shop.changes()} == {"redis/main"}  # the others wait for it
    shop.apply()
    assert shop.changes() == []
    written = shop.journal()
    shop.apply()
    assert shop.journal() == written
    as_declared(shop)

    first = shop.service()["taskDefinition"]
    shop.edit(("shop:1", "shop:2"))
    assert {path.rpartition(".")[2] for _, path, _ in shop.changes()} == {"image"}
    shop.apply()
    assert shop.service()["taskDefinition"] != first
    shop.edit(("shop:2", "shop:1"))
    shop.apply()
    assert shop.service()["taskDefinition"] == first  # no third revision: the old one is used again
    assert shop.changes() == []
    verified = shop.cli("history", "--verify")
    assert (verified.exit_code, "the journal is whole" in verified.output) == (OK, True)


def as_declared(shop: Shop) -> None:
    """Check what is live with a console's eyes."""
    web, worker = shop.service(WEB), shop.service(WORKER)
    assert (web["desiredCount"], worker["desiredCount"]) == (2, 1)
    assert web["deploymentConfiguration"]["maximumPercent"] == 150
    assert {"key": "team", "value": "shop"} in web["tags"]
    assert shop.parameter("maxmemory-policy") == "noeviction"
    app = next(c for c in shop.definition()["containerDefinitions"] if c["name"] == "app")
    variables = {e["name"]: e["value"] for e in app["environment"]}
    groups = shop.client("elasticache").describe_replication_groups(ReplicationGroupId="shop")
    primary = groups["ReplicationGroups"][0]["NodeGroups"][0]["PrimaryEndpoint"]
    assert variables["REDIS_URL"] == f"redis://{primary['Address']}:{primary['Port']}"
    assert "@sha256:" in app["image"]


def test_what_others_do_is_seen_and_put_back(shop):
    """Edits in the console, of a service, a parameter and a revision; a deleted word; a deleted service."""
    shop.apply()
    edit_in_the_console(shop)
    assert sorted(shop.changes()) == [
        ("redis/main", "parameterGroup.parameters.maxmemory-policy", "drift"),
        ("service/web", "deploymentConfiguration.maximumPercent", "drift"),
        ("service/web", "deploymentConfiguration.minimumHealthyPercent", "drift"),
        ("service/web", "desiredCount", "drift"),
        ("service/web", "healthCheckGracePeriodSeconds", "drift"),
    ]
    ours = shop.definition()["taskDefinitionArn"]
    shop.client("ecs").update_service(
        cluster=CLUSTER, service=WEB, taskDefinition=by_hand(shop), enableExecuteCommand=True
    )
    assert {why for _, _, why in shop.changes()} == {"drift"}
    shop.apply()
    assert shop.changes() == []
    as_declared(shop)
    assert shop.service()["taskDefinition"] == ours
    assert shop.service()["enableExecuteCommand"] is True  # not declared: reported, and left alone

    shop.edit(("    enableExecuteCommand: true\n", ""))
    assert shop.changes() == [("service/worker", "enableExecuteCommand", "removed")]
    shop.apply()
    assert shop.service(WORKER)["enableExecuteCommand"] is False

    text = shop.file.read_text()
    shop.file.write_text(text[: text.index("  worker:\n")])
    shop.apply()
    assert shop.service(WORKER)["status"] == "ACTIVE"  # nothing is deleted unasked
    done = shop.cli("apply", "--yes", "--prune")
    assert done.exit_code == OK, done.output
    assert shop.service(WORKER)["status"] in ("DRAINING", "INACTIVE")


def edit_in_the_console(shop: Shop) -> None:
    """Change a service and a parameter group by hand."""
    configuration = shop.service()["deploymentConfiguration"]
    shop.client("ecs").update_service(
        cluster=CLUSTER,
        service=WEB,
        desiredCount=1,
        healthCheckGracePeriodSeconds=5,
        deploymentConfiguration={
            **configuration,
            "minimumHealthyPercent": 100,
            "maximumPercent": 200,
        },
    )
    policy = {"ParameterName": "maxmemory-policy", "ParameterValue": "allkeys-lru"}
    shop.client("elasticache").modify_cache_parameter_group(
        CacheParameterGroupName=GROUP, ParameterNameValues=[policy]
    )


def by_hand(shop: Shop) -> str:
    """Register a revision with one more variable, as the console does, and return its ARN."""
    ours = shop.definition()
    fields = ("family", "cpu", "memory", "networkMode", "requiresCompatibilities", "volumes")
    edited = {field: ours[field] for field in (*fields, "containerDefinitions", "executionRoleArn")}
    edited["containerDefinitions"][0]["environment"] = [{"name": "DEBUG", "value": "1"}]
    answer = shop.client("ecs").register_task_definition(**edited)
    return answer["taskDefinition"]["taskDefinitionArn"]


def test_what_the_second_one_does_not_have_is_said(second):
    """Ministack has no Application Auto Scaling: AWS's refusal is reported, with the operation."""
    second.edit(("    desiredCount: 2\n", "    autoscaling: {min: 2, max: 4, targetCpu: 60}\n"))
    done = second.cli("diff")
    assert done.exit_code == AWS_ERROR
    assert "application-autoscaling:DescribeScalableTargets" in done.output
