"""`rollback` of an app with jobs: which go back, which go on as they are, and which start nothing."""

from __future__ import annotations

import pytest

from reconciler.app import ledger, look, rollback
from reconciler.app.act import ApplyOptions, apply
from reconciler.app.jobs import Asked, job_list, job_trigger
from reconciler.app.rollback_choice import Wanted
from reconciler.model.errors import UsageError
from reconciler.model.names import Address
from tests.app.conftest import APP, REPOSITORY

WEB, REPORT, PURGE = Address("service", "web"), Address("job", "report"), Address("job", "purge")
JOB = """\
  {name}:
    image: {image}
    command: bin/{name}
    schedule: "{schedule}"
    cpu: 256
    memory: 512
    executionRoleArn: arn:aws:iam::123456789012:role/shop
    networkConfiguration:
      subnets: [subnet-0aaa]
"""


def job(name: str = "report", image: str = "${images.app}", schedule: str = "0 3 * * *") -> str:
    """Return a job's section."""
    return JOB.format(name=name, image=image, schedule=schedule)


def release(account, tag: str, *jobs: str) -> None:
    """Write the files of a release, and apply them."""
    account.write(APP.replace("/shop:1", f"/shop:{tag}") + "jobs:\n" + "".join(jobs))
    run(account)


def run(account):
    """Apply what the files say."""
    return apply(account.settings, account.desired, options=ApplyOptions(), on_event=lambda _: None)


@pytest.fixture
def shop(account):
    """Return the account after two releases, of which the second left job/purge alone."""
    purge = job("purge", f"{REPOSITORY}:3")
    release(account, "1", job(), purge)
    release(account, "2", job(schedule="30 3 * * *"), purge)
    account.sent()
    return account


def preview(account, *addresses: Address, **wanted):
    """Say what a rollback would do."""
    asked = Wanted(addresses=frozenset(addresses), **wanted)
    return rollback.preview(account.settings, account.desired, asked)


def back(account, *addresses: Address, **wanted):
    """Roll back; returns the suspension."""
    seen = preview(account, *addresses, **wanted)
    events = []
    done = rollback.roll_back(account.settings, seen, ApplyOptions(), events.append)
    assert done.converged, done
    return look.status(account.settings, account.desired).ledger.suspension, events


def lines(account) -> dict[str, tuple[str, bool]]:
    """Return of each job its schedule and whether it is suspended."""
    found = job_list(account.settings, account.desired)
    return {line.job.name: (line.job.schedule, line.suspended) for line in found}


def test_a_preview_shows_what_changes_of_a_job(shop):
    """Its words and its image, from what its runs start from now; nothing is written."""
    seen = preview(shop)
    (step,) = (s for s in seen.plan.steps if s.address == REPORT)
    assert step.summary == "back to generation 1: its runs start from that"
    changed = {change.path: (change.observed, change.desired) for change in step.changes}
    assert changed["schedule"] == ("30 3 * * *", "0 3 * * *")
    image = changed["containerDefinitions.report.image"]
    assert [text[-1] for text in image] == ["2", "1"]
    assert seen.left == {PURGE: "the last rollout left it as it was"}
    assert "job/purge stays: the last rollout left it as it was" in seen.plan.notes
    assert shop.changed() == []


def test_one_goes_back_and_the_other_goes_on(shop):
    """Both are named by the suspension, and neither is suspended; `resume` gives the files their say."""
    suspension, events = back(shop)
    assert suspension.rolled_back.keys() == {"service/web", "job/report"}
    assert suspension.going_on.keys() == {"job/purge"}
    said = [event.message for event in events if event.address == "job/report"]
    assert said == ["back to generation 1: its runs start from that"]
    assert lines(shop) == {"report": ("0 3 * * *", False), "purge": ("0 3 * * *", False)}
    assert preview(shop).is_done
    report = look.status(shop.settings, shop.desired)
    said = {str(r.address): r.message for r in report.status.resources}
    assert said["job/report"].endswith("as of generation 1")
    ledger.resume(shop.settings, shop.desired, "fixed")
    assert run(shop).converged
    assert lines(shop)["report"] == ("30 3 * * *", False)


