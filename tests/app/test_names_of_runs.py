"""A name that nothing has, in the verbs about runs: told with what there is, and nothing is written."""

from __future__ import annotations

import pytest

from reconciler.app import jobs, ledger
from reconciler.app.run_logs import Excerpt, run_log
from reconciler.model.errors import PermanentError, UsageError
from reconciler.model.run import RunKind
from tests.app.conftest import APP, MIGRATION

JOB = MIGRATION.replace("migrations:", "jobs:").replace("  db:", "  report:")
JOB = JOB.replace('revision: "7"', 'schedule: "10 3 * * *"')


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


def _log(kind):
    return lambda app: run_log(*app, kind, "no", None, excerpt=Excerpt(), audience=None)


ABOUT_A_JOB = {
    "logs": _log(RunKind.JOB),
    "history": lambda app: jobs.job_history(*app, "no"),
    "next": lambda app: jobs.job_next(app[1], "no", None, 1),
    "trigger": lambda app: jobs.job_trigger(*app, jobs.Asked("no", "k", "")),
    "retry": lambda app: jobs.job_retry(*app, "no", "k", "why"),
    "stop": lambda app: jobs.job_stop(*app, "no", "k", "why"),
    "resolve": lambda app: jobs.job_resolve(*app, "no", "k", "failed", reason="w", force=False),
}
ABOUT_A_MIGRATION = {
    "logs": _log(RunKind.MIGRATION),
    "status": lambda app: ledger.migration_status(*app, "no"),
    "retry": lambda app: ledger.migration_retry(*app, "no", "7", "why"),
    "resolve": lambda app: ledger.migration_resolve(
        *app, "no", "7", "failed", reason="w", force=False
    ),
}


@pytest.mark.parametrize("verb", ABOUT_A_JOB)
def test_every_verb_about_a_job_says_which_jobs_there_are(app, account, verb):
    """A name that no job has is wrong usage, whatever was to be done, and nothing is written of it."""
    account.write(APP + JOB)
    with pytest.raises(UsageError, match=r"production/shop has no job 'no'; there are: report$"):
        ABOUT_A_JOB[verb]((account.settings, account.desired))
    assert not {"PutItem", "TransactWriteItems"} & set(account.sent())


@pytest.mark.parametrize("verb", ABOUT_A_MIGRATION)
def test_every_verb_about_a_migration_says_which_migrations_there_are(app, verb):
    """The same words as of a job."""
    with pytest.raises(UsageError, match=r"production/shop has no migration 'no'; there are: db$"):
        ABOUT_A_MIGRATION[verb](app)


def test_what_left_the_files_is_among_what_there_is(app, account):
    """The ledger's migrations are named behind those of the files: their logs can still be read."""
    ledger.migration_resolve(*app, "db", "7", "succeeded", reason="as found", force=False)
    account.write(APP + MIGRATION.replace("  db:", "  other:"))
    later = (account.settings, account.desired)
    with pytest.raises(UsageError, match="there are: other, db"):
        ledger.migration_retry(*later, "no", "7", "why")
    with pytest.raises(PermanentError, match="is SUCCEEDED: only a failed run"):
        ledger.migration_retry(*later, "db", "7", "why")


def test_a_slip_in_what_is_resumed_is_not_taken_for_done(app, account):
    """What neither the files nor a suspension have is no resource; one that has left the files is resumed."""
    ledger.migration_resolve(*app, "db", "7", "succeeded", reason="as found", force=False)
    ledger.suspend(*app, "a look", address="service/web")
    with pytest.raises(
        UsageError, match=r"no resource 'service/wbe'; there are: migration/db, service/web$"
    ):
        ledger.resume(*app, "done", "service/wbe")
    account.write(APP.replace("  web:", "  api:"))
    later = (account.settings, account.desired)
    assert "service/web: resumed" in ledger.resume(*later, "done", "service/web")
    assert "not suspended" in ledger.resume(*later, "done", "service/api")
