"""What others do to the services: healed, or reported; suspension, pruning, adoption."""

from __future__ import annotations

from tests.e2e.stage import (
    CLUSTER,
    DIFFERENT,
    NEW_TAG,
    OK,
    REFUSED,
    SIDEKIQ,
    TAG,
    WEB,
    eventually,
)


def test_console_edits_of_declared_fields_are_healed(shop):
    """Count, grace period and task definition changed in the console are put back, and journaled."""
    old = shop.service()["taskDefinition"]
    fields = ("containerDefinitions", "family", "networkMode", "cpu", "memory", "executionRoleArn")
    by_hand = {field: shop.definition()[field] for field in fields}
    by_hand["containerDefinitions"][1]["environment"].append({"name": "DEBUG", "value": "1"})
    answer = shop.ecs.register_task_definition(**by_hand)
    other = answer["taskDefinition"]["taskDefinitionArn"]
    controller = shop.controller()
    controller.until("converged")

    shop.ecs.update_service(
        cluster=CLUSTER, service=WEB, desiredCount=2, healthCheckGracePeriodSeconds=5
    )
    eventually(
        shop.service,
        lambda s: (s["desiredCount"], s["healthCheckGracePeriodSeconds"]) == (1, 60),
    )
    shop.ecs.update_service(cluster=CLUSTER, service=WEB, taskDefinition=other)
    eventually(lambda: shop.service()["taskDefinition"], lambda arn: arn == old)

    eventually(lambda: shop.cli("diff").code, lambda code: code == OK)
    causes = [
        e["cause"]
        for e in shop.entries()
        if e["action"] == "UpdateService" and e["kind"] == "INTENT"
    ]
    assert len(causes) == 2
    assert all(cause.startswith("drift") for cause in causes)
    assert len(shop.starts) == 1


def test_undeclared_change_is_reported_and_left(shop):
    """A field that the files are silent on is shown as undeclared, is no difference, and stays."""
    shop.ecs.update_service(cluster=CLUSTER, service=WEB, enableExecuteCommand=True)

    shown = shop.cli("diff")
    assert shown.code == OK
    assert "enableExecuteCommand" in shown.out
    shop.converge()

    assert shop.service()["enableExecuteCommand"] is True


def test_deleted_service_is_created_again(shop):
    """A service deleted in the console comes back with the same task definition; nothing migrates."""
    arn = shop.service()["taskDefinition"]
    controller = shop.controller()
    controller.until("converged")

    shop.ecs.update_service(cluster=CLUSTER, service=WEB, desiredCount=0)
    shop.ecs.delete_service(cluster=CLUSTER, service=WEB, force=True)
    eventually(
        lambda: (shop.service()["status"], shop.web_versions()), lambda s: s == ("ACTIVE", {TAG})
    )

    assert shop.service()["taskDefinition"] == arn
    assert len(shop.starts) == 1


def test_suspension_keeps_hands_off(shop):
    """Suspended: nothing is changed, status and code say so with the reason; `resume` goes on."""
    controller = shop.controller()
    controller.until("converged")
    assert shop.cli("suspend", "--reason", "moving the database").code == OK
    shop.aws.faults.forget_calls()

    shop.release()
    eventually(lambda: "moving the database" in shop.cli("status").out)
    eventually(lambda: len(shop.calls("ecs:DescribeServices")), lambda seen: seen > 6)
    assert not [c for c in shop.mutations() if c.startswith("ecs:")]
    assert shop.web_versions() == {TAG}
    stopped = shop.cli("apply", "--yes")
    assert stopped.code == REFUSED
    assert "moving the database" in stopped.text

    assert shop.cli("resume", "--reason", "moved").code == OK
    eventually(shop.web_versions, lambda versions: versions == {NEW_TAG})
    assert shop.migrations_started(NEW_TAG) == 1


def without_sidekiq(shop):
    """Take the sidekiq service out of the files."""
    text = shop.file.read_text()
    shop.write(shop.file, text.partition("  sidekiq:\n")[0])


def test_removed_service_is_only_deleted_when_pruning(shop):
    """Without prune the plan shows the deletion and nobody carries it out; `--prune` does."""
    without_sidekiq(shop)
    shown = shop.cli("diff")
    assert "delete" in shown.out
    shop.converge()
    assert shop.service(SIDEKIQ)["status"] == "ACTIVE"

    done = shop.cli("apply", "--yes", "--prune")
    assert done.code == OK
    assert shop.service(SIDEKIQ)["status"] in ("DRAINING", "INACTIVE")
    assert shop.cli("diff").code == OK
    deletions = [e for e in shop.entries() if e["action"] == "DeleteService"]
    assert [e["kind"] for e in deletions] == ["INTENT", "OUTCOME"]


def test_sync_prune_deletes_by_itself(shop):
    """With `sync: {prune: true}` the running controller deletes what the files no longer name."""
    controller = shop.controller()
    controller.until("converged")

    without_sidekiq(shop)
    shop.edit(("images: ", "sync:\n  prune: true\nimages: "))
    eventually(lambda: shop.service(SIDEKIQ)["status"], lambda s: s in ("DRAINING", "INACTIVE"))

    assert shop.web_versions() == {TAG}


def test_emptied_folder_prunes_nothing(shop):
    """Files that vanish, with pruning on, delete nothing: the app is left alone and that is said."""
    shop.edit(("images: ", "sync:\n  prune: true\nimages: "))
    controller = shop.controller()
    controller.until("converged")
    shop.aws.faults.forget_calls()

    shop.file.unlink()
    controller.until("left alone|last good state")
    eventually(lambda: len(shop.calls("ecs:DescribeServices")), lambda seen: seen > 3)

    assert not [c for c in shop.mutations() if c.startswith("ecs:")]
    assert shop.web_versions() == {TAG}


def live_service(stage):
    """Make the web service by hand, as somebody did before reconciler came."""
    arn = stage.ecs.register_task_definition(
        family="by-hand",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="512",
        memory="1024",
        containerDefinitions=[{"name": "app", "image": "busybox:1", "command": ["sleep", "1"]}],
    )["taskDefinition"]["taskDefinitionArn"]
    stage.ecs.create_service(
        cluster=CLUSTER,
        serviceName=WEB,
        taskDefinition=arn,
        desiredCount=1,
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-0aaa"]}},
    )
    return arn


def test_live_service_is_adopted_only_when_applied(stage):
    """An existing service without our tags is shown as adopt, untouched by diff, then becomes ours."""
    live_service(stage)
    made = stage.cli("apply", "--yes", "redis/main")  # what the service refers to
    assert made.code == OK, made

    shown = stage.cli("diff", "service/web")
    assert shown.code == DIFFERENT
    assert "adopt" in shown.out
    assert "tags" not in stage.service() or not stage.service()["tags"]

    stage.converge()
    tags = {t["key"]: t["value"] for t in stage.service()["tags"]}
    assert tags["reconciler:app"] == "shop"
    assert tags["reconciler:address"] == "service/web"
    assert stage.web_versions() == {TAG}
    assert "ecs:CreateService" in stage.calls()
    assert stage.calls("ecs:DeleteService") == []
