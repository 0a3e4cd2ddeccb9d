"""What a rollback goes back to, which migrations that crosses, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.names import Address
from reconciler.model.observed import RolloutState, ServiceRecord
from reconciler.model.release import Release
from reconciler.model.run import RunState
from reconciler.plan.releases import Past, Point, choose, crossed, past_of_job, past_of_service
from tests.plan.builders import EPOCH, a_run

WEB, WORKER = Address("service", "web"), Address("service", "worker")


def a_release(begun: int, generation: int, revision: int, address: Address = WEB, **service):
    """Return a release whose revision number is `revision`."""
    at = (EPOCH + timedelta(minutes=begun)).isoformat()
    applied = {"service": {"serviceName": address.name, **service}, "taskDefinition": {}}
    return Release(address, begun, generation, f"c{generation}", at, f"arn:{revision}", applied)


def a_record(release: Release, **fields) -> ServiceRecord:
    """Return the memory of a service that was last rolled out so."""
    record = ServiceRecord(
        release.address.name,
        release.applied,
        "hash",
        release.task_definition_arn,
        "ecs-svc/1",
        RolloutState.STEADY,
        generation=release.generation,
        begun=release.begun,
    )
    return replace(record, **fields)


def a_past(*releases: Release, **record) -> Past:
    """Return a past, given oldest first; the last one is what is remembered now."""
    return past_of_service(releases[::-1], a_record(releases[-1], **record))


def begun(choice) -> dict[str, int]:
    """Return where each service goes."""
    return {a.name: r.begun for a, r in choice.releases.items()}


def test_before_the_last_rollout():
    """Without a point it is the rollout before the one that is wanted now."""
    past = a_past(a_release(10, 1, 1), a_release(20, 2, 2), a_release(30, 3, 3))
    assert begun(choose({WEB: past}, {}, None)) == {"web": 20}


def test_what_rolled_nothing_is_no_step_back():
    """A count, a tag, or the same revision sent anew are not what a rollback takes back."""
    past = a_past(
        a_release(10, 1, 1),
        a_release(20, 2, 2, desiredCount=1),
        a_release(30, 3, 2, desiredCount=5, tags=[{"key": "a", "value": "b"}]),
    )
    assert begun(choose({WEB: past}, {}, None)) == {"web": 10}


@pytest.mark.parametrize(
    "field",
    [
        {"healthCheckGracePeriodSeconds": 60},
        {"enableExecuteCommand": True},
        {"platformVersion": "LATEST"},
        {"deploymentConfiguration": {"maximumPercent": 150}},
    ],
)
def test_a_field_that_starts_no_task_is_no_step_back(field):
    """It was sent, or is a default written out: the version before is the one that rolled."""
    past = a_past(a_release(10, 1, 1), a_release(20, 2, 2), a_release(30, 3, 2, **field))
    assert begun(choose({WEB: past}, {}, None)) == {"web": 10}


def test_only_what_is_needed_is_read():
    """A thousand releases cost no more than the few that tell."""
    read = []

    def releases():
        for number in range(1000, 0, -1):
            read.append(number)
            yield a_release(number, number, number)

    newest = a_release(1000, 1000, 1000)
    assert begun(choose({WEB: past_of_service(releases(), a_record(newest))}, {}, None)) == {
        "web": 999
    }
    assert begun(
        choose({WEB: past_of_service(releases(), a_record(newest))}, {}, Point(generation=998))
    ) == {"web": 998}
    assert len(read) < 10


def test_a_changed_field_is_another_rollout():
    """The same revision with another network is another state of the service."""
    past = a_past(a_release(10, 1, 1, platformVersion="1.4.0"), a_release(20, 2, 1))
    assert begun(choose({WEB: past}, {}, None)) == {"web": 10}


def test_a_rollout_that_never_was_steady_counts_as_the_last_one():
    """A held rollout has no release of its own: back is the newest one that ended well."""
    failed = a_release(30, 3, 3)
    past = past_of_service((a_release(20, 2, 2),), a_record(failed, state=RolloutState.HELD))
    assert begun(choose({WEB: past}, {}, None)) == {"web": 20}


def test_services_go_back_together_and_others_stay():
    """Only those go back that the last generation rolled; of one ADDRESS it is its own last one."""
    web = a_past(a_release(10, 1, 1), a_release(20, 2, 2))
    worker = a_past(
        a_release(11, 1, 1, WORKER), a_release(21, 2, 2, WORKER), a_release(30, 3, 3, WORKER)
    )
    both = choose({WEB: web, WORKER: worker}, {}, None)
    assert begun(both) == {"worker": 21}
    assert both.left == {WEB: "the last rollout left it as it was"}
    assert begun(choose({WEB: web}, {}, None)) == {"web": 10}


def test_nothing_before_the_first_rollout():
    """What was rolled out once, or is unknown to the ledger, is left with the reason."""
    once = a_past(a_release(10, 1, 1))
    choice = choose({WEB: once, WORKER: Past((), None)}, {}, None)
    assert choice.releases == {}
    assert choice.left == {
        WEB: "no earlier rollout that ended well is remembered: go back in git",
        WORKER: "the ledger knows of no rollout of it",
    }


def test_an_entry_of_the_journal():
    """What had begun by then; before the first rollout there is nothing."""
    past = a_past(a_release(10, 1, 1), a_release(20, 2, 2), a_release(30, 3, 3))
    assert [
        begun(choose({WEB: past}, {}, Point(number=n, at=EPOCH.isoformat())))
        for n in (9, 10, 19, 20, 99)
    ] == [{}, {"web": 10}, {"web": 10}, {"web": 20}, {"web": 30}]


def test_a_revision_means_its_own_rollout_not_what_was_rolled_back_under_it():
    """After a rollback under generation 2 the newest release is of generation 1: 2 is meant all the same."""
    past = a_past(a_release(10, 1, 1), a_release(20, 2, 2), a_release(30, 1, 1))
    assert begun(choose({WEB: past}, {}, Point(generation=2))) == {"web": 20}
    assert begun(choose({WEB: past}, {}, Point(generation=1))) == {"web": 30}


def succeeded(generation: int, minute: int, **fields):
    """Return a run that succeeded at that minute."""
    at = EPOCH + timedelta(minutes=minute)
    return a_run(
        RunState.SUCCEEDED, str(generation), generation=generation, settled_at=at, **fields
    )


def test_migrations_since_then_are_crossed():
    """Those that succeeded later, of a later generation; a failed one changed no schema for sure."""
    runs = [
        succeeded(1, 5),
        succeeded(2, 15),
        succeeded(3, 25),
        replace(succeeded(4, 35), state=RunState.FAILED),
    ]
    back = a_release(10, 1, 1)
    assert [r.revision for r in crossed(runs, [back], None)] == ["2", "3"]


def test_a_migration_after_the_services_belongs_to_them():
    """One with `when: after` succeeds later than its own services are steady, and is not crossed."""
    assert crossed([succeeded(1, 12)], [a_release(10, 1, 1)], None) == []


def test_a_service_that_a_migration_left_alone_does_not_cross_it():
    """With an entry named, only what succeeded after the entry is crossed, however old the rollout is."""
    back, point = a_release(10, 1, 1), Point(25, at=(EPOCH + timedelta(minutes=25)).isoformat())
    runs = [succeeded(2, 20), succeeded(3, 30)]
    assert [r.revision for r in crossed(runs, [back], point)] == ["3"]
    assert [r.revision for r in crossed(runs, [back], Point(generation=2))] == ["3"]


@given(st.lists(st.integers(1, 4), min_size=1, max_size=8), st.integers(0, 100))
def test_as_of_an_entry_never_looks_ahead(revisions, number):
    """Whatever the history: what is chosen had begun by the entry, and nothing between is newer."""
    releases = [a_release(10 * (i + 1), i + 1, r) for i, r in enumerate(revisions)]
    choice = choose({WEB: a_past(*releases)}, {}, Point(number=number, at=EPOCH.isoformat()))
    fitting = [r.begun for r in releases if r.begun <= number]
    assert begun(choice) == ({"web": max(fitting)} if fitting else {})


@given(st.lists(st.integers(1, 3), min_size=1, max_size=8))
def test_back_is_always_something_else(revisions):
    """Without a point the target differs from what is wanted now, and all between equals it."""
    releases = [a_release(10 * (i + 1), i + 1, r) for i, r in enumerate(revisions)]
    found = choose({WEB: a_past(*releases)}, {}, None).releases.get(WEB)
    others = [r for r in releases if r.task_definition_arn != releases[-1].task_definition_arn]
    assert found == (others[-1] if others else None)


REPORT, PURGE = Address("job", "report"), Address("job", "purge")


def of_job(begun: int, generation: int, address: Address = REPORT, **words) -> Release:
    """Return what a job's runs started from; no words for one that was gone."""
    at = (EPOCH + timedelta(minutes=begun)).isoformat()
    return Release(address, begun, generation, f"c{generation}", at, "", words)


