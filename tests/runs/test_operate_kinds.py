"""What a person may do to a run of a job or a task."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.model.errors import ConditionFailed, PermanentError, Superseded, UsageError
from reconciler.model.job import occurrence_by_hand
from reconciler.model.run import RunState
from reconciler.runs import operate
from tests.fakes.ecs_nature import Exits
from tests.runs.kinds_stage import ANN, Kinds


def test_a_stop_between_two_attempts_ends_the_run() -> None:
    """A failed run that waits for its next attempt is over once its stop is asked for."""
    stage = Kinds(Exits(1))
    stage.drive(stage.job(), 40)
    operate.stop(stage.subject_of(stage.job()), ANN)
    run = stage.drive(stage.job(), 300)
    assert (run.state, run.attempt, run.over) == (RunState.FAILED, 1, True)
    assert stage.journal_of("job/report")[-2:] == ["stop", "over"]
    assert stage.store.read().unfinished == ()
    with pytest.raises(PermanentError, match="has ended: it is FAILED"):
        operate.stop(stage.subject_of(stage.job()), ANN)


def test_a_stop_is_asked_for_once() -> None:
    """Asking again changes nothing; what never ran cannot be stopped."""
    stage = Kinds(Exits(seconds=600))
    with pytest.raises(PermanentError, match="never run"):
        operate.stop(stage.subject_of(stage.task()), ANN)
    stage.drive(stage.task(), 30)
    first = operate.stop(stage.subject_of(stage.task()), ANN)
    assert operate.stop(stage.subject_of(stage.task()), ANN) == first
    assert stage.drive(stage.task(), 120).exit_code == 137


def test_a_request_is_taken_back() -> None:
    """A run by hand that has not begun is not asked for any more; asked for anew it is another request."""
    stage = Kinds()
    subject = stage.subject_of(stage.job(occurrence_by_hand("k")))
    with pytest.raises(PermanentError, match="never run"):
        operate.stop(subject, ANN)
    operate.trigger(stage.store, "report", "k", ANN)
    operate.trigger(stage.store, "report", "other", ANN)

    assert operate.stop(subject, ANN) is None
    assert [request.key for request in stage.record().requests] == ["other"]
    assert stage.journal_of("job/report")[-1] == "withdraw"
    with pytest.raises(PermanentError, match="never run"):
        operate.stop(subject, ANN)
    assert operate.trigger(stage.store, "report", "k", ANN) is None
    assert [request.key for request in stage.record().requests] == ["other", "k"]


@pytest.mark.parametrize(("other", "asked"), [("k", ["k"]), ("other", ["other", "k"])])
def test_two_triggers_at_the_same_moment_are_both_heard(other: str, asked: list[str]) -> None:
    """Whoever loses the write decides anew: under one key there is one request, under two are two."""
    stage = Kinds()
    meanwhile = [other]

    def overtaken(_service: str, operation: str, _params: object) -> None:
        if operation == "TransactWriteItems" and meanwhile:
            operate.trigger(stage.store, "report", meanwhile.pop(), ANN)

    stage.transport.before = overtaken
    assert operate.trigger(stage.store, "report", "k", ANN) is None
    assert [request.key for request in stage.record().requests] == asked
    assert stage.store.verify() == []


def overtaken_once(stage: Kinds, key: str) -> None:
    """Let somebody else ask for a run right before the next commit."""
    meanwhile = [key]

    def overtaken(_service: str, operation: str, _params: object) -> None:
        if operation == "TransactWriteItems" and meanwhile:
            operate.trigger(stage.store, "report", meanwhile.pop(), ANN)

    stage.transport.before = overtaken


def test_stop_retry_and_resolve_are_heard_beside_another_commit() -> None:
    """Each reads again and decides again: the person's word stands, and the other's too."""
    stage = Kinds(Exits(1, seconds=5))
    stage.drive(stage.job(), 4)
    overtaken_once(stage, "a")
    stopped = operate.stop(stage.subject_of(stage.job()), ANN)
    assert stopped is not None
    assert stopped.stop_asked
    stage.session.rebase(stage.store.read())
    assert stage.drive(stage.job(), 60).state is RunState.FAILED
    overtaken_once(stage, "b")
    assert operate.retry(stage.subject_of(stage.job()), ANN) == 2
    overtaken_once(stage, "c")
    subject = stage.subject_of(stage.job())
    with pytest.raises(PermanentError, match="has never run"):
        operate.resolve(replace(subject, revision="2020-01-01T00:00:00Z"), RunState.FAILED, ANN)
    assert operate.resolve(subject, RunState.SUCCEEDED, ANN).state is RunState.SUCCEEDED
    assert {request.key for request in stage.record().requests} == {"a", "b", "c"}
    assert stage.store.verify() == []


def test_a_trigger_that_is_overtaken_again_and_again_gives_up() -> None:
    """It is an error that may be tried again, and nothing was asked for."""
    stage = Kinds()

    def overtaken(_service: str, operation: str, _params: object) -> None:
        if operation == "TransactWriteItems":
            raise ConditionFailed("no", operation="dynamodb:TransactWriteItems")

    stage.transport.before = overtaken
    with pytest.raises(Superseded):
        operate.trigger(stage.store, "report", "k", ANN)
    assert stage.store.read().jobs == {}


def test_a_success_after_the_stop_is_a_success() -> None:
    """Only evidence decides: a command that exits 0 all the same has succeeded."""
    stage = Kinds(Exits(seconds=25))
    stage.drive(stage.task(), 20)
    operate.stop(stage.subject_of(stage.task()), ANN)
    stage.timeline.advance(60)
    assert stage.drive(stage.task(), 30).state is RunState.SUCCEEDED


def test_an_unknown_run_stays_on_the_list_until_it_is_resolved() -> None:
    """It is never taken for failed: a person says how it ended, and then no attempt follows."""
    stage = Kinds(Exits(seconds=90_000))
    work = stage.job(timeout=timedelta(days=1))
    stage.drive(work, 60)
    stage.ecs.tasks.by_arn.clear()
    run = stage.drive(work, 3000)
    assert (run.state, run.unfinished) == (RunState.UNKNOWN, True)
    assert operate.resolve(stage.subject_of(work), RunState.FAILED, ANN).over
    assert stage.store.read().unfinished == ()
    assert [e.state for e in stage.record().recent] == [RunState.FAILED]
    stage.drive(work, 600)
    assert stage.executions() == 1


def test_a_run_that_never_was_cannot_be_resolved() -> None:
    """Only a migration's absent run can be adopted: there it stands for a database."""
    stage = Kinds()
    with pytest.raises(PermanentError, match=r"2025-11-22T02:00:00Z of job/report has never run"):
        operate.resolve(stage.subject_of(stage.job()), RunState.SUCCEEDED, ANN)


