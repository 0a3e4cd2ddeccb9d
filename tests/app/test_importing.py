"""`init` writes what `diff` then has nothing to say about: held for generated and for typical services."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, note, settings
from hypothesis import strategies as st

from reconciler.app.importing import prove
from reconciler.model.observed import (
    ObservedAutoscaling,
    ObservedParameterGroup,
    ObservedRedis,
    ObservedService,
    ObservedTaskDefinition,
    ServicePresence,
)
from reconciler.plan.canonical import (
    canonical_service,
    canonical_task_definition,
    repeated_variables,
)
from reconciler.resources.inventory import Found
from reconciler.source.imports.live import Target
from tests.app.live_values import DIGEST, IMAGES, REPOSITORY, SECRET, Maker

TARGET = Target("shop", "production", "123456789012", "ap-northeast-1", "production")
REGISTRY = {i: f"{REPOSITORY}@{DIGEST}" for i in IMAGES if i.startswith(REPOSITORY)} | {
    i: i for i in IMAGES if not i.startswith(REPOSITORY)
}


@given(st.integers(0, 2**32))
@settings(max_examples=60)
def test_what_is_imported_is_no_difference(seed):
    """Any service that ECS would have taken is written so that the plan against it is empty."""
    found = Maker(seed).cluster()
    proof = prove(TARGET, found, REGISTRY)
    text = "\n".join(proof.written.files.values()) if proof.written else ""
    note(text)

    assert SECRET not in text
    problems = [p for s in proof.services for p in s.problems]
    assert [p for p in problems if "looks like a secret" not in p] == []
    assert list(proof.differences) == []


PLAIN = {
    "family": "shop-web",
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "cpu": "256",
    "memory": "512",
    "containerDefinitions": [
        {"name": "app", "image": f"{REPOSITORY}:v1", "portMappings": [{"containerPort": 80}]}
    ],
}


def a_service(name="shop-web", *, scaling=None, running=None, **fields):
    """Return one plain live service."""
    document = {
        "serviceName": name,
        "desiredCount": 3,
        "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
        "schedulingStrategy": "REPLICA",
        "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": True, "rollback": True}},
        **fields.pop("service", {}),
    }
    content = canonical_task_definition(PLAIN | {"family": name} | fields)
    arn = f"arn:aws:ecs:ap-northeast-1:123456789012:task-definition/{name}:1"
    return Found(
        ObservedService(
            ServicePresence.ACTIVE, canonical_service(document), task_definition_arn=arn
        ),
        ObservedTaskDefinition(arn, name, 1, active=True, content=content),
        running or {c["name"]: DIGEST for c in content["containerDefinitions"]},
        scaling,
    )


def text_of(*found, groups=()):
    """Import and return the text; what diff would say must be nothing."""
    proof = prove(TARGET, found, REGISTRY, groups)
    assert [p for s in proof.services for p in s.problems] == []
    assert list(proof.differences) == []
    return "\n".join(proof.written.files.values())


TRACKING = "targetTrackingScalingPolicyConfiguration"


def tracked(metric, value, **more):
    """Return a target tracking policy as AWS answers it."""
    specification = {"predefinedMetricType": metric}
    configuration = {"targetValue": value, "predefinedMetricSpecification": specification, **more}
    return {"policyType": "TargetTrackingScaling", TRACKING: configuration}


def test_autoscaling_is_written_and_the_count_is_not():
    """Short words where a policy is what they make; what they cannot say is written as it is."""
    cpu = tracked(
        "ECSServiceAverageCPUUtilization", 60.0, disableScaleIn=False, scaleInCooldown=120
    )
    queue = {
        "policyType": "TargetTrackingScaling",
        TRACKING: {
            "targetValue": 12.5,
            "customizedMetricSpecification": {
                "metricName": "depth",
                "namespace": "shop",
                "statistic": "Average",
            },
        },
    }
    target = {
        "minCapacity": 2,
        "maxCapacity": 9,
        "roleARN": "arn:aws:iam::123456789012:role/aws-service-role/x",
        "suspendedState": {"dynamicScalingInSuspended": False},
    }
    text = text_of(a_service(scaling=ObservedAutoscaling(target, {"cpu": cpu, "queue": queue})))
    lines = [line.strip() for line in text.splitlines()]
    assert lines[lines.index("autoscaling:") + 1 :][:4] == [
        "min: 2",
        "max: 9",
        "targetCpu: 60",
        "scaleInCooldown: 120",
    ]
    assert "targetValue: 12.5" in lines
    assert "desiredCount" not in text


def test_a_cooldown_of_nothing_is_written():
    """Zero is a choice: AWS's default is five minutes."""
    cpu = tracked("ECSServiceAverageCPUUtilization", 60.0, scaleInCooldown=0)
    live = ObservedAutoscaling({"minCapacity": 1, "maxCapacity": 2}, {"cpu": cpu})
    assert "scaleInCooldown: 0" in text_of(a_service(scaling=live))


