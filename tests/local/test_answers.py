"""Every answer of the emulated ECS has the shape of botocore's model: no unknown member, no wrong type.

botocore drops what it does not know, so a misspelled member would be lost silently on the wire.
"""

from __future__ import annotations

from datetime import datetime

import botocore.session
import pytest

from reconciler.local.ecs.dispatch import OPERATIONS
from tests.local.test_rollout import BREAKER, Cluster

MODEL = botocore.session.get_session().get_service_model("ecs")
TYPES = {
    "string": str,
    "integer": int,
    "long": int,
    "double": (int, float),
    "boolean": bool,
    "timestamp": datetime,
}


def misfits(shape, value, path=""):
    """Return where a value does not fit its shape."""
    if shape.type_name == "structure":
        found = [f"{path}.{name} is unknown" for name in set(value) - set(shape.members)]
        for name in set(value) & set(shape.members):
            found += misfits(shape.members[name], value[name], f"{path}.{name}")
        return found
    if shape.type_name == "list":
        return [m for v in value for m in misfits(shape.member, v, f"{path}[]")]
    if shape.type_name == "map":
        return [m for v in value.values() for m in misfits(shape.value, v, f"{path}{{}}")]
    wrong = not isinstance(value, TYPES[shape.type_name])
    if shape.type_name in ("integer", "long"):
        wrong = wrong or isinstance(value, bool)
    if not wrong and shape.type_name == "string" and shape.enum and value not in shape.enum:
        return [f"{path} is {value}, not one of {', '.join(shape.enum)}"]
    return [f"{path} is a {type(value).__name__}"] if wrong else []


class Checked(Cluster):
    """A world whose every answer is checked."""

    def __init__(self):
        self.called = set()
        super().__init__()

    def call(self, operation, **params):
        document = super().call(operation, **params)
        shape = MODEL.operation_model(operation).output_shape
        assert misfits(shape, document, operation) == []
        self.called.add(operation)
        return document


@pytest.fixture
def cluster():
    """Return a world with a service in each strategy's hands."""
    return Checked()


def a_life(cluster):
    """Call every operation once at least, with something to show."""
    call, web = cluster.call, {"cluster": "c", "service": "web"}
    pause = {"targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP"]}
    alarms = {"alarmNames": ["errors"], "enable": True, "rollback": True}
    cluster.create(
        "good:1", 2, strategy="BLUE_GREEN", bakeTimeInMinutes=0, lifecycleHooks=[pause], **BREAKER
    )
    cluster.settle()
    cluster.update(deploymentConfiguration={"alarms": alarms})
    cluster.update(taskDefinition=cluster.define("good:2"))
    newest = cluster.service.service_deployments[0]
    cluster.until(lambda: newest.hooks)
    shown = call("DescribeServices", cluster="c", services=["web", "none"], include=["TAGS"])
    arn = shown["services"][0]["currentServiceDeployment"]
    call("DescribeServiceDeployments", serviceDeploymentArns=[arn, "arn:x"])
    call("ContinueServiceDeployment", serviceDeploymentArn=arn)
    call("StopServiceDeployment", serviceDeploymentArn=arn)
    cluster.until(lambda: newest.ended)
    call("DescribeServiceDeployments", serviceDeploymentArns=[arn])
    call("ListServiceDeployments", **web)
    revisions = [r["arn"] for r in shown["services"][0]["currentServiceRevisions"]]
    call("DescribeServiceRevisions", serviceRevisionArns=[*revisions, "arn:x"])
    service = shown["services"][0]["serviceArn"]
    call("TagResource", resourceArn=service, tags=[{"key": "a", "value": "b"}])
    call("ListTagsForResource", resourceArn=service)
    call("UntagResource", resourceArn=service, tagKeys=["a"])
    call("ListServices", cluster="c")
    tasks = call("ListTasks", cluster="c")["taskArns"]
    call("DescribeTasks", cluster="c", tasks=[*tasks, "none"], include=["TAGS"])


def its_end(cluster):
    """Run, stop and delete."""
    call = cluster.call
    (task,) = call("RunTask", cluster="c", taskDefinition="f:1", clientToken="t")["tasks"]
    call("StopTask", cluster="c", task=task["taskArn"])
    call("ListTaskDefinitions")
    call("ListTaskDefinitionFamilies")
    call("DescribeTaskDefinition", taskDefinition="f:1", include=["TAGS"])
    call("DeregisterTaskDefinition", taskDefinition="f:2")
    call("DeleteTaskDefinitions", taskDefinitions=["f:2", "f:1"])
    call("PutClusterCapacityProviders", cluster="c", capacityProviders=["FARGATE"])
    call("DescribeClusters", clusters=["c", "none"], include=["TAGS"])
    call("ListClusters")
    call("DeleteService", cluster="c", service="web", force=True)
    cluster.until(lambda: cluster.service.status == "INACTIVE")
    call("DescribeServices", cluster="c", services=["web"])
    call("CreateCluster", clusterName="d")
    call("DeleteCluster", cluster="d")


def test_every_answer_has_its_shape(cluster):
    """From the first deployment to the deleted cluster; no operation is left out."""
    a_life(cluster)
    its_end(cluster)
    assert set(OPERATIONS) - cluster.called == set()
