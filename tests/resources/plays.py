"""Everything the product does in an account, played on the fakes with every call looked at.

`Play` is an account with the app that names everything; each act makes another part of the product call AWS.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from reconciler.aws.door import Aws
from reconciler.controller import operator
from reconciler.controller.audience import Audience
from reconciler.controller.one_off import OneOffs, Place
from reconciler.controller.planning import checked_plan
from reconciler.controller.rollback import Order, Rollback
from reconciler.local.times import Times
from reconciler.model.desired import DesiredApp
from reconciler.model.errors import OutcomeUnknown
from reconciler.model.names import Address
from reconciler.model.run import Launch, Run, RunKey, RunState
from reconciler.model.work import Work
from reconciler.plan.lookups import filled
from reconciler.plan.one_off import Ask, origin_named, runnable, work_of
from reconciler.resources import image, service_revision
from reconciler.resources.ecs_service import ecs_service
from reconciler.resources.observe import Observer
from reconciler.resources.pause import with_pauses
from reconciler.resources.preflight.doctor import check_app
from reconciler.resources.task_definition import newest_active
from reconciler.runs import diagnosis, operate
from reconciler.runs.failed_tasks import rollout_story
from reconciler.store.run_records import claim_key
from reconciler.store.tables import Tables
from tests.controller.lab import KEY, Controller, Lab
from tests.fakes.dynamodb import FakeDynamoDB
from tests.fakes.ecs_tasks import Nature
from tests.fakes.elasticache import FakeElastiCache
from tests.fakes.small import FakeLogs
from tests.fakes.transport import FakeTransport
from tests.resources.everything import EVERYTHING, REPOSITORY, parsed

NEXT_YEAR = timedelta(days=10)
"""The job of the files runs at the beginning of a year: nobody waits for that."""

TASK = "arn:aws:ecs:ap-northeast-1:123456789012:task/main"
Watch = Callable[[str, str, Any, bool], None]
"""Sees each call before it is answered, with whether a reading verb makes it, and may raise."""

SCALED = """autoscaling:
      min: 1
      max: 6
      targetCpu: 60
      scheduledActions:
        night: {schedule: cron(0 22 * * ? *), scalableTargetAction: {minCapacity: 0, maxCapacity: 1}}
      tags: {team: shop}
