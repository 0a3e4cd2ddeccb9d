"""`job history`: the runs of a job that the ledger has."""

from __future__ import annotations

import click

from reconciler.cli.apps import API_VERSION, the_one
from reconciler.cli.complete import complete_job
from reconciler.cli.documents import run_document
from reconciler.cli.options import Invocation, verb
from reconciler.cli.runs import RUN_HEADER, run_row

HEADER = ("OCCURRENCE", *RUN_HEADER)


@verb("history", short_help="List the runs that the ledger has.")
@click.argument("name", shell_complete=complete_job)
def command(invocation: Invocation, *, name: str) -> None:
    """List the runs of a job that the ledger has, the newest first.

    How many are kept is said in the files. What was skipped is in the journal: reconciler history.
    """
    from reconciler.app import jobs  # noqa: PLC0415 - brings boto3

    desired = the_one(invocation)
    runs = jobs.job_history(invocation.settings, desired, name)
    if invocation.output.is_json:
        found = [run_document(run) for run in runs]
        invocation.output.document(
            {"apiVersion": API_VERSION, "kind": "JobHistory", "key": desired.key, "runs": found}
        )
        return
    rows = [run_row(run) for run in runs]
    if rows:
        invocation.output.table(HEADER, rows)
    else:
        invocation.output.result(f"job/{name} has not run")
