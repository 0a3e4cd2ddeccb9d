"""The first day of a team that has a cluster already: import it, see an empty diff, hand it over."""

from __future__ import annotations

from tests.e2e.stage import CLUSTER, DIFFERENT, OK, eventually

REPOSITORY = "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/shop"
SECRET = "correct-horse-battery"
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-0aaa"], "securityGroups": ["sg-0aaa"]}}


def deployed(stage, name, **container):
    """Deploy a service as others do: from `latest`, with a token in its environment."""
    definition = stage.ecs.register_task_definition(
        family=name,
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        executionRoleArn="arn:aws:iam::123456789012:role/shop-execution",
        containerDefinitions=[
            {
                "name": "app",
                "image": f"{REPOSITORY}:latest",
                "command": ["sleep", "1000"],
                "environment": [
                    {"name": "RAILS_ENV", "value": "development"},
                    {"name": "RAILS_ENV", "value": "production"},
                    {"name": "API_TOKEN", "value": SECRET},
                ],
                **container,
            }
        ],
    )["taskDefinition"]
    stage.ecs.create_service(
        cluster=CLUSTER,
        serviceName=name,
        taskDefinition=definition["taskDefinitionArn"],
        desiredCount=1,
        launchType="FARGATE",
        networkConfiguration=NETWORK,
        tags=[{"key": "team", "value": "shop"}],
    )


def test_a_running_cluster_is_imported_and_taken_over(stage):
    """No secret and no moving tag is written, diff is empty, apply adds tags and rolls nothing.

    A service whose task sets are another deployer's is one of them.
    """
    deployed(stage, "Legacy-web")
    stage.ecs.create_service(
        cluster=CLUSTER,
        serviceName="Legacy-batch",
        desiredCount=1,
        deploymentController={"type": "EXTERNAL"},
    )
    deployed(stage, "Legacy-worker", command=["sleep", "2000"])
    eventually(lambda: stage.service("Legacy-worker")["runningCount"], lambda n: n == 1)
    arguments = (
        "--cluster",
        CLUSTER,
        "--all",
        "--region",
        "ap-northeast-1",
        "-a",
        "production/legacy",
    )

    done = stage.cli("init", *arguments)
    assert done.code == OK, done
    text = (stage.folder / "production" / "legacy" / "app.yaml").read_text()
    assert SECRET not in text
    assert "API_TOKEN: ${live}" in text
    assert "RAILS_ENV: production" in text
    assert "environment.RAILS_ENV of container app is there twice" in done.out
    assert "deploymentController: {type: EXTERNAL}" in text
    assert "latest\n" not in text
    assert f"{REPOSITORY}@sha256:" in text

    assert stage.cli("validate", "-a", "production/legacy").code == OK
    before = [stage.definition(n)["taskDefinitionArn"] for n in ("Legacy-web", "Legacy-worker")]
    assert stage.cli("diff", "-a", "production/legacy").code == OK
    assert stage.mutations() == [] or all("legacy" not in m for m in stage.mutations())

    assert stage.cli("apply", "-a", "production/legacy", "-y").code == OK
    assert [
        stage.definition(n)["taskDefinitionArn"] for n in ("Legacy-web", "Legacy-worker")
    ] == before
    tags = {t["key"]: t["value"] for t in stage.service("Legacy-web")["tags"]}
    assert (tags["reconciler:app"], tags["team"]) == ("legacy", "shop")
    assert "reconciler:app" in {t["key"] for t in stage.service("Legacy-batch")["tags"]}
    assert stage.cli("diff", "-a", "production/legacy").code == OK

    file = stage.folder / "production" / "legacy" / "app.yaml"
    stage.edit(("RAILS_ENV: production", "RAILS_ENV: staging"), file=file)
    assert stage.cli("diff", "-a", "production/legacy").code == DIFFERENT
    assert stage.cli("apply", "-a", "production/legacy", "-y").code == OK
    variables = stage.definition("Legacy-web")["containerDefinitions"][0]["environment"]
    assert {v["name"]: v["value"] for v in variables} == {
        "RAILS_ENV": "staging",
        "API_TOKEN": SECRET,
    }
    assert SECRET not in stage.cli("history", "-a", "production/legacy", "-o", "json").out

    again = stage.cli("init", *arguments)
    assert (again.code, "--force" in again.err) == (2, True)
