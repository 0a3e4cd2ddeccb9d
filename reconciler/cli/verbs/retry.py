"""`retry`: releases a rollout that ECS rolled back and that is Held since."""

from __future__ import annotations

import click

from reconciler.cli.apps import done_document, the_one
from reconciler.cli.complete import complete_address
from reconciler.cli.options import Invocation, option, verb


@verb("retry", short_help="Release a Held rollout.")
@click.argument("address", shell_complete=complete_address)
@option("--reason", required=True, metavar="TEXT", help="Why; kept in the journal.")
def command(invocation: Invocation, *, address: str, reason: str) -> None:
    """Release a Held rollout, so that the same content is tried once more.

    ADDRESS is service/NAME. For a failed migration use `reconciler migration retry`.
    """
    from reconciler.app import ledger  # noqa: PLC0415 - brings boto3
    from reconciler.model.names import Address, there_are  # noqa: PLC0415 - completion does without

    try:
        wanted = Address.parse(address)
    except ValueError as error:
        raise invocation.usage_error(str(error)) from None
    if wanted.kind == "migration":
        raise invocation.usage_error("for a migration: reconciler migration retry NAME REVISION")
    if wanted.kind == "job":
        raise invocation.usage_error("for a job: reconciler job retry NAME OCCURRENCE")
    desired = the_one(invocation)
    known = [service.address for service in desired.services]
    if wanted not in known:
        raise invocation.usage_error(f"{desired.key} has no {address}; {there_are(known)}")
    done = ledger.retry(invocation.settings, desired, wanted, reason)
    if invocation.output.is_json:
        invocation.output.document(done_document(desired.key, done))
    else:
        invocation.output.result(f"{desired.key}: {done}")