"""
SCALING = "autoscaling: {min: 1, max: 4, targetCpu: 60, requestCountPerTarget: 500}\n"


class Weather(Nature):
    """How the tasks of migrations do, until a play says otherwise."""

    seconds, code, until_start = 20.0, 0, 5.0

    def duration(self) -> float:
        return self.seconds

    def exit_code(self) -> int:
        return self.code

    def boot(self) -> float:
        return self.until_start


class Configurations:
    """A registry's blobs, as far as an image's configuration goes."""

    def fetch(self, _url: str, _digest: str) -> dict[str, str]:
        """Return the configuration of an image."""
        return {"os": "linux", "architecture": "arm64"}


class Waiting:
    """Whoever waits for a task: asks for its end after a while, or revokes its claim by hand."""

    def __init__(self, play: Play, work: Work, *, stops: bool, revokes: bool) -> None:
        self._play, self._work, self._stops, self._revokes = play, work, stops, revokes
        self.stop = self.leave = False
        self._rounds = 0

    def pause(self, length: timedelta) -> None:
        self._play.starting = False  # the controller's heart goes on beating meanwhile
        self._play.lab.go_on(max(0.5, length.total_seconds()))
        self._play.starting = True
        self._rounds += 1
        if self._rounds == 20:
            self.stop = self._stops
            if self._revokes:
                self._play.revoke_claim(Launch(*self._work.key[1:], 1, 0, self._work.kind))

    def moved(self, *_: object) -> None:
        """Hear it."""

    said = lines = moved


class Play:
    """One account, one controller, and the files as they are changed from act to act."""

    def __init__(self, watch: Watch) -> None:
        self.weather = Weather()
        self.lab = lab = Lab(self.weather)
        lab.ecs.clusters.add("main")
        lab.handlers["elbv2"] = lab.around.handlers["elbv2"]
        logs, around = FakeLogs(), lab.handlers["logs"]
        lab.handlers["logs"] = lambda operation, params: (
            logs.handle if operation == "GetLogEvents" else around
        )(operation, params)
        group = {"CacheSubnetGroupName": "shop-caches", "CacheSubnetGroupDescription": "d"}
        lab.cache = FakeElastiCache(lab.timeline, Times())
        lab.cache.handle("CreateCacheSubnetGroup", {**group, "SubnetIds": ["subnet-0aaa"]})
        lab.handlers["elasticache"] = lab.cache.handle
        self.watch, self.text = watch, EVERYTHING
        self.guards: list[tuple[str, Any]] = []
        """What the guard containers asked of DynamoDB."""
        lab.ecs.tasks.dynamodb = self._guard
        self.controller = Controller(lab, "a")
        self.controller.transport.before = self.see
        self.losing, self.reading = "", False
        self.starting = False
        self.watch_starts: Watch = watch
        """Sees instead what is called as somebody who may start tasks."""

    def see(self, service: str, operation: str, params: Any) -> None:
        """Look at a call; lose it where the play says so."""
        watch = self.watch_starts if self.starting else self.watch
        watch(service, operation, params, self.reading)
        if operation == self.losing:
            self.losing = ""
            raise OutcomeUnknown("the answer was lost", operation=f"{service}:{operation}")

    def _guard(self, operation: str, params: Any) -> Any:
        self.guards.append((operation, params))
        return self.lab.dynamodb.handle(operation, params)

    @property
    def files(self) -> DesiredApp:
        """What the files say now."""
        return self.lab.files

    def write(self, *changes: tuple[str, str]) -> None:
        """Change the files."""
        for old, new in changes:
            assert old in self.text, old
            self.text = self.text.replace(old, new)
        self.lab.files = parsed(self.text)

    def settle(self, *, converged: bool = True, passes: int = 400) -> None:
        """Take passes until nothing is to be waited for."""
        self.lab.files = parsed(self.text)
        for _ in range(passes):
            result = self.controller.reconcile()
            if result.requeue_after is None or result.requeue_after > NEXT_YEAR:
                break
            self.lab.go_on(result.requeue_after.total_seconds())
        else:
            raise AssertionError(result)
        assert result.status.converged is converged, result.status

    def run(self, revision: str) -> Run:
        """Return a stored run."""
        key = RunKey.migration("db", revision)
        return self.lab.store.read([key]).runs[str(key)]

    def read(self, act: Callable[[Play], None]) -> None:
        """Do something as a verb that only reads."""
        self.reading = True
        act(self)
        self.reading = False

    # Acts: reads ------------------------------------------------------------------------------

    def look(self) -> None:
        """Do what `diff`, `status`, `history` and `migration status` do, as somebody who only reads."""
        store, aws, files = self.controller.store, self.controller.aws, parsed(self.text)
        observer = Observer()
        observed = observer.observe(aws, files, store.read([("db", "1")]))
        checked_plan(observer, aws, filled(files, observed.lookups), observed)
        assert store.verify() == []
        list(store.journal(newest_first=True, limit=5))
        list(store.releases(Address("service", "web")))
        assert not observed.ledger.sequence or store.entry(1) is not None
        for run in store.runs():
            diagnosis.explain(run, aws, KEY)
        for document in files.task_definitions:
            self._read_logs(document)
        for record in observed.ledger.services.values():
            rollout_story(record, aws, "main")

    def _read_logs(self, document: Any) -> None:
        """Read the logs of a task definition's containers, as after a rollout that failed."""
        arns = newest_active(self.controller.aws, str(document["family"]))
        for container in document["containerDefinitions"] if arns else ():
            diagnosis.log_of(self.controller.aws, arns[0], container["name"], f"{TASK}/1")

    def doctor(self) -> None:
        """Run `doctor`: every check, and none that could not be made."""
        for finding in check_app(self.controller.aws, self.files):
            assert "not permitted" not in finding.state, finding
            assert "missing: add" not in finding.message, finding

    # Acts: writes -----------------------------------------------------------------------------

    def first_use(self) -> None:
        """Make the tables, in an account without any."""
        lab = self.lab
        handlers = {
            **lab.handlers,
            "dynamodb": FakeDynamoDB(lab.timeline, creation_seconds=0.0).handle,
        }
        transport = FakeTransport(lab.timeline, handlers)
        transport.before = self.see
        Tables().ensure(Aws(transport, lab.timeline), lab.timeline)

    def begin(self) -> None:
        """Create everything, and run the migration."""
        self.settle()

    def adopt(self) -> None:
        """Find a parameter group, and then services, made by somebody else."""
        other = Play(self.watch)
        group = {"CacheParameterGroupName": "shop-redis7", "CacheParameterGroupFamily": "redis7"}
        other.lab.cache.handle("CreateCacheParameterGroup", {**group, "Description": "by hand"})
        other.read(Play.look)
        other.settle()
        other.forget()
        other.read(Play.look)

    def forget(self) -> None:
        """Let the services be somebody else's who never heard of us, and the tables be gone."""
        for name in ("web", "worker"):
            keys = ["reconciler:app", "reconciler:environment", "reconciler:address"]
            arn = self.lab.ecs.handle(
                "DescribeServices", {"cluster": "main", "services": [f"shop-production-{name}"]}
            )["services"][0]["serviceArn"]
            self.lab.ecs.handle("UntagResource", {"resourceArn": arn, "tagKeys": keys})
        empty = FakeDynamoDB(self.lab.timeline, creation_seconds=0.0)
        self.controller.transport.handlers["dynamodb"] = empty.handle
        self.controller.transport.handlers["ecs"] = self._ecs_of_others

    def _ecs_of_others(self, operation: str, params: Any) -> Any:
        """Answer as ECS where task definitions name tags, and only the running tasks tell the digests."""
        task = "arn:aws:ecs:ap-northeast-1:123456789012:task/main/0123456789abcdef"
        if operation == "ListTasks" and "serviceName" in params:
            return {"taskArns": [task]}
        if operation == "DescribeTasks":
            return {"tasks": []}
        answer = self.lab.ecs.handle(operation, params)
        for container in answer.get("taskDefinition", {}).get("containerDefinitions", ()):
            container["image"] = f"{REPOSITORY}:1"
        return answer

    def find_platform(self) -> None:
        """Read what an image of a single platform runs on: it stands in its configuration, a layer in ECR."""
        digest, config = f"sha256:{1:064x}", f"sha256:{2:064x}"
        kind = "application/vnd.oci.image.manifest.v1+json"
        manifest = {"schemaVersion": 2, "mediaType": kind, "config": {"digest": config}}
        self.lab.ecr.manifests[digest] = json.dumps(manifest)
        found = image.platforms(self.controller.aws, f"{REPOSITORY}@{digest}", Configurations())
        assert found == {"linux/arm64"}

    def read_revisions(self) -> None:
        """Read a service's revision, for a field that nothing else tells."""
        arn = "arn:aws:ecs:ap-northeast-1:123456789012:service-revision/main/shop-production-web/1"
        service_revision.observe(self.controller.aws, [arn])

    def see_pauses(self) -> None:
        """Read where a service with a hook waits for a person, as while it rolls."""
        name = "shop-production-web"
        live = ecs_service.observe(self.controller.aws, "main", [name])[name]
        rolling = [replace(d, rollout_state="IN_PROGRESS") for d in live.deployments]
        with_pauses(self.controller.aws, {name: replace(live, deployments=tuple(rolling))})

    def release(self) -> None:
        """Release a new image and a new migration; let tags come and go."""
        self.write((":1\ndefaults", ":2\ndefaults"), ('revision: "1"', 'revision: "2"'))
        self.write(("    monitoring:", "    tags: {team: shop}\n    monitoring:"))
        self.settle()
        self.write(("    tags: {team: shop}\n", ""))
        self.settle()

    def run_job(self) -> None:
        """Run the job by hand."""
        me = operate.Operator("me", "month end")
        assert operate.trigger(self.controller.store, "report", "k", me) is None
        self.settle()
        assert self.lab.ledger.jobs["report"].recent[0].state is RunState.SUCCEEDED

    def fail(self) -> None:
        """Let a migration fail, and a person look and try it again."""
        self.weather.code = 1
        self.write(('revision: "2"', 'revision: "3"'))
        self.settle(converged=False)
        self.read(Play.look)
        self.weather.code = 0
        subject = operate.Subject(self.controller.store, "main", "db", "3")
        operate.retry(subject, operate.Operator("me", "again"))
        self.settle()

    def stop(self) -> None:
        """Let a migration take too long, so that it is stopped, and go on with the next."""
        self.weather.seconds = 1e6
        self.write(('revision: "3"', 'revision: "4"\n    timeout: 1m'))
        self.settle(converged=False)
        self.weather.seconds = 20.0
        self.write(('revision: "4"', 'revision: "5"'))
        self.settle()

    def lose(self) -> None:
        """Lose the answer to RunTask: the task is searched for."""
        self.losing = "RunTask"
        self.write(('revision: "5"', 'revision: "6"'))
        self.settle()

    def revoke(self) -> None:
        """Let a task not start in time: its claim is revoked, and what is revoked stays so."""
        self.weather.until_start = 1e6
        self.write(('revision: "6"', 'revision: "7"\n    startTimeout: 1m'))
        for _ in range(200):
            self.controller.reconcile()
            self.lab.go_on(10)
            if self.run("7").launch:
                break
        self.revoke_by_hand()
        self.weather.until_start = 5.0
        self.settle(passes=800)

    def revoke_by_hand(self) -> None:
        """Revoke the claim of a launch behind the controller's back, which then relies on it."""
        self.revoke_claim(self.run("7").newest)
        self.controller.reconcile()

    def revoke_claim(self, launch: Launch) -> None:
        """Revoke the claim of a launch."""
        cell = claim_key(KEY, launch)
        self.lab.quiet.call(
            "dynamodb",
            "UpdateItem",
            TableName=self.lab.tables.claims,
            Key={"k": {"S": cell}},
            UpdateExpression="SET st = :st",
            ConditionExpression="attribute_exists(k)",
            ExpressionAttributeValues={":st": {"S": "REVOKED"}},
        )

    def roll_back(self) -> None:
        """Roll a service back, which suspends the app, and resume."""
        address = Address("service", "worker")
        controller = self.controller
        releases = {r.begun: r for r in controller.store.releases(address)}
        order = Order({address: releases[min(releases)]}, "too slow", "arn:me")
        back = Rollback(
            self.files, order, controller.open, controller.reconciler.hold,
            self.lab.timeline, controller.events.append, lambda _: None,
        )  # fmt: skip
        for _ in range(60):
            result = back.take_back(KEY)
            if result.requeue_after is None:
                break
            self.lab.go_on(result.requeue_after.total_seconds())
        ledger = controller.store.read()
        operator.resume(controller.store.operator(ledger, "me"), ledger, "better", "me")
        self.settle()

    def change_redis(self) -> None:
        """Set and reset parameters, change replicas and node type, let tags come and go."""
        self.write(("maxmemory-policy: noeviction", "timeout: '20'"))
        self.settle()
        self.write(("    engineVersion", "    tags: {team: shop}\n    engineVersion"))
        self.settle()
        self.write(("    tags: {team: shop}\n    engineVersion", "    engineVersion"))
        self.write(
            (
                "cache.t4g.small\n",
                "cache.t4g.medium\n    applyImmediately: true\n    replicasPerNodeGroup: 2\n",
            )
        )
        self.settle()
        self.write(("replicasPerNodeGroup: 2", "replicasPerNodeGroup: 1"))
        self.settle()

    def change_scaling(self) -> None:
        """Let a scheduled action and a tag come and go, and then the scaling as a whole."""
        self.write((SCALING, SCALED))
        self.settle()
        self.read(Play.look)
        self.write((SCALED, SCALING))
        self.settle()
        self.write(("    " + SCALING, ""))
        self.settle()

    def run_tasks(self) -> None:
        """Start a task from everything that the files name, and stop one; a claim is revoked behind another."""
        for address in runnable(self.files):
            self._run_task(address, f"whole-{address.name}")
        self._run_task(Address("service", "web"), "stopped", stops=True)
        self.weather.until_start = 1e6
        self._run_task(Address("service", "web"), "revoked", stops=True)
        self._run_task(Address("service", "web"), "by-hand", revokes=True)
        self.weather.until_start = 5.0

    def _run_task(
        self, address: Address, key: str, *, stops: bool = False, revokes: bool = False
    ) -> None:
        controller = self.controller
        observer, store = Observer(), controller.store
        observed = observer.observe(controller.aws, self.files, store.read())
        files = _not_yet_applied(filled(self.files, observed.lookups))
        ask = Ask(key=key, timeout=timedelta(minutes=5), tags={"team": "shop"})
        work = work_of(origin_named(files, observed, address), ask)
        place = Place(controller.aws, store, files, "arn:me", observed.images)
        waiting = Waiting(self, work, stops=stops, revokes=revokes)
        (run,) = OneOffs(place, {work.key: work}, Audience(waiting, waiting)).follow()
        assert run.over, run

    def start(self, act: Callable[[Play], None]) -> None:
        """Do something as somebody who may start tasks."""
        self.starting = True
        act(self)
        self.starting = False

    def prune(self) -> None:
        """Take a service out of the files: it is deleted."""
        start = self.text.index("  worker:")
        self.text = self.text[:start]
        self.settle()


def _not_yet_applied(files: DesiredApp) -> DesiredApp:
    """Return files in which a migration needs a revision that no controller has registered."""
    larger = {"cpu": "1024", "memory": "2048"}
    migrations = (
        replace(m, task_definition={**m.task_definition, **larger}) for m in files.migrations
    )
    return replace(files, migrations=tuple(migrations))


READS = (Play.look, Play.doctor, Play.read_revisions, Play.see_pauses, Play.find_platform)
WRITES = (
    Play.adopt,
    Play.run_job,
    Play.release,
    Play.fail,
    Play.stop,
    Play.lose,
    Play.revoke,
    Play.run_tasks,
    Play.roll_back,
    Play.change_redis,
    Play.change_scaling,
    Play.prune,
)