def test_tags_of_a_scalable_target_are_written():
    """The user's own, as they are; what AWS and we put there is nobody's to declare."""
    tags = {"team": "shop", "aws:cloudformation:stack-name": "s", "reconciler:app": "old"}
    live = ObservedAutoscaling({"minCapacity": 1, "maxCapacity": 2}, tags=tags)
    lines = [line.strip() for line in text_of(a_service(scaling=live)).splitlines()]
    start = lines.index("autoscaling:")
    assert lines[start + 1 : start + 4] == ["min: 1", "max: 2", "tags: {team: shop}"]
    assert "aws:" not in " ".join(lines[start:])


def test_short_words_share_their_cooldowns():
    """Two policies with cooldowns of their own are written out."""
    text = text_of(
        a_service(
            scaling=ObservedAutoscaling(
                {"minCapacity": 1, "maxCapacity": 2},
                {
                    "cpu": tracked("ECSServiceAverageCPUUtilization", 60.0, scaleInCooldown=1),
                    "memory": tracked("ECSServiceAverageMemoryUtilization", 60.0),
                },
            )
        )
    )
    assert "targetCpu" not in text


def test_a_redis_group_is_written_with_its_parameters():
    """The group, its parameter group and what somebody set there; its key is short."""
    group = {
        "replicationGroupId": "shop-production",
        "replicationGroupDescription": "shop",
        "engine": "redis",
        "engineVersion": "7.1.0",
        "cacheNodeType": "cache.t3.micro",
        "numNodeGroups": 1,
        "numCacheClusters": 2,
        "replicasPerNodeGroup": 1,
        "automaticFailoverEnabled": True,
        "cacheParameterGroupName": "shop-production",
        "port": 6379,
        "snapshotRetentionLimit": 0,
    }
    parameters = ObservedParameterGroup(
        "shop-production", {"maxmemory-policy": "noeviction"}, family="redis7", arn="arn:p", tags={}
    )
    live = ObservedRedis(
        "available", group, arn="arn:r", tags={}, parameter_group=parameters, members=("a", "b")
    )
    text = text_of(a_service(), groups=[live])
    assert "redis:\n  main:\n    replicationGroupId: shop-production\n" in text
    assert 'engineVersion: "7.1"' in text
    assert "cacheParameterGroupFamily: redis7" in text
    assert "parameters: {maxmemory-policy: noeviction}" in text
    assert "6379" not in text


def test_what_we_write_down_is_left_out_where_all_services_have_it():
    """Fargate, awsvpc and the circuit breaker need no line; a service without the breaker changes that."""
    logs = {"logDriver": "awslogs", "options": {"awslogs-group": "/shop"}}
    logged = [{**PLAIN["containerDefinitions"][0], "logConfiguration": logs}]
    short = text_of(a_service(containerDefinitions=logged))
    assert "sync:" not in short
    assert "FARGATE" not in short
    assert "deploymentCircuitBreaker" not in short
    bare = a_service("shop-b", containerDefinitions=logged, service={"deploymentConfiguration": {}})
    text = text_of(a_service("shop-a", containerDefinitions=logged), bare)
    assert "sync: {defaults: none}" in text
    assert "launchType: FARGATE" in text


def test_one_odd_service_does_not_keep_the_others_from_sharing():
    """Three of four containers have an image and an environment in common: these are one template."""

    def rails(name, **fields):
        variables = [{"name": n, "value": "x"} for n in ("RAILS_ENV", "RACK_ENV", "LANG")]
        container = {"name": name, "image": f"{REPOSITORY}:v1", "environment": variables, **fields}
        return a_service(f"shop-{name}", containerDefinitions=[container])

    odd = rails("odd", environment=[])
    text = text_of(rails("web"), rails("worker"), rails("mail"), odd)
    assert text.count("RAILS_ENV") == 1
    assert text.count("from: shop") == 3


