"""The guarantees for jobs (J1-J5), and S3 to S8 for their runs, checked beside those of the migration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from reconciler.model.due import Concurrency
from reconciler.model.job import instant_of
from reconciler.model.run import Run, RunState
from reconciler.store.run_records import decode_run
from tests.fakes.ecs_tasks import Execution
from tests.simulation.properties import ENDED, Properties

if TYPE_CHECKING:
    from tests.simulation.world import World

ROUNDED = timedelta(seconds=1)
"""AWS's Date header has whole seconds, and a host's seconds may be a little shorter than ours."""


class JobProperties(Properties):
    """What is true of every occurrence, at the moment at which it could stop being true.

    J1 an attempt of an occurrence starts at most once, and none after one that exited 0
    J2 with `forbid` and `replace` no two runs of a job at once, and no two attempts of one occurrence ever
    J3 nothing starts before its time by AWS's clock, the latest that it ever showed
    J4 an occurrence is decided once: what is at or before the floor does not begin
    J5 a job's command starts at a revision only when that one's migration has succeeded
    """

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.latest: datetime = world.timeline.now()
        """The latest time that AWS's clock has shown."""
        self.floors: dict[str, datetime] = {}
        self.begun: set[str] = set()
        self.skipped: Counter[str] = Counter()
        """How many occurrences of each job were skipped, by the journal."""

    # -- at the moment ------------------------------------------------------------------------

    def starts(self, new: Execution, before: list[Execution]) -> None:
        """S1 to S6 for a migration; J1 to J5, S5 and S6 for a job."""
        if "JOB_OCCURRENCE" not in new.environment:
            super().starts(new, [e for e in before if "JOB_OCCURRENCE" not in e.environment])
            return
        job, occurrence, attempt = told(new)
        what = f"{job} {occurrence} attempt {attempt}"
        mine = [e for e in before if e.environment.get("JOB_NAME") == job]
        same = [e for e in mine if told(e)[1] == occurrence]
        if any(e.exit_code == 0 for e in same):
            self.violated(f"J1: {what} starts after an execution exited 0")
        if any(told(e)[2] == attempt for e in same):
            self.violated(f"J1: {what} starts twice")
        alone = self._concurrency(job) is not Concurrency.ALLOW
        if any(e.ended is None for e in (mine if alone else same)):
            self.violated(f"J2: {what} starts while another runs")
        instant = instant_of(occurrence)
        if instant is not None and instant > self.latest + ROUNDED:
            self.violated(f"J3: {what} starts before its time, {self.latest:%F %T}")
        self._may_start(new, what, before)

    def _may_start(self, new: Execution, what: str, before: list[Execution]) -> None:
        revision = new.environment.get("REVISION", "")
        if revision and not self._is_done(revision):
            self.violated(f"J5: {what} starts ahead of revision {revision}")
        if any(e.token[:32] == new.token[:32] for e in before):
            self.violated(f"S6: one launch of {what} executes twice")
        item = self._stored(f"OCC#{told(new)[0]}#{told(new)[1]}")
        if item is None:
            self.violated(f"S8: {what} starts without a record")
        elif item["tok"]["S"][:32] != new.token[:32]:
            self.violated(f"S5: {what} starts after its launch was given up")
        elif item["st"]["S"] in ENDED:
            self.violated(f"S5: {what} starts after {item['st']['S']} was recorded")

    def _concurrency(self, job: str) -> Concurrency:
        jobs = self.world.desired.jobs
        return next(j.policy.concurrency for j in jobs if j.name == job)

    def _is_done(self, revision: str) -> bool:
        return revision in self.adopted or any(
            e.exit_code == 0
            for e in self.commands.executions
            if "JOB_OCCURRENCE" not in e.environment and e.environment["REVISION"] == revision
        )

    def service_changes(self, name: str, definition: Mapping[str, Any]) -> None:
        """S3 by the migration's executions."""
        digest = definition["containerDefinitions"][0]["image"].rsplit(":", 1)[-1]
        if not self._is_done(str(int(digest, 16))):
            self.violated(f"S3: service {name} moves ahead of its revision")

    # -- the journal --------------------------------------------------------------------------

    def journaled(self, entry: dict[str, Any]) -> None:
        """J4 for what is begun or skipped; S4 and S7 as for a migration, under the occurrence's name."""
        kind, _, job = entry["address"].partition("/")
        if kind != "job" or entry["kind"] != "RUN":
            super().journaled(entry)
            return
        if entry["action"] in ("skipped", "scheduled"):
            self._skipped(job, entry)
            entry = {**entry, "kind": "SKIP"}
        else:
            occurrence = str(entry["detail"]["occurrence"])
            self._begins(job, occurrence)
            entry = {**entry, "detail": {**entry["detail"], "revision": f"{job}#{occurrence}"}}
        super().journaled(entry)

    def _skipped(self, job: str, entry: Mapping[str, Any]) -> None:
        through = instant_of(entry["detail"]["through"])
        assert through is not None
        if f"{entry['n']} {entry['nonce']}" not in self._landed:
            self.skipped[job] += int(entry["detail"]["count"])
        self.floors[job] = max(self.floors.get(job, through), through)

    def _begins(self, job: str, occurrence: str) -> None:
        if f"{job} {occurrence}" in self.begun:
            return
        self.begun.add(f"{job} {occurrence}")
        instant = instant_of(occurrence)
        if instant is None:
            return
        floor = self.floors.get(job)
        if floor is None or instant <= floor:
            self.violated(f"J4: {job} {occurrence} begins although all up to {floor} is decided")
        self.floors[job] = instant

    # -- at any event, and at the end -----------------------------------------------------------

    def check(self, before: float) -> None:
        """Note what AWS's clock shows, and raise when something does not hold."""
        self.latest = max(self.latest, self.world.timeline.now())
        super().check(before)

    def job_runs(self) -> list[Run]:
        """Return all stored runs of jobs."""
        items = self.world.dynamodb.items(self.world.tables.state)
        return [decode_run(item) for item in items if str(item["sk"]).startswith("OCC#")]

    def unfinished(self) -> list[Run]:
        """Return the runs of jobs that are not over, as HEAD lists them."""
        view = self.world.store().read(())
        return list(view.unfinished_runs)

    def listed(self) -> list[str]:
        """Return the runs that HEAD lists, behind everybody's back."""
        item = self._stored("HEAD") or {}
        return [v["S"] for v in item["unf"]["L"]] if "unf" in item else []

    def job_state(self, item_key: str) -> str:
        """Return the stored state of a run."""
        item = self._stored(item_key)
        return str(item["st"]["S"]) if item else ""

    def verify_jobs(self) -> None:
        """S4 at the end: what is recorded of each run is what its command did; HEAD lists none that is over."""
        ran: dict[tuple[str, str], list[Execution]] = {}
        for e in self.commands.executions:
            if "JOB_OCCURRENCE" in e.environment:
                ran.setdefault(told(e)[:2], []).append(e)
        listed = {run.item_key for run in self.unfinished()}
        for run in self.job_runs():
            mine = ran.pop((run.name, run.revision), [])
            real = any(e.exit_code == 0 for e in mine)
            if (run.state is RunState.SUCCEEDED) != real:
                self.violated(f"S4: {run.item_key} is {run.state}, really {real}")
            if run.unfinished != (run.item_key in listed):
                self.violated(f"S8: HEAD and {run.item_key} disagree on whether it is over")
        for job, occurrence in ran:
            self.violated(f"S8: {job} {occurrence} ran, and there is no record of it")
        self.check(0.0)


def told(execution: Execution) -> tuple[str, str, str]:
    """Return the job, occurrence and attempt that a command was told."""
    said = execution.environment
    return said["JOB_NAME"], said["JOB_OCCURRENCE"], said["JOB_ATTEMPT"]
