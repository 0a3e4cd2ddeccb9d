"""`migration list`: every revision that the ledger knows of what the files name."""

from __future__ import annotations

from reconciler.cli.apps import chosen, document, for_each, highest
from reconciler.cli.documents import run_document
from reconciler.cli.options import Invocation, verb
from reconciler.cli.output import local_time

HEADER = ("MIGRATION", "REVISION", "STATE", "ATTEMPT", "GUARANTEE", "STARTED", "REASON")


@verb("list", short_help="List what the ledger knows.")
def command(invocation: Invocation) -> int:
    """List what the ledger knows: each migration's revisions, their state and guarantee."""
    from reconciler.app import ledger  # noqa: PLC0415 - brings boto3

    settings = invocation.settings
    outcomes = for_each(
        invocation, chosen(invocation), lambda d: ledger.migration_list(settings, d)
    )
    if invocation.output.is_json:
        invocation.output.document(
            document("Migrations", outcomes, lambda runs: {"runs": [run_document(r) for r in runs]})
        )
        return highest(outcomes)
    for index, outcome in enumerate(o for o in outcomes if o.result is not None):
        if index:
            invocation.output.result("")
        if len(outcomes) > 1:
            invocation.output.result(outcome.key)
        if not outcome.result:
            invocation.output.result("no migration has run")
            continue
        rows = [
            (
                run.name,
                run.revision,
                str(run.state),
                str(run.attempt),
                str(run.mode),
                local_time(run.intent_at.isoformat()),
                run.reason,
            )
            for run in outcome.result
        ]
        invocation.output.table(HEADER, rows)
    return highest(outcomes)
