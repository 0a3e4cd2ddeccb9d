"""Which run a log is of, on a fake account: what the ledger does not have is told before anything is read."""

from __future__ import annotations

import pytest

from reconciler.app import ledger
from reconciler.app.act import ApplyOptions, apply
from reconciler.app.run_logs import Excerpt, run_log, task_log
from reconciler.controller.audience import Audience
from reconciler.model.errors import PermanentError, UsageError
from reconciler.model.run import RunKind
from tests.app.conftest import APP, MIGRATION


class Nobody:
    """Waits for nothing and hears nothing."""

    stop = leave = False

    def pause(self, _length):
        raise AssertionError("there was nothing to wait for")

    def moved(self, *_):
        raise AssertionError("there was nothing to tell")

    said = lines = moved


@pytest.fixture
def read(account):
    """Return how the log of a run is asked for, in an account where the app was applied."""
    apply(account.settings, account.desired, options=ApplyOptions(), on_event=lambda _event: None)

    def run(kind, name, revision=None, **excerpt):
        audience = Audience(Nobody(), Nobody())
        if kind is RunKind.TASK:
            return task_log(account.settings, account.desired, name, Excerpt(**excerpt), audience)
        return run_log(
            account.settings,
            account.desired,
            kind,
            name,
            revision,
            excerpt=Excerpt(**excerpt),
            audience=audience,
        )

    return run


@pytest.mark.parametrize("follow", [True, False])
@pytest.mark.parametrize(
    ("run", "said"),
    [
        ((RunKind.MIGRATION, "db"), "migration/db: the ledger has no run of it"),
        ((RunKind.MIGRATION, "db", "7"), "migration/db: the ledger has no run of it"),
        ((RunKind.MIGRATION, "bd"), "no migration 'bd'; there are: db"),
        ((RunKind.JOB, "report", "k"), "no job 'report'; there are: none"),
        ((RunKind.TASK, "77aa"), "no task '77aa' in the ledger"),
    ],
)
def test_an_unknown_run_is_told_as_one(read, account, run, said, follow):
    """Followed or not: nobody waits for what nobody asked for."""
    account.write(APP + MIGRATION)
    with pytest.raises(UsageError, match=said):
        read(*run, follow=follow)


def test_a_run_without_a_task_has_no_log(read, account):
    """A revision that was adopted never ran here: that is said, with whose word it is."""
    account.write(APP + MIGRATION)
    ledger.migration_resolve(
        account.settings, account.desired, "db", "7", "succeeded", reason="as found", force=False
    )
    with pytest.raises(UsageError, match="migration/db 8: the ledger has no such run"):
        read(RunKind.MIGRATION, "db", "8")
    with pytest.raises(PermanentError, match="revision 7 of migration/db has no task: adopted by"):
        read(RunKind.MIGRATION, "db")