def test_a_person_may_repeat_what_is_over() -> None:
    """The run goes back onto the list, runs once more, and is remembered once."""
    stage = Kinds(Exits(1))
    work = replace(stage.job(), most_attempts=1)
    assert stage.drive(work, 60).over
    assert operate.retry(stage.subject_of(work), ANN) == 2
    assert stage.store.read().unfinished == (str(work.key),)
    assert stage.record().recent == ()
    run = stage.drive(work, 60)
    assert (run.state, run.attempt, run.over) == (RunState.SUCCEEDED, 2, True)
    assert [e.state for e in stage.record().recent] == [RunState.SUCCEEDED]


def test_a_trigger_is_taken_once_for_its_key() -> None:
    """The request waits in the job's record; its run takes it away; the same key finds that run."""
    stage = Kinds()
    for _ in range(2):
        assert operate.trigger(stage.store, "report", "release-7", ANN) is None
    (asked,) = stage.record().requests
    assert (asked.key, asked.by, asked.reason) == ("release-7", ANN.arn, ANN.reason)
    work = stage.job(occurrence_by_hand("release-7"))
    stage.drive(work, 60)
    assert (stage.record().requests, stage.record().floor) == ((), None)
    found = operate.trigger(stage.store, "report", "release-7", ANN)
    assert found is not None
    assert found.state is RunState.SUCCEEDED
    assert stage.journal_of("job/report")[0] == "trigger"
    with pytest.raises(UsageError, match="idempotency key"):
        operate.trigger(stage.store, "report", "a#b", ANN)
