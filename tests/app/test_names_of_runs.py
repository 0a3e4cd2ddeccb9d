"""A name that nothing has, in the verbs about runs: told with what there is, and nothing is written."""

from __future__ import annotations

import pytest

from reconciler.app import jobs, ledger
from reconciler.model.errors import UsageError
from tests.app.conftest import APP, MIGRATION


@pytest.fixture
def app(account):
    """Return the settings and the app, which has one migration and no job."""
    account.write(APP + MIGRATION)
    return account.settings, account.desired


def test_a_slip_adopts_no_migration(app, account):
    """Resolving a name that neither the files nor the ledger have would write a record that stays."""
    with pytest.raises(UsageError, match="has no migration 'bd'; there are: db"):
        ledger.migration_resolve(*app, "bd", "7", "succeeded", reason="as found", force=False)
    assert ledger.migration_list(*app) == []


def test_the_status_of_no_migration_is_no_status(app):
    """A misspelt name is not taken for a migration that has not run."""
    with pytest.raises(UsageError, match="has no migration 'bd'; there are: db"):
        ledger.migration_status(*app, "bd")
    assert ledger.migration_status(*app, "db") == []


def test_a_migration_that_left_the_files_can_still_be_settled(app, account):
    """The ledger remembers it: its name counts as one."""
    ledger.migration_resolve(*app, "db", "7", "succeeded", reason="as found", force=False)
    account.write()
    later = (account.settings, account.desired)
    said = ledger.migration_resolve(*later, "db", "6", "succeeded", reason="too", force=False)
    assert "revision 6 of migration/db is SUCCEEDED" in said
    assert ledger.migration_status(*later, "db")


def test_the_history_of_no_job_is_no_history(app):
    """A misspelt name is not taken for a job that has not run."""
    with pytest.raises(UsageError, match="has no job 'report'; there are: none"):
        jobs.job_history(*app, "report")
