"""What a person may do to a run, and when it is refused."""

from __future__ import annotations

import pytest

from reconciler.model.errors import GuardRefused, PermanentError, Superseded
from reconciler.model.journal import Entry, EntryKind
from reconciler.model.run import ClaimState, RunState
from reconciler.runs.evidence import claim
from reconciler.runs.operate import Operator, resolve, retry
from tests.fakes.ecs_tasks import Nature
from tests.runs.stage import Stage
from tests.simulation.desired import Wish

ANN = Operator("arn:aws:iam::123456789012:user/ann", "mended the index")


class FailsOnce(Nature):
    """A command that exits 1 the first time."""

    def __init__(self) -> None:
        self.codes = [1]

    def exit_code(self) -> int:
        return self.codes.pop() if self.codes else 0


class Vanishing(Nature):
    """A task that ECS shows for the first time after hours."""

    def __init__(self, duration: float = 20.0) -> None:
        self.seconds = duration

    def visible_after(self) -> float:
        return 90_000.0

    def duration(self) -> float:
        return self.seconds


def unknown(stage: Stage) -> Stage:
    """Drive a stage whose task cannot be seen until the run is UNKNOWN."""
    stage.steps(3000)
    assert stage.run().state is RunState.UNKNOWN
    return stage


def test_retry_asks_for_the_next_attempt_which_then_runs() -> None:
    """A retry is a journaled request; the next step carries it out as attempt 2."""
    stage = Stage(FailsOnce())
    stage.steps(60)
    assert retry(stage.subject(), ANN) == 2
    assert retry(stage.subject(), ANN) == 2
    stage.steps(60)
    assert (stage.run().state, stage.run().attempt) == (RunState.SUCCEEDED, 2)
    entry = next(e for e in stage.store.journal() if e.content["action"] == "retry")
    assert entry.content["detail"]["operator"] == ANN.arn
    assert entry.content["detail"]["reason"] == ANN.reason


def test_retry_is_for_failed_runs_only() -> None:
    """Absent, succeeded and unknown runs cannot be retried; for the last the way out is named."""
    with pytest.raises(PermanentError, match="never run"):
        retry(Stage().subject(), ANN)
    stage = Stage()
    stage.steps(60)
    with pytest.raises(PermanentError, match="SUCCEEDED"):
        retry(stage.subject(), ANN)
    with pytest.raises(PermanentError, match="migration resolve db 1"):
        retry(unknown(Stage(Vanishing())).subject(), ANN)


def test_resolve_settles_an_unknown_run_and_frees_the_slot() -> None:
    """A person's word ends an unknown run; the next revision may run."""
    stage = unknown(Stage(Vanishing()))
    assert stage.view().active_run == "MIG#db#1"
    resolve(stage.subject(), RunState.SUCCEEDED, ANN)
    assert stage.run().state is RunState.SUCCEEDED
    assert stage.run().evidence == "operator"
    assert stage.view().active_run is None


def test_resolve_refuses_while_the_claimant_is_alive() -> None:
    """As long as ECS shows the claimant running, only --force overrides it."""

    class Late(Vanishing):
        def visible_after(self) -> float:
            return 2_000.0

    stage = Stage(Late(duration=9_000.0))
    stage.steps(1_300)
    assert stage.run().state is RunState.UNKNOWN
    stage.timeline.advance(1_000)
    with pytest.raises(GuardRefused, match="still runs"):
        resolve(stage.subject(), RunState.FAILED, ANN)
    assert resolve(stage.subject(), RunState.FAILED, ANN, force=True).state is RunState.FAILED
    entry = next(e for e in stage.store.journal() if e.content["action"] == "resolve")
    assert entry.content["detail"]["forced"] is True


def test_resolve_refuses_what_is_under_way_or_final() -> None:
    """A running run is not resolved, and a success is final."""
    stage = Stage()
    stage.step()
    with pytest.raises(PermanentError, match="under way"):
        resolve(stage.subject(), RunState.FAILED, ANN)
    stage.steps(60)
    with pytest.raises(PermanentError, match="final"):
        resolve(stage.subject(), RunState.FAILED, ANN)


def test_resolve_revokes_a_claim_that_nobody_took() -> None:
    """An unknown run whose claim is still offered is revoked in the same transaction: it never starts."""
    stage = Stage()
    stage.step()
    stage.dynamodb.drop("reconciler-claims", {"k": {"S": "mig#production/shop/db#1#1#0"}})
    stage.step()
    assert stage.run().state is RunState.UNKNOWN
    offered = {
        "k": {"S": "mig#production/shop/db#1#1#0"},
        "st": {"S": "OFFERED"},
        "ep": {"N": "1"},
        "v": {"N": "1"},
    }
    stage.dynamodb.handle("PutItem", {"TableName": "reconciler-claims", "Item": offered})
    resolve(stage.subject(), RunState.FAILED, ANN)
    cell = claim(stage.aws, "reconciler-claims", "mig#production/shop/db#1#1#0")
    assert cell is not None
    assert cell.state is ClaimState.REVOKED


def test_absent_revision_is_adopted_as_succeeded() -> None:
    """An existing database is adopted: its revision counts as succeeded, and nothing runs for it."""
    stage = Stage()
    with pytest.raises(PermanentError, match="adopts"):
        resolve(stage.subject(), RunState.FAILED, ANN)
    resolve(stage.subject(), RunState.SUCCEEDED, ANN)
    stage.steps(60)
    assert stage.ecs.tasks.commands.executions == []
    assert stage.view().migrations["db"].latest_revision == "1"
    stage.wish(Wish("2"))
    stage.steps(60)
    assert stage.run("2").state is RunState.SUCCEEDED


def test_adopting_an_older_revision_does_not_make_it_the_newest() -> None:
    """Adopting revision 1 after 2 has run leaves 2 the newest one."""
    stage = Stage()
    stage.wish(Wish("2"))
    stage.steps(60)
    resolve(stage.subject("1"), RunState.SUCCEEDED, ANN)
    assert stage.view().migrations["db"].latest_revision == "2"


def test_operator_and_controller_exclude_each_other() -> None:
    """Whoever commits first wins: the other has to read again."""
    stage = Stage(FailsOnce())
    stage.steps(60)
    view = stage.view()
    stage.session.rebase(view)
    retry(stage.subject(), ANN)
    with pytest.raises(Superseded):
        stage.session.commit([Entry(EntryKind.RUN, "migration/db", "anything")])
