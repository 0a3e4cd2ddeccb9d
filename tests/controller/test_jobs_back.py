"""Jobs under a rollback, pass by pass: what their runs start from, and that nothing else starts."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.controller import operator
from reconciler.controller.operator import suspension_now
from reconciler.controller.rollback import Order, Rollback
from reconciler.model.errors import CorruptLedger
from reconciler.model.names import Address
from reconciler.model.run import Run, RunKind, RunState
from reconciler.plan.job_release import past_job
from reconciler.plan.releases import choose, past_of_job, past_of_service
from reconciler.runs.operate import trigger
from tests.controller.job_stage import ANN, JobLab
from tests.controller.lab import KEY, Controller, files, service
from tests.fakes.ecs_tasks import Nature
from tests.plan.builders import a_job, a_migration

WEB, REPORT = Address("service", "web"), Address("job", "report")


class Sometimes(Nature):
    """A world in which commands take ten minutes once somebody says so."""

    long = False

    def duration(self) -> float:
        return 600.0 if self.long else super().duration()


class Shop(JobLab):
    """The lab with releases: the image of service and job go together."""

    before = 0

    def commands(self) -> list[Any]:
        """Return the starts of jobs' commands since the fixture was ready."""
        return super().commands()[self.before :]

    def release(self, tag: str, **job: object) -> None:
        """Write the files of a release."""
        words = {"schedule": self.schedule, **job}
        self.files = files(service(tag=tag), jobs=(a_job(tag=tag, **words),))

    def back(self, controller: Controller) -> Rollback:
        """Take the last rollout back, to its end."""
        ledger, store = self.ledger, self.store
        services = {WEB: past_of_service(store.releases(WEB), ledger.services["web"])}
        jobs = {
            Address("job", name): past_of_job(store.releases(Address("job", name)))
            for name in sorted(ledger.jobs)
        }
        now = {address: past.now for address, past in jobs.items()}
        choice = choose(services, jobs, None)
        going = {a: r for a, r in choice.releases.items() if a.kind == "job"}
        order = Order(
            choice.releases, "rolled back", "arn:me", jobs={**choice.going_on, **going}, now=now
        )
        take = Rollback(
            self.files,
            order,
            controller.open,
            controller.reconciler.hold,
            self.timeline,
            controller.events.append,
            lambda _: None,
        )
        for _ in range(60):
            result = take.take_back(KEY)
            if result.requeue_after is None:
                assert result.status.converged, result
                return take
            self.go_on(result.requeue_after.total_seconds())
        raise AssertionError(result)

    def resume(self) -> None:
        """Let go."""
        ledger = self.ledger
        operator.resume(self.store.operator(ledger, "me"), ledger, "fixed", "arn:me")

    def images(self) -> list[str]:
        """Return the last digit of the digest that each started command of a job ran."""
        found = (self.ecs.tasks.by_arn[e.arn].definition for e in self.commands())
        return [d["containerDefinitions"][-1]["image"][-1] for d in found]

    def ended(self, name: str) -> list[Run]:
        """Return the runs of a job that are over."""
        return [run for run in self.store.runs(RunKind.JOB, name) if run.ended]

    def stored(self) -> dict[str, dict[str, Any]]:
        """Return the items of the state table as they are stored, by their sort keys."""
        return self.dynamodb.tables[self.tables.state].partitions[f"A#{KEY}"]


@pytest.fixture
def lab():
    """Return a lab whose job runs each hour."""
    return Shop(nature=Sometimes())


@pytest.fixture
def controller(lab):
    """Return the controller, one minute after a full hour, after releases 1 and 2."""
    lab.release("1")
    controller = lab.controller()
    lab.release("2")
    lab.for_a_while(controller, minutes=5)
    lab.entries()
    lab.before = len(lab.commands())
    return controller


def releases(lab, name="report"):
    """Return what is remembered of a job, oldest first."""
    return list(lab.store.releases(Address("job", name)))[::-1]


