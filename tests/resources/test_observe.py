"""Reading live AWS: batches, pins before the registry, revisions only where needed, orphans by name."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from reconciler.aws.door import Aws
from reconciler.model.errors import NotFound
from reconciler.model.observed import LedgerView, RolloutState, ServicePresence, ServiceRecord
from reconciler.plan.spec_hash import desired_hash
from reconciler.resources.observe import Observer
from tests.fakes.ecs import FakeEcs
from tests.fakes.small import FakeEcr
from tests.fakes.surroundings import FakeSurroundings
from tests.fakes.timeline import Timeline
from tests.fakes.transport import FakeTransport
from tests.plan.builders import a_service, an_app, digest, image

CLUSTER = "production"


@dataclass
class Live:
    """A fake account: its transport, and the words of these tests."""

    timeline: Timeline = field(default_factory=Timeline)
    observer: Observer = field(default_factory=Observer)
    ledger: LedgerView = field(default_factory=lambda: LedgerView(key="production/shop"))

    def __post_init__(self) -> None:
        self.ecs, self.ecr = FakeEcs(self.timeline), FakeEcr()
        self.ecr.digests["shop", "1"] = digest(image("1")).rpartition("@")[2]
        around = FakeSurroundings().handlers
        handlers = {**around, "ecs": self.ecs.handle, "ecr": self.ecr.handle}
        self.transport = FakeTransport(self.timeline, handlers)
        self.aws = Aws(self.transport, self.timeline)

    def make(self, service) -> str:
        """Create a desired service as a pass would, and return its revision's ARN."""
        definition = dict(service.task_definition)
        answer = self.ecs.handle("RegisterTaskDefinition", definition)
        arn = answer["taskDefinition"]["taskDefinitionArn"]
        request = {**service.service, "cluster": CLUSTER, "taskDefinition": arn}
        self.ecs.handle("CreateService", request)
        return str(arn)

    def remember(self, service, arn: str) -> None:
        """Have the ledger know that `arn` carries out the service."""
        images = {image("1"): digest(image("1"))}
        record = ServiceRecord(
            name=service.name,
            applied={"service": dict(service.service)},
            desired_hash=desired_hash(service, images),
            task_definition_arn=arn,
            deployment_id="",
            state=RolloutState.STEADY,
        )
        services = {**self.ledger.services, service.name: record}
        self.ledger = replace(self.ledger, services=services, pins=images)

    def observe(self, *services, **fields):
        """Observe an app of these services, and return what was seen and which calls it took."""
        self.transport.calls.clear()
        seen = self.observer.observe(self.aws, an_app(*services, **fields), self.ledger)
        return seen, self.transport.operations()

    def asked(self, operation: str) -> list[Any]:
        """Return the parameters of each call of an operation."""
        return [params for _, name, params in self.transport.calls if name == operation]


@pytest.fixture
def live():
    """Return an empty account."""
    return Live()


@pytest.mark.parametrize(("count", "calls"), [(1, 1), (10, 1), (11, 2), (25, 3)])
def test_services_are_read_ten_at_a_time(live, count, calls):
    """The steady state of N services costs ⌈N/10⌉ DescribeServices and no other call.

    The first look asks once for all about their tag and their parameter: whatever N is, two calls more.
    """
    services = [a_service(f"s{n:02}") for n in range(count)]
    for service in services:
        live.remember(service, live.make(service))
    first = live.observe(*services)[1]
    assert first == ["DescribeServices"] * calls + ["DescribeImages", "DescribeParameters"]
    seen, operations = live.observe(*services)
    assert operations == ["DescribeServices"] * calls
    assert {s.presence for s in seen.services.values()} == {ServicePresence.ACTIVE}
    assert max(len(p["services"]) for p in live.asked("DescribeServices")) <= 10
    assert seen.task_definitions == {}


def test_an_app_without_services_asks_nothing(live):
    """ECS refuses an empty list of names, so it is not sent."""
    assert live.observe()[1] == []


def test_what_does_not_exist_is_absent(live):
    """MISSING is no error: the service is ABSENT, under its section key."""
    seen, _ = live.observe(a_service())
    assert seen.services["web"].presence is ServicePresence.ABSENT


def test_a_missing_cluster_is_an_error(live):
    """ClusterNotFoundException is told, not taken for missing services."""
    live.ecs.clusters.clear()
    with pytest.raises(NotFound, match="Cluster not found"):
        live.observe(a_service())