def test_the_same_again_is_about_all_of_it(shop):
    """Each goes to its own release once more, also where the last of them is not part of it."""
    release(shop, "3", job(), job("zeal"))
    back(shop)
    again = preview(shop)
    assert {str(a) for a in again.order.releases} == {"service/web", "job/report", "job/purge"}
    assert again.left == {Address("job", "zeal"): "not part of the rollback that was begun"}
    assert again.is_done


def test_a_service_alone_leaves_the_jobs_as_they_are(shop):
    """They go on from what they start from now, and none has gone back."""
    suspension, _ = back(shop, WEB)
    assert suspension.rolled_back.keys() == {"service/web"}
    assert suspension.going_on.keys() == {"job/report", "job/purge"}
    assert lines(shop)["report"] == ("30 3 * * *", False)


def test_a_job_alone(shop):
    """Its own last change is taken back; the services stay, the app is suspended."""
    suspension, _ = back(shop, REPORT)
    assert suspension.rolled_back.keys() == {"job/report"}
    assert lines(shop) == {"report": ("0 3 * * *", False), "purge": ("0 3 * * *", False)}
    assert shop.ecs.services.image_of("production", "shop-production-web")[-1:] == "2"
    assert preview(shop, REPORT).is_done
    suspension, _ = back(shop, WEB)
    assert suspension.rolled_back.keys() == {"job/report", "service/web"}
    assert lines(shop)["report"] == ("0 3 * * *", False)
    with pytest.raises(UsageError, match="no earlier rollout"):
        preview(shop, PURGE)


def test_further_back_where_a_job_was_not_there_yet(shop):
    """It is taken out of what goes on: nothing of it starts."""
    release(shop, "3", job(), job("purge", f"{REPOSITORY}:3"), job("late"))
    back(shop)
    assert lines(shop)["late"] == ("0 3 * * *", True)
    entries = ledger.history(shop.settings, shop.desired, limit=None, newest_first=False)
    released = [e.number for e in entries if e.content["action"] == "released"]
    suspension, _ = back(shop, number=released[0])
    assert len({*suspension.rolled_back} & {"job/report", "job/purge"}) == 1
    assert sum(suspended for _, suspended in lines(shop).values()) == 2


def test_what_was_suspended_before_stays_at_rest(shop):
    """Somebody had said that nothing starts: a rollback does not overrule it, unless a job is named."""
    ledger.suspend(shop.settings, shop.desired, "moving the database")
    seen = preview(shop)
    assert seen.left[REPORT] == "the app was suspended before"
    assert "job/report starts no run: the app was suspended before" in seen.plan.notes
    suspension, _ = back(shop)
    assert suspension.jobs == {}
    assert lines(shop) == {"report": ("30 3 * * *", True), "purge": ("0 3 * * *", True)}


def test_a_job_that_is_named_runs_although_the_app_was_suspended_before(shop):
    """Who names it wants it back; the others stay at rest."""
    ledger.suspend(shop.settings, shop.desired, "moving the database")
    suspension, _ = back(shop, REPORT)
    assert suspension.jobs.keys() == {REPORT}
    assert lines(shop) == {"report": ("0 3 * * *", False), "purge": ("0 3 * * *", True)}


def test_a_job_that_left_the_files_is_back_and_can_be_triggered(shop):
    """By name, as one of the files."""
    release(shop, "3", job())
    asked = Asked("purge", "k", "by hand")
    with pytest.raises(UsageError, match="no job 'purge'"):
        job_trigger(shop.settings, shop.desired, asked)
    suspension, _ = back(shop)
    assert suspension.rolled_back.keys() == {"service/web", "job/report", "job/purge"}
    assert lines(shop)["purge"] == ("0 3 * * *", False)
    assert job_trigger(shop.settings, shop.desired, asked) is None


def test_by_the_revision_of_then(shop):
    """A generation's jobs are those that were in force with it."""
    entries = ledger.history(shop.settings, shop.desired, limit=None, newest_first=False)
    last = [e.number for e in entries if e.content["generation"] == 1][-1]
    seen = preview(shop, number=last)
    assert {str(a): r.generation for a, r in seen.order.releases.items()} == {
        "job/purge": 1,
        "job/report": 1,
        "service/web": 1,
    }
