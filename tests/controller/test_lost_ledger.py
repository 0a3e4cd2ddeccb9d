"""The tables are gone while services of ours live: nothing may run as if this were the first day."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.errors import PermanentError
from reconciler.model.names import Address
from reconciler.model.run import RunState
from reconciler.runs.operate import Operator, Subject, resolve
from tests.controller.lab import KEY, Controller, Lab, files, release, service
from tests.plan.builders import a_migration


@pytest.fixture
def lab():
    """Return an account in which release 1 was converged and whose tables were lost since."""
    lab = Lab()
    lab.files = release(1)
    first = Controller(lab, "first")
    assert first.settle().status.converged
    lab.first = first
    for table in (lab.tables.state, lab.tables.journal, lab.tables.claims):
        del lab.dynamodb.tables[table]
    lab.tables.ensure(lab.quiet, lab.timeline)
    return lab


@pytest.fixture
def successor(lab):
    """Return a process that was started after the loss."""
    lab.controllers.clear()
    return Controller(lab, "second")


def runs_started(controller: Controller) -> int:
    """Return how many RunTask calls a controller has made."""
    return controller.transport.operations().count("RunTask")


def test_the_process_that_saw_the_ledger_says_that_it_went_back(lab):
    """It remembers a generation that the ledger no longer has, and does nothing."""
    with pytest.raises(PermanentError, match="gone back from generation 1 to 0"):
        lab.first.reconcile()


def test_a_new_process_runs_nothing_and_touches_nothing(lab, successor):
    """The migration is held with the words that settle it, and the services are left as they are."""
    for _ in range(3):
        result = successor.reconcile()

    assert runs_started(successor) == 0
    assert successor.did() == []
    assert result.status.exit_code == 6
    (migration,) = (r for r in result.status.resources if r.address == Address("migration", "db"))
    assert "were its tables deleted" in migration.message
    assert lab.ledger.services == {}


def test_a_word_of_a_person_lets_it_go_on(lab, successor):
    """Once the revision is resolved as succeeded the ledger is made whole from what lives."""
    successor.reconcile()
    person = Operator("arn:aws:iam::123456789012:user/ann", "schema_migrations says so")
    resolve(Subject(lab.store, "production", "db", "1"), RunState.SUCCEEDED, person)

    assert successor.settle().status.converged
    assert runs_started(successor) == 0
    assert set(lab.ledger.services) == {"web"}


def test_an_attempt_in_git_is_a_word_as_well(lab, successor):
    """`attempt: 2` says that it is to run, lost ledger or not."""
    again = replace(a_migration("1"), attempt=2)
    lab.files = files(service(tag="1"), migrations=(again,))

    assert successor.settle().status.converged
    assert lab.ledger.migration_run("db", "1").attempt == 2


def test_a_service_is_remembered_before_it_is_created():
    """A crash between CreateService and its outcome looks like no lost ledger: the run goes on."""
    lab = Lab()
    lab.files = release(1)
    controller = Controller(lab, "a")

    def crash(_service: str, operation: str, _params: object) -> None:
        if operation == "CreateService":
            raise KeyboardInterrupt

    controller.transport.after = crash
    with pytest.raises(KeyboardInterrupt):
        controller.settle()
    assert set(lab.ledger.services) == {"web"}

    successor = controller.crash()
    assert successor.settle().status.converged
    assert [e for e in lab.story() if "CreateService" in e] == [
        "INTENT service/web CreateService",
        "OUTCOME service/web CreateService applied",
    ]
    assert KEY in lab.ledger.key