def jobs(*releases: Release) -> dict[Address, Past]:
    """Return the pasts of jobs, given oldest first."""
    addresses = {release.address for release in releases}
    return {
        a: past_of_job([r for r in releases[::-1] if r.address == a]) for a in sorted(addresses)
    }


def test_jobs_follow_the_services():
    """What the generation changed that is taken back, and what came after it, goes back to before it."""
    web = a_past(a_release(10, 1, 1), a_release(30, 3, 3))
    past = jobs(of_job(11, 1, s=1), of_job(21, 2, s=2), of_job(31, 3, s=3), of_job(41, 4, s=4))
    assert begun(choose({WEB: web}, past, None)) == {"web": 10, "report": 21}


def test_a_job_that_it_left_alone_goes_on_as_it_is():
    """It is not gone back with, and what its runs start from is named."""
    web = a_past(a_release(10, 1, 1), a_release(30, 3, 3))
    choice = choose({WEB: web}, jobs(of_job(11, 1, s=1)), None)
    assert begun(choice) == {"web": 10}
    assert {a: r.begun for a, r in choice.going_on.items()} == {REPORT: 11}
    assert choice.left == {REPORT: "the last rollout left it as it was"}


def test_a_job_that_came_or_left_with_what_is_taken_back():
    """The new one goes on no more; the one that left is back; one long gone is not spoken of."""
    web = a_past(a_release(10, 1, 1), a_release(30, 3, 3))
    came = jobs(of_job(31, 3, s=1))
    assert choose({WEB: web}, came, None).left == {REPORT: "it came with what is taken back"}
    web = a_past(a_release(10, 1, 1), a_release(30, 3, 3))
    left = jobs(of_job(11, 1, s=1), of_job(31, 3))
    assert begun(choose({WEB: web}, left, None)) == {"web": 10, "report": 11}
    web = a_past(a_release(10, 1, 1), a_release(30, 3, 3))
    choice = choose({WEB: web}, jobs(of_job(11, 1, s=1), of_job(21, 2)), None)
    assert (choice.left, choice.going_on) == ({}, {})


