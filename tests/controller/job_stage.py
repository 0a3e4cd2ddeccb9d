"""A lab whose app has a job, and what its runs left behind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.model.job import JobRecord
from reconciler.runs.operate import Operator
from tests.controller.lab import Controller, Lab, files, service
from tests.fakes.ecs_tasks import Nature
from tests.plan.builders import a_job

ANN = Operator("arn:aws:iam::123456789012:user/ann", "by hand")


class JobLab(Lab):
    """Files with job/report beside service/web; a controller has seen them."""

    def __init__(
        self, schedule: str = "0 * * * *", nature: Nature | None = None, **job: Any
    ) -> None:
        super().__init__(nature)
        self.schedule, self.job = schedule, job
        self.say()

    def say(self, schedule: str = "", *, beside: dict[str, Any] | None = None, **job: Any) -> None:
        """Write the files: other words of the job, and fields of the app `beside` it."""
        self.schedule = schedule or self.schedule
        self.job = {**self.job, **job}
        self.files = files(service(), jobs=(a_job(self.schedule, **self.job),), **(beside or {}))

    def controller(self, name: str = "a") -> Controller:
        """Return a controller that has taken the files in, at the beginning of an hour."""
        controller = Controller(self, name)
        self.run(controller, until=self.timeline.now() + timedelta(minutes=2))
        self.to_the_hour(controller)
        self.entries()
        return controller

    def to_the_hour(self, controller: Controller) -> None:
        """Go on to one minute behind the next full hour."""
        now = self.timeline.now()
        hour = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        self.run(controller, until=hour - timedelta(seconds=1))
        self.go_on(1.0)

    def run(self, controller: Controller, *, until: datetime) -> None:
        """Take passes when they are asked for, or every three minutes, until a moment."""
        while (left := (until - self.timeline.now()).total_seconds()) > 0:
            after = controller.reconcile().requeue_after
            wait = 180.0 if after is None else max(0.05, after.total_seconds())
            self.go_on(min(wait, left))

    def for_a_while(self, controller: Controller, **duration: float) -> None:
        """Take passes for so long."""
        self.run(controller, until=self.timeline.now() + timedelta(**duration))

    def told(self) -> list[str]:
        """Return the occurrence of each start of a command, in order, as the command was told."""
        return [e.environment["JOB_OCCURRENCE"] for e in self.commands()]

    def started(self) -> list[str]:
        """Return the hour and minute of the occurrences that were started."""
        return [name[11:16] for name in self.told()]

    def commands(self) -> list[Any]:
        """Return the starts of the job's command."""
        found = self.ecs.tasks.commands.executions
        return [e for e in found if "JOB_OCCURRENCE" in e.environment]

    def record(self) -> JobRecord:
        """Return what is remembered of the job."""
        return self.ledger.jobs["report"]

    def job_story(self) -> list[str]:
        """Return the job's actions since the last time, with their causes."""
        return [
            f"{e['action']}: {e['cause']}" for e in self.entries() if e["address"] == "job/report"
        ]


def at(hour: int, minute: int = 0) -> datetime:
    """Return a moment of the lab's first day."""
    return datetime(2025, 11, 22, hour, minute, tzinfo=UTC)
