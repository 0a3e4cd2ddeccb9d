"""The product's Reconciler on a fake account: files, controllers, time, and what each of them left behind."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.aws.door import Aws
from reconciler.aws.operations import is_mutating
from reconciler.controller.reconcile import Access, Reconciler, Result
from reconciler.model.desired import DesiredApp, DesiredMigration, DesiredService, Guard, SyncPolicy
from reconciler.model.events import Event
from reconciler.model.names import AppKey
from reconciler.model.observed import LedgerView
from reconciler.resources.observe import Observer
from reconciler.store.ledger import AppStore
from reconciler.store.members import Member
from reconciler.store.tables import Tables
from tests.fakes.autoscaling import FakeAutoscaling, FakeElb
from tests.fakes.dynamodb import FakeDynamoDB
from tests.fakes.ecs import FakeEcs
from tests.fakes.ecs_tasks import Nature
from tests.fakes.elasticache import FakeElastiCache
from tests.fakes.small import FakeEcr, FakeSts
from tests.fakes.surroundings import FakeSurroundings
from tests.fakes.timeline import Timeline
from tests.fakes.transport import FakeTransport
from tests.plan.builders import KEY, REPOSITORY, a_migration, a_service, an_app

BREAKER = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
WEB = "shop-production-web"


def service(name: str = "web", tag: str = "1", **fields: Any) -> DesiredService:
    """Return a desired service with the circuit breaker on."""
    return a_service(name, tag, **{"desiredCount": 1, "deploymentConfiguration": BREAKER, **fields})


def files(
    *services: DesiredService, migrations: tuple[DesiredMigration, ...] = (), **fields: Any
) -> DesiredApp:
    """Return what the files say; the content hash follows from it."""
    content = hashlib.sha256(repr((services, migrations, fields)).encode()).hexdigest()
    guard = Guard(image=f"{REPOSITORY}-guard@sha256:{0:064x}")
    fields = {"guard": guard, "content_hash": content, **fields}
    return replace(an_app(*services, migrations=migrations), **fields)


def release(number: int) -> DesiredApp:
    """Return the app of a release: its image and its migration's revision go together."""
    return files(service(tag=str(number)), migrations=(a_migration(str(number)),))


@dataclass
class Controller:
    """One process: a member, and a Reconciler that remembers between passes."""

    lab: Lab
    name: str
    events: list[Event] = field(default_factory=list)
    files: DesiredApp | None = None
    """What this process's files say, when they differ from the others'."""

    def __post_init__(self) -> None:
        lab = self.lab
        chance = random.Random(self.name)
        self.transport = FakeTransport(lab.timeline, lab.handlers)
        self.aws = Aws(self.transport, lab.timeline, chance=chance)
        self.member = Member(self.aws, lab.tables, lab.timeline, self.name, incarnation="1")
        self.member.join()
        self.store = AppStore(
            self.aws, lab.tables, lab.timeline, KEY, ids=lambda: f"{chance.getrandbits(64):016x}"
        )
        self.observer = Observer()
        self.broken = ""
        self.reconciler = Reconciler(self, self.open, lab.timeline, self.events.append)
        lab.controllers.append(self)
        self.transport.calls.clear()

    def desired(self, _: AppKey) -> DesiredApp:
        return self.files or self.lab.files

    def problem(self, _: AppKey) -> str:
        return self.broken

    def open(self, _: DesiredApp) -> Access:
        return Access(self.aws, self.lab.tables, self.store, self.member, self.observer)

    def reconcile(self) -> Result:
        """Take one pass."""
        return self.reconciler.reconcile(KEY)

    def did(self) -> list[str]:
        """Return the mutating calls to ECS since the last time, in order."""
        found = [o for s, o, _ in self.transport.calls if s == "ecs" and is_mutating(o)]
        self.transport.calls.clear()
        return found

    def wrote(self) -> list[str]:
        """Return the writes to our own tables since the last time, in order."""
        found = [o for s, o, _ in self.transport.calls if s == "dynamodb" and is_mutating(o)]
        self.transport.calls.clear()
        return found

    def settle(self, passes: int = 60) -> Result:
        """Take passes until one asks for no other, letting the time between them go by."""
        for _ in range(passes):
            result = self.reconcile()
            if result.requeue_after is None:
                return result
            self.lab.go_on(result.requeue_after.total_seconds())
        raise AssertionError(f"not settled after {passes} passes: {result}")

    def crash(self) -> Controller:
        """Die without a word; return its successor, once the others may know."""
        self.lab.controllers.remove(self)
        successor = Controller(self.lab, f"{self.name}+")
        self.lab.go_on(60)
        return successor


