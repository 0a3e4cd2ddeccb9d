"""Two AWSs behind one fixture: the fake at the transport's seam, and the embedded one on the wire; preflight's account."""

from __future__ import annotations

import pytest

from reconciler.aws.boto import BotoTransport
from reconciler.aws.clock import SystemClock
from reconciler.aws.door import Aws
from reconciler.local.server import DEFAULT_REGION, EmbeddedAws
from tests.fakes.autoscaling import FakeAutoscaling
from tests.fakes.ecs import FakeEcs
from tests.fakes.elasticache import FakeElastiCache
from tests.fakes.timeline import Timeline
from tests.fakes.transport import FakeTransport
from tests.local.hours import midweek
from tests.resources.account import Place
from tests.resources.samples import CLUSTER, Recorder, Sandbox


@pytest.fixture(scope="module")
def _embedded():
    """Serve an AWS for one module: a process can have one at a time, and others need theirs."""
    with pytest.MonkeyPatch.context() as patch, EmbeddedAws(clock=midweek()) as aws:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.delenv("AWS_PROFILE", raising=False)
        transport = BotoTransport(DEFAULT_REGION, endpoint_url=aws.endpoint_url)
        Aws(transport, SystemClock()).call("ecs", "CreateCluster", clusterName=CLUSTER)
        yield transport


@pytest.fixture(params=["fake", "wire"])
def sandbox(request):
    """Return an AWS with a cluster, and the record of what was sent to it."""
    if request.param == "wire":
        recorder = Recorder(request.getfixturevalue("_embedded"))
        return Sandbox(Aws(recorder, SystemClock()), recorder)
    timeline = Timeline()
    ecs = FakeEcs(timeline)
    scaling = FakeAutoscaling(ecs.services.count, ecs.services.scale)
    handlers = {
        "ecs": ecs.handle,
        "application-autoscaling": scaling.handle,
        "elasticache": FakeElastiCache(timeline).handle,
    }
    recorder = Recorder(FakeTransport(timeline, handlers))
    return Sandbox(Aws(recorder, timeline), recorder)


@pytest.fixture
def place():
    """Return an account in which all is well."""
    return Place()
