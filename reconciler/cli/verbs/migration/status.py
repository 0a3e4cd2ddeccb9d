"""`migration status`: where each stands and, when it is not well, everything a person needs."""

from __future__ import annotations

from typing import Any

import click

from reconciler.cli.apps import chosen, document, for_each, highest
from reconciler.cli.complete import complete_migration
from reconciler.cli.documents import diagnosis_document, run_document
from reconciler.cli.options import Invocation, verb

UNSETTLED = 6


@verb("status", short_help="Say where migrations stand, why, and what to type next.")
@click.argument("name", required=False, shell_complete=complete_migration)
def command(invocation: Invocation, *, name: str | None) -> int:
    """Say where migrations stand, why, and what to type next.

    Shows the newest revision of each migration, or of NAME: what ECS said, exit codes, the last log
    lines. Exit code 6 when one has failed or is unknown.
    """
    from reconciler.app import ledger  # noqa: PLC0415 - brings boto3

    settings = invocation.settings
    outcomes = for_each(
        invocation, chosen(invocation), lambda d: ledger.migration_status(settings, d, name)
    )
    if invocation.output.is_json:
        invocation.output.document(
            document("MigrationStatus", outcomes, lambda found: {"runs": _documents(found)})
        )
        return highest(outcomes, _code)
    for outcome in outcomes:
        if outcome.result is None:
            continue
        if len(outcomes) > 1:
            invocation.output.result(outcome.key)
        for _, diagnosis in outcome.result:
            invocation.output.result("\n".join(diagnosis.lines()))
        if not outcome.result:
            invocation.output.result("no migration has run")
    return highest(outcomes, _code)


def _documents(found: Any) -> list[dict[str, Any]]:
    return [run_document(run) | diagnosis_document(diagnosis) for run, diagnosis in found]


def _code(found: Any) -> int:
    return UNSETTLED if any(run.state in ("FAILED", "UNKNOWN") for run, _ in found) else 0
