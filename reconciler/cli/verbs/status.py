"""`status`: two axes for every resource, whether live equals desired and whether it works."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.apps import check_addresses, chosen, document, for_each, highest, wants
from reconciler.cli.complete import complete_address
from reconciler.cli.documents import status_document, version_of
from reconciler.cli.options import Invocation, option, verb
from reconciler.cli.output import styled
from reconciler.cli.suspensions import suspension_lines
from reconciler.cli.verbs.apply import code_of

if TYPE_CHECKING:
    from reconciler.model.suspension import Suspension

HEADER = ("ADDRESS", "SYNC", "HEALTH", "RUNNING", "REVISION", "MESSAGE")
NOT_YET = 1
"""The exit code of what is only not there yet; a higher one is for a person to know of."""


@verb("status", short_help="Say whether live equals desired, and whether it works.")
@click.argument("addresses", nargs=-1, shell_complete=complete_address)
@option("--exit-code", is_flag=True, help="Not 0 unless everything is Synced and Healthy.")
def command(invocation: Invocation, *, addresses: tuple[str, ...], exit_code: bool) -> int:
    """Say whether live equals desired, and whether it works. Reads only.

    Of what failed it says why: ECS's words, exit codes, the last log lines, what to type next.

    With --exit-code: 6 for a failed or unknown migration, 8 for a reverted rollout, else 1.
    """
    from reconciler.app import look  # noqa: PLC0415 - brings boto3

    settings = invocation.settings
    reports = for_each(invocation, chosen(invocation), lambda d: look.status(settings, d))
    known = [r.address for o in reports if o.result for r in o.result.status.resources]
    if known or not any(o.error for o in reports):
        check_addresses(invocation, addresses, known)
    if invocation.output.is_json:
        invocation.output.document(
            document("Status", reports, lambda report: _document(report, addresses))
        )
    else:
        for index, outcome in enumerate(o for o in reports if o.result):
            if index:
                invocation.output.result("")
            _print(invocation, outcome.result, addresses)
    return highest(reports, lambda report: code_of(report.status) if exit_code else 0)


def _document(report: Any, addresses: Sequence[str]) -> dict[str, Any]:
    found = status_document(report.status)
    found["resources"] = [
        r | {"diagnosis": list(report.diagnoses.get(status.address, ()))}
        for r, status in zip(found["resources"], report.status.resources, strict=True)
        if wants(addresses, status.address)
    ]
    suspension = report.ledger.suspension
    suspended = {a: _suspension(s) for a, s in sorted(report.ledger.suspended.items())}
    return found | {
        "account": report.desired.account,
        "region": report.desired.region,
        "cluster": report.desired.cluster,
        "lease": {"holder": report.ledger.owner, "epoch": report.ledger.epoch},
        "suspended": None if suspension is None else _suspension(suspension),
        "suspendedResources": suspended,
    }


def _suspension(suspension: Suspension) -> dict[str, Any]:
    return {
        "reason": suspension.reason,
        "by": suspension.by,
        "at": suspension.at,
        "until": suspension.until or None,
        "rolledBack": dict(suspension.rolled_back),
    }


def _print(invocation: Invocation, report: Any, addresses: Sequence[str]) -> None:
    output, status = invocation.output, report.status
    parts = [
        status.key,
        f"{styled(status.sync)} at {version_of(status)}",
        styled(status.health),
        f"lease {report.holder}" if report.holder else "",
    ]
    output.result("   ".join(part for part in parts if part))
    suspensions = report.ledger.suspensions
    for line in suspension_lines(status.key, suspensions):
        output.result(line)
    for r in status.resources:  # that nobody asked for, and yet has to be known: it has no row
        if r.exit_code > NOT_YET and r.message and not wants(addresses, r.address):
            output.result(f"{r.address}: {r.message}")
    rows = [
        (str(r.address), r.sync, r.health, r.running or "-", r.revision or "-", r.message)
        for r in status.resources
        if wants(addresses, r.address)
    ]
    output.table(HEADER, rows)
    for address, lines in sorted(report.diagnoses.items()):
        if wants(addresses, address):
            output.result("\n".join(lines))
    told = {s.told(status.key, address) for address, s in suspensions.items()}
    for note in report.plan.notes:
        if note not in told:  # said above the table
            output.result(note)