def test_a_moving_tag_without_a_digest_leaves_its_service_out():
    """Nothing runs and no registry tells: the other service is written, this one named with the reason."""
    lost = a_service("shop-b", containerDefinitions=[{"name": "app", "image": "nginx"}])
    proof = prove(TARGET, [a_service("shop-a"), replace(lost, running={})], REGISTRY)
    problems = {s.live.name: s.problems for s in proof.services}
    assert "mutable tag" in problems["shop-b"][0]
    assert problems["shop-a"] == ()
    assert "shop-b" not in "".join(proof.written.files.values())


def test_a_tag_that_was_moved_is_written_as_what_runs():
    """The registry has another image under it by now: the files say what is running."""
    other = "sha256:" + "cd" * 32
    text = text_of(a_service(running={"app": other}))
    assert f"{REPOSITORY}@{other}" in text


def test_what_our_checks_refuse_is_left_out_with_the_reason():
    """ECS once took it, we would not send it: the service is named, the others are written."""
    wrong = a_service("shop-b", memory="8192")
    proof = prove(TARGET, [a_service("shop-a"), wrong], REGISTRY)
    problems = {s.live.name: s.problems for s in proof.services}
    assert "with cpu 256 Fargate offers memory" in problems["shop-b"][0]
    assert proof.written is not None


def test_a_variable_that_was_registered_twice_is_written_once():
    """The last value, which is the one that counts; a person is told where."""
    live = a_service()
    pairs = [{"name": "A", "value": "one"}, {"name": "A", "value": "two"}]
    content = {**PLAIN["containerDefinitions"][0], "environment": pairs}
    answer = {**PLAIN, "containerDefinitions": [content]}
    definition = replace(
        live.definition,
        content=canonical_task_definition({**answer, "family": "shop-web"}),
        repeated=repeated_variables(answer),
    )
    found = replace(live, definition=definition)
    assert "environment: {A: two}" in text_of(found)
    [imported] = prove(TARGET, [found], REGISTRY).services
    assert "environment.A of container app is there twice" in imported.notes[0]


def external(name, **service):
    """Return a live service whose task sets are another deployer's, and are not there yet."""
    found = a_service(
        name,
        service={
            "deploymentController": {"type": "EXTERNAL"},
            "launchType": "EC2",
            "deploymentConfiguration": {"maximumPercent": 200, "minimumHealthyPercent": 100},
            **service,
        },
    )
    document = {k: v for k, v in found.service.service.items() if k != "networkConfiguration"}
    service = replace(found.service, service=document, task_definition_arn="")
    return Found(service, None)


def test_a_service_without_a_task_definition_is_written_without_containers():
    """Task sets and what they have for themselves are left to the external controller."""
    text = text_of(external("shop-a", desiredCount=5))
    assert "deploymentController: {type: EXTERNAL}" in text
    assert "desiredCount: 5" in text
    for word in ("containerDefinitions", "launchType", "image", "taskDefinition"):
        assert word not in text
    proof = prove(TARGET, [external("shop-a")], REGISTRY)
    assert "another deployer's" in proof.services[0].notes[0]


def test_others_share_beside_a_service_without_a_task_definition():
    """Alone, in company, or next to usual services: nothing of theirs is lost."""
    text_of(external("shop-a"), external("shop-b"))
    logs = {"logDriver": "awslogs", "options": {"awslogs-group": "/shop"}}
    logged = [{**PLAIN["containerDefinitions"][0], "logConfiguration": logs}]
    usual = [a_service(f"shop-{n}", containerDefinitions=logged) for n in ("c", "d")]
    text = text_of(external("shop-a"), *usual)
    assert text.count("awslogs-group") == 1
    assert "sync:" not in text


def test_many_services_get_a_file_of_their_own():
    """A long app is split by section."""
    found = [
        a_service(f"shop-{i}", service={"tags": []}, taskRoleArn=f"arn:aws:iam::1:role/{i}")
        for i in range(40)
    ]
    proof = prove(TARGET, found, REGISTRY)
    assert list(proof.written.files) == ["app.yaml", "services.yaml"]
    assert list(proof.differences) == []