class Lab:
    """The account and the files. `mark` and `story` tell what was journaled in between."""

    def __init__(self, nature: Nature | None = None) -> None:
        self.timeline = Timeline()
        self.dynamodb = FakeDynamoDB(self.timeline, creation_seconds=0.0)
        self.around = FakeSurroundings()
        self.ecs, self.ecr = FakeEcs(self.timeline, nature), FakeEcr()
        self.cache = FakeElastiCache(self.timeline)
        self.ecs.tasks.dynamodb = self.dynamodb.handle
        self.scaling = FakeAutoscaling(self.ecs.services.count, self.ecs.services.scale)
        self.elb = FakeElb()
        for number in range(1, 10):
            self.ecr.digests["shop", str(number)] = f"sha256:{number:064x}"
        self.handlers = {
            "dynamodb": self.dynamodb.handle,
            "ecs": self.ecs.handle,
            "ecr": self.ecr.handle,
            "sts": FakeSts().handle,
            **self.around.handlers,
            "elasticache": self.cache.handle,
            "application-autoscaling": self.scaling.handle,
            "elbv2": self.elb.handle,
        }
        self.tables = Tables()
        self.controllers: list[Controller] = []
        self.quiet = Aws(FakeTransport(self.timeline, self.handlers), self.timeline)
        self.tables.ensure(self.quiet, self.timeline)
        self.store = AppStore(self.quiet, self.tables, self.timeline, KEY)
        self.files = files(service())
        self._mark = 0

    def go_on(self, seconds: float) -> None:
        """Let time pass; every controller's heartbeat beats in it."""
        while seconds > 0:
            step = min(5.0, seconds)
            self.timeline.advance(step)
            seconds -= step
            for controller in self.controllers:
                controller.member.beat()
                controller.member.watch()

    @property
    def ledger(self) -> LedgerView:
        """The ledger as it is."""
        return self.store.read()

    def entries(self) -> list[dict[str, Any]]:
        """Return what was journaled since the last `story` or `entries`, oldest first."""
        found = [dict(r.content) for r in self.store.journal(newest_first=False)]
        fresh, self._mark = found[self._mark :], len(found)
        return fresh

    def story(self) -> list[str]:
        """Return the same in words: kind, address, action, outcome."""
        return [
            " ".join(str(e[k]) for k in ("kind", "address", "action", "outcome") if e[k])
            for e in self.entries()
        ]

    def live(self, name: str = WEB) -> dict[str, Any]:
        """Return a live service as ECS describes it."""
        answer = self.ecs.handle(
            "DescribeServices", {"cluster": "production", "services": [name], "include": ["TAGS"]}
        )
        return dict(answer["services"][0])

    def image(self, name: str = WEB) -> str:
        """Return the image that a service runs, by the last digit of its digest."""
        return self.ecs.services.image_of("production", name)[-1:]


def lose(controller: Controller, operation: str, error: Exception, *, applied: bool) -> None:
    """Lose the next request (or, applied, the next answer) of an operation."""
    lost: list[str] = []

    def hook(_service: str, name: str, _params: object) -> None:
        if name == operation and not lost:
            lost.append(name)
            raise error

    set_hook(controller, hook, applied=applied)


def set_hook(controller: Controller, hook: Callable[..., None] | None, *, applied: bool) -> None:
    """Have `hook` called before or after each wire attempt of a controller."""
    if applied:
        controller.transport.after = hook
    else:
        controller.transport.before = hook


__all__ = [
    "KEY",
    "WEB",
    "Controller",
    "Lab",
    "SyncPolicy",
    "files",
    "lose",
    "release",
    "service",
    "set_hook",
]