def test_what_its_runs_start_from_is_remembered(lab, controller):
    """With its generation and digests, once for each declaration; nothing is written while it stays."""
    first, second = releases(lab)
    assert (first.generation, second.generation) == (1, 2)
    (container,) = past_job(second).task_definition["containerDefinitions"]
    assert container["image"].endswith(f"{2:064x}")
    assert past_job(second).schedule == lab.schedule
    controller.wrote()
    controller.reconcile()
    assert controller.wrote() == []


def test_a_new_job_is_one_entry_for_its_schedule_and_one_for_its_release(lab):
    """Both in one commit; another word of it is one more."""
    controller = Controller(lab, "a")
    lab.for_a_while(controller, seconds=10)
    assert lab.job_story()[:2] == ["scheduled: first seen", "released: generation 1"]
    lab.say(retries=3)
    lab.for_a_while(controller, seconds=10)
    assert "released: generation 2" in lab.job_story()
    lab.say("30 * * * *")
    lab.for_a_while(controller, seconds=10)
    assert lab.job_story()[-2:] == [
        "scheduled: its schedule is another now",
        "released: generation 3",
    ]
    assert [r.begun for r in releases(lab)] == sorted(r.begun for r in releases(lab))


def test_it_is_not_remembered_before_it_may_run(lab):
    """Behind a migration that failed a job runs nothing new, so there is nothing to go back to."""
    lab.say(beside={"migrations": (a_migration("7"),)})
    controller = Controller(lab, "a")
    controller.reconcile()
    assert releases(lab) == []


def test_it_runs_on_as_it_was_until_resume(lab, controller):
    """On its schedule, from the older image, although the app is suspended; then from the files again."""
    lab.back(controller)
    assert dict(lab.ledger.suspension.rolled_back).keys() == {"service/web", "job/report"}
    lab.for_a_while(controller, hours=2)
    assert lab.images() == ["1", "1"]
    lab.resume()
    lab.for_a_while(controller, hours=1)
    assert lab.images() == ["1", "1", "2"]


def test_its_schedule_goes_back_too(lab, controller):
    """It counts from the rollback by the schedule of then, and from `resume` by that of the files."""
    lab.release("3", schedule="*/10 * * * *")
    lab.for_a_while(controller, minutes=5)
    lab.back(controller)
    lab.entries()
    lab.for_a_while(controller, hours=1)
    assert [name[14:16] for name in lab.told()][-1:] == ["00"]
    lab.resume()
    lab.for_a_while(controller, minutes=20)
    assert lab.images()[-1] == "3"


def test_one_that_came_with_what_is_taken_back_starts_no_run(lab, controller):
    """It is suspended with the app; the other one goes on."""
    both = (a_job(lab.schedule, tag="3"), a_job("*/5 * * * *", name="other", tag="3"))
    lab.files = files(service(tag="3"), jobs=both)
    lab.for_a_while(controller, minutes=12)
    assert {r.name for r in lab.ended("other")}
    lab.back(controller)
    count = len(lab.commands())
    lab.for_a_while(controller, minutes=50)
    assert [e.environment["JOB_NAME"] for e in lab.commands()[count:]] == ["report"]
    assert lab.images()[-1] == "2"


def test_one_that_the_files_no_longer_have_comes_back(lab, controller):
    """Said and remembered when it left; a rollback behind that has it run, until `resume`."""
    lab.files = files(service(tag="3"))
    lab.for_a_while(controller, minutes=3)
    assert lab.job_story() == ["removed: generation 3"]
    assert releases(lab)[-1].is_gone
    lab.back(controller)
    lab.for_a_while(controller, hours=1)
    assert lab.images() == ["2"]
    lab.resume()
    lab.for_a_while(controller, hours=2)
    assert lab.images() == ["2"]
    assert releases(lab)[-1].is_gone