def test_an_image_is_asked_for_once(live):
    """All services and migrations that run it share the answer."""
    seen, operations = live.observe(a_service("web"), a_service("worker"))
    assert operations.count("DescribeImages") == 1
    assert seen.images == {image("1"): digest(image("1"))}


def test_a_pin_goes_before_the_registry(live):
    """A tag that somebody moved in ECR stands for what it was first resolved to; that it moved is seen."""
    live.ledger = replace(live.ledger, pins={image("1"): "pinned@sha256:1"})
    live.ecr.digests["shop", "1"] = "sha256:moved"
    seen, operations = live.observe(a_service())
    assert seen.images == {image("1"): "pinned@sha256:1"}
    assert seen.moved == {image("1"): f"{image('1').rpartition(':')[0]}@sha256:moved"}
    assert operations.count("DescribeImages") == 1


def test_an_image_that_is_not_there_is_left_out(live):
    """The planner sees what is missing; observing goes on."""
    assert live.observe(a_service(tag="none"))[0].images == {}


def test_a_revision_is_described_when_the_ledger_does_not_prove_it(live):
    """Without a record the live revision and the family's newest ones are read, each once for ever."""
    service = a_service()
    arn = live.make(service)
    seen, operations = live.observe(service)
    assert list(seen.task_definitions) == [arn]
    assert operations.count("DescribeTaskDefinition") == 1
    seen, operations = live.observe(service)
    assert list(seen.task_definitions) == [arn]
    assert operations.count("DescribeTaskDefinition") == 0
    assert operations.count("ListTaskDefinitions") == 1


def test_a_new_observer_knows_no_revision(live):
    """What is remembered belongs to one process."""
    service = a_service()
    live.make(service)
    live.observe(service)
    live.observer = Observer()
    assert "DescribeTaskDefinition" in live.observe(service)[1]


def test_a_revision_of_somebody_else_is_described(live):
    """When the console put another revision under the service, the record proves nothing."""
    service = a_service()
    live.remember(service, live.make(service))
    other = live.ecs.handle("RegisterTaskDefinition", {**service.task_definition, "cpu": "1024"})
    arn = other["taskDefinition"]["taskDefinitionArn"]
    update = {"cluster": CLUSTER, "service": service.service_name, "taskDefinition": arn}
    live.ecs.handle("UpdateService", update)
    seen, _ = live.observe(service)
    assert seen.task_definitions[arn].content["cpu"] == "1024"
    assert next(iter(seen.task_definitions)) == arn


def test_only_five_revisions_are_searched(live):
    """A family with many revisions costs no more than the newest five."""
    service = a_service()
    for _ in range(8):
        live.ecs.handle("RegisterTaskDefinition", dict(service.task_definition))
    seen, _ = live.observe(service)
    assert [d.revision for d in seen.task_definitions.values()] == [8, 7, 6, 5, 4]


def test_a_draining_service_needs_no_revision(live):
    """Nothing is planned for it until it is gone."""
    service = a_service()
    live.make(service)
    live.ecs.handle(
        "DeleteService", {"cluster": CLUSTER, "service": service.service_name, "force": True}
    )
    seen, operations = live.observe(service)
    assert seen.services["web"].presence is ServicePresence.DRAINING
    assert "DescribeTaskDefinition" not in operations


def test_orphans_are_looked_up_by_their_recorded_names(live):
    """A service of the ledger that the files no longer name is read with the others, in one batch."""
    web, old = a_service("web"), a_service("old")
    for service in (web, old):
        live.remember(service, live.make(service))
    stranger = a_service("stranger")
    live.make(stranger)
    seen, operations = live.observe(web)
    assert list(seen.orphans) == ["shop-production-old"]
    assert list(seen.services) == ["web"]
    assert operations.count("DescribeServices") == 1


def test_a_ghost_is_no_orphan(live):
    """ECS shows deleted services for a while as INACTIVE."""
    web, old = a_service("web"), a_service("old")
    for service in (web, old):
        live.remember(service, live.make(service))
    live.ecs.handle(
        "DeleteService", {"cluster": CLUSTER, "service": old.service_name, "force": True}
    )
    live.timeline.advance(60)
    assert live.observe(web)[0].orphans == {}


def test_a_renamed_section_is_no_orphan(live):
    """The AWS name decides: another key for the same service leaves nothing behind."""
    web = a_service("web")
    live.remember(web, live.make(web))
    renamed = a_service("front", serviceName=web.service_name)
    assert live.observe(renamed)[0].orphans == {}
