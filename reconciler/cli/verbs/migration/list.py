"""`migration list`: every revision that the ledger knows of what the files name."""

from __future__ import annotations

from typing import Any

from reconciler.cli.apps import chosen, document, for_each, highest
from reconciler.cli.documents import run_document
from reconciler.cli.options import Invocation, verb
from reconciler.cli.runs import RUN_HEADER, run_row, say_tables

HEADER = ("MIGRATION", "REVISION", *RUN_HEADER)


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
    say_tables(
        invocation, outcomes, HEADER, lambda runs: [_row(r) for r in runs], "no migration has run"
    )
    return highest(outcomes)


def _row(run: Any) -> tuple[str, ...]:
    return (run.name, *run_row(run))