def test_a_rollout_within_one_generation_takes_no_job_along():
    """A look-up that changed rolled the service twice; what the job is came before both."""
    web = a_past(a_release(10, 1, 1), a_release(20, 2, 2), a_release(30, 2, 3))
    choice = choose({WEB: web}, jobs(of_job(11, 1, s=1), of_job(21, 2, s=2)), None)
    assert begun(choice) == {"web": 20}
    assert choice.going_on.keys() == {REPORT}


def test_jobs_alone_are_chosen_by_their_own_last_change():
    """In an app without services, and where only jobs are named."""
    past = jobs(of_job(11, 1, s=1), of_job(31, 3, s=3), of_job(12, 1, PURGE, s=1))
    choice = choose({}, past, None)
    assert begun(choice) == {"report": 11}
    assert choice.going_on.keys() == {PURGE}


def test_jobs_at_a_point():
    """By an entry's number or a generation; where there was none of it, or no more, it is left."""
    releases = (of_job(11, 1, s=1), of_job(21, 2), of_job(31, 3, s=3))
    at = {n: choose({}, jobs(*releases), Point(number=n)) for n in (5, 15, 25, 35)}
    assert [begun(choice) for choice in at.values()] == [{}, {"report": 11}, {}, {"report": 31}]
    assert at[5].left == {REPORT: "there was no rollout of it yet"}
    assert at[25].left == {REPORT: "the files did not have it then"}
    assert begun(choose({}, jobs(*releases), Point(generation=1))) == {"report": 11}


def test_nothing_to_go_back_to_takes_no_job_back():
    """Where no service can go back the jobs do not either: they belong together."""
    once = a_past(a_release(30, 3, 3))
    choice = choose({WEB: once}, jobs(of_job(11, 1, s=1), of_job(31, 3, s=3)), None)
    assert choice.releases == {}
