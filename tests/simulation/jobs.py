"""The simulated world with jobs in its app, and what people do to them: ask for a run, settle one."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from reconciler.model.desired import DesiredApp, DesiredJob
from reconciler.model.due import JobPolicy
from reconciler.model.errors import Superseded
from reconciler.model.names import Address
from reconciler.model.run import Run, RunKind, RunState
from reconciler.runs import operate
from reconciler.runs.operate import Operator, Subject
from reconciler.store.ledger import AppStore
from tests.simulation.desired import image
from tests.simulation.job_properties import JobProperties
from tests.simulation.process import Body, Process
from tests.simulation.reconciler_body import ReconcilerBody
from tests.simulation.world import Setup, World

RESYNC = timedelta(seconds=60)
"""A worker looks again at the latest then, however far away the next occurrence is."""

PEOPLE = ("ann", "bob")


def a_job(name: str, schedule: str, revision: str = "", **fields: Any) -> DesiredJob:
    """Return a job; with a revision its image needs that one's migration, and its command is told so."""
    policy = JobPolicy(**{k: fields.pop(k) for k in tuple(fields) if k in _POLICY})
    environment = [{"name": "REVISION", "value": revision}] if revision else []
    return DesiredJob(
        address=Address("job", name),
        schedule=schedule,
        time_zone="UTC",
        policy=policy,
        container="app",
        task_definition={
            "family": f"shop-production-{name}",
            "networkMode": "awsvpc",
            "requiresCompatibilities": ["FARGATE"],
            "cpu": "512",
            "memory": "1024",
            "containerDefinitions": [
                {
                    "name": "app",
                    "essential": True,
                    "image": image(revision or "1"),
                    "command": [name],
                    "environment": environment,
                }
            ],
        },
        launch={"launchType": "FARGATE"},
        start_timeout=timedelta(minutes=15),
        **{"timeout": timedelta(minutes=20), **fields},
    )


_POLICY = frozenset(JobPolicy.__dataclass_fields__)


class PatientBody(ReconcilerBody):
    """A controller's passes that come back for the resync."""

    def __call__(self) -> timedelta | None:
        """Take one pass; see it again within the resync."""
        found = super().__call__()
        return RESYNC if found is None else min(found, RESYNC)


class JobWorld(World):
    """A world whose app has the jobs of `make_jobs(revision)`; alone, or beside migration and service."""

    watched_by = JobProperties
    properties: JobProperties

    def __init__(
        self,
        setup: Setup,
        make_jobs: Callable[[str], tuple[DesiredJob, ...]],
        *,
        alone: bool = False,
        make_body: Callable[[Process], Body] = PatientBody,
    ) -> None:
        self.make_jobs = make_jobs
        self.alone = alone
        self._known: dict[Any, DesiredApp] = {}
        super().__init__(setup, make_body)
        self.keys: dict[str, set[str]] = {}
        """The idempotency keys that were asked for, by job."""
        chance = random.Random(f"{setup.seed}/people")
        self._people = AppStore(
            self.quiet,
            self.tables,
            self.timeline,
            self.key,
            ids=lambda: f"{chance.getrandbits(64):016x}",
        )

    @property
    def desired(self) -> DesiredApp:
        """What the files say now."""
        found = self._known.get(self.wish)
        if found is None:
            app: DesiredApp = super().desired
            if self.alone:
                app = replace(app, services=(), migrations=())
            found = replace(app, jobs=self.make_jobs(self.wish.revision))
            self._known[self.wish] = found
        return found

    def store(self) -> AppStore:
        """Return the ledger through the door without faults."""
        return self._people

    # -- time -----------------------------------------------------------------------------------

    def leap(self, seconds: float) -> None:
        """Let so long pass in which every process sleeps, heartbeats and all, as suspended machines do."""
        self.timeline.leap(seconds)
        for process in self.processes:
            process.clock.overslept(seconds)
            process.wake_at += seconds
            process.life.frozen_until += seconds

    def aws_jumps(self, seconds: float) -> None:
        """Have AWS's clock show another time from now on; the hosts keep theirs."""
        self.count["AWS's clock jumps"] += 1
        self.timeline.start += timedelta(seconds=seconds)
        for process in self.processes:
            process.clock.offset -= timedelta(seconds=seconds)

    def host_jumps(self, process: Process, seconds: float) -> None:
        """Have one host's wall clock show another time from now on."""
        self.count["a host's clock jumps"] += 1
        process.clock.offset += timedelta(seconds=seconds)

    @property
    def now(self) -> datetime:
        """AWS's clock."""
        return self.timeline.now()

    # -- people -----------------------------------------------------------------------------------

    def trigger(self, job: str, key: str) -> None:
        """Have two people ask for a run with the same key."""
        self.keys.setdefault(job, set()).add(key)
        for person in PEOPLE:
            self._person(lambda who=person: operate.trigger(self.store(), job, key, _operator(who)))
            self.count["triggers"] += 1

    def settle_unknown(self, run: Run) -> None:
        """Have a person say truthfully how an Unknown run of a job ended."""
        mine = [e for e in self.properties.commands.executions if e.token[:32] == run.token[:32]]
        good = any(e.exit_code == 0 for e in mine)
        to = RunState.SUCCEEDED if good else RunState.FAILED
        if not mine:
            to = RunState.NOT_STARTED
        subject = Subject(self.store(), "production", run.name, run.revision, RunKind.JOB)
        self._person(lambda: operate.resolve(subject, to, _operator("ann")))
        self.count["settled by a person"] += 1

    @staticmethod
    def _person(act: Callable[[], object]) -> None:
        for _ in range(10):
            try:
                act()
            except Superseded:
                continue
            return
        raise AssertionError("somebody was faster ten times at one moment")


def _operator(name: str) -> Operator:
    return Operator(f"arn:aws:iam::123456789012:user/{name}", "the simulation wants it so")