def test_one_that_comes_back_into_the_files_counts_as_new(lab, controller):
    """What was due while it was away is not made up for."""
    lab.files = files(service(tag="2"))
    lab.for_a_while(controller, hours=3)
    lab.release("2")
    lab.for_a_while(controller, minutes=2)
    assert lab.told() == []
    assert lab.job_story()[-2:] == ["scheduled: first seen", "released: generation 4"]


def test_a_migration_of_the_files_does_not_hold_it(lab, controller):
    """The older code ran beside the schema of now: what the files ask for is not waited for."""
    lab.files = files(
        service(tag="3"), migrations=(a_migration("7"),), jobs=(a_job(lab.schedule, tag="3"),)
    )
    lab.for_a_while(controller, minutes=5)
    lab.back(controller)
    lab.files = files(
        service(tag="4"), migrations=(a_migration("8"),), jobs=(a_job(lab.schedule, tag="4"),)
    )
    lab.for_a_while(controller, hours=1)
    assert lab.images() == ["2"]
    assert lab.ledger.migration_run("db", "8") is None


def test_a_run_by_hand_starts_from_what_it_was(lab, controller):
    """While the app is suspended, as the scheduled ones."""
    lab.back(controller)
    trigger(lab.store, "report", "k", ANN)
    lab.for_a_while(controller, minutes=5)
    assert lab.images() == ["1"]


def test_suspended_by_itself_it_rests(lab, controller):
    """`suspend job/report` counts under a rollback, too."""
    lab.back(controller)
    ledger = lab.ledger
    mine = suspension_now("quiet please", "arn:me", lab.timeline.now())
    operator.suspend(lab.store.operator(ledger, "me"), ledger, mine, "job/report")
    lab.for_a_while(controller, hours=2)
    assert lab.commands() == []
    (line,) = (r for r in controller.reconcile().status.resources if r.address == REPORT)
    assert "quiet please" in line.message


def test_what_runs_while_it_is_taken_back_is_seen_to_its_end(lab, controller):
    """It is no longer what the jobs start from, and goes on: nothing stops it, its end is written down."""
    lab.ecs.tasks.nature.long = True
    while not lab.commands():
        lab.go_on(controller.reconcile().requeue_after.total_seconds())
    lab.back(controller)
    lab.for_a_while(controller, minutes=10)
    (run,) = (run for run in lab.ended("report") if run.revision in lab.told())
    assert run.state is RunState.SUCCEEDED
    assert lab.images() == ["2"]


def test_a_release_that_is_lost_is_said(lab, controller):
    """Nothing starts from a guess when the item that the suspension names is gone, or is no declaration."""
    lab.back(controller)
    oldest = releases(lab)[0]
    name = f"REL#job/report#{oldest.begun:010d}"
    whole = lab.stored()[name]
    never = '"schedule":"at noon"'
    wrong = whole["applied"]["S"].replace('"schedule":"0 * * * *"', never)
    assert never in wrong
    for text in ("{}[]", '{"schedule":"@daily"}', "[]", wrong):
        lab.stored()[name] = {**whole, "applied": {"S": text}}
        with pytest.raises(CorruptLedger, match="applied"):
            lab.store.read()
    lab.stored()[name] = whole
    assert lab.store.read().released_jobs[REPORT].begun == oldest.begun
    del lab.stored()[name]
    with pytest.raises(CorruptLedger, match="a rollback has the job run from it"):
        lab.store.read()


def test_the_status_says_what_it_runs_from(lab, controller):
    """The app is suspended, the job is not: its next run is told, and of which version it is."""
    lab.back(controller)
    (line,) = (r for r in controller.reconcile().status.resources if r.address == REPORT)
    assert "next run" in line.message
    assert line.message.endswith("as of generation 1")


def test_what_came_after_the_services_last_rollout_is_taken_back_too(lab, controller):
    """A word of the job that changed by itself later belongs to the version that is taken back."""
    lab.release("2", retries=2)
    lab.for_a_while(controller, minutes=2)
    assert [r.generation for r in releases(lab)] == [1, 2, 3]
    lab.back(controller)
    assert lab.ledger.released_jobs[REPORT].generation == 1
