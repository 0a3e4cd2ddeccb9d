"""`history`: the journal, as a table, one entry in full, or its chain verified."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.apps import Outcome, chosen, document, for_each, highest, the_one
from reconciler.cli.complete import complete_address
from reconciler.cli.options import Invocation, option, verb
from reconciler.cli.output import as_json, local_time

if TYPE_CHECKING:
    from reconciler.model.journal import JournalRecord

HEADER = ("N", "WHEN", "REVISION", "BY", "KIND", "ADDRESS", "RESULT", "WHAT")
BROKEN_CHAIN = 1
_RUN_NOUNS = ("revision", "occurrence", "key")
"""Under which of them an entry about a run says which one it is."""


@verb("history", short_help="Read the journal.")
@click.argument("what", required=False, metavar="[N|ADDRESS]", shell_complete=complete_address)
@option("-n", "--limit", type=click.IntRange(1, 10_000), default=20, help="Entries at most.")
@option("--oldest-first", is_flag=True, help="From the beginning; otherwise the newest first.")
@option("--verify", is_flag=True, help="Check every entry, and that none is missing or changed.")
def command(
    invocation: Invocation, *, what: str | None, limit: int, oldest_first: bool, verify: bool
) -> int:
    """Read the journal: every action, before and after it was taken.

    N is an entry's number: it is shown in full. ADDRESS, as service/web, chooses what is about one
    resource. With --verify the exit code is 1 when the chain is broken.
    """
    shown = "--verify checks every entry" if verify else "N is one entry"
    if verify or (what and what.isdecimal()):
        invocation.without_effect(f"has no effect: {shown}", "--limit", "--oldest-first")
    if verify:
        if what:
            raise invocation.usage_error(
                "--verify checks the whole journal: leave out the argument"
            )
        return _verify(invocation)
    if what and what.isdecimal():
        return _one(invocation, int(what))
    return _list(invocation, what, limit, newest_first=not oldest_first)


def _list(invocation: Invocation, address: str | None, limit: int, *, newest_first: bool) -> int:
    from reconciler.app import ledger  # noqa: PLC0415 - brings boto3

    if address is not None and not all(address.partition("/")):
        raise invocation.usage_error(f"'{address}' is neither an entry's number nor kind/name")
    settings = invocation.settings
    outcomes = for_each(
        invocation,
        chosen(invocation),
        lambda d: ledger.history(
            settings, d, limit=limit, newest_first=newest_first, address=address
        ),
    )
    if invocation.output.is_json:
        invocation.output.document(
            document("History", outcomes, lambda found: {"entries": [*map(record_document, found)]})
        )
        return highest(outcomes)
    _print(invocation, [o for o in outcomes if o.result is not None], address)
    return highest(outcomes)


def _print(
    invocation: Invocation, outcomes: Sequence[Outcome[list[JournalRecord]]], address: str | None
) -> None:
    for index, outcome in enumerate(outcomes):
        if index:
            invocation.output.result("")
        if len(outcomes) > 1:
            invocation.output.result(outcome.key)
        if outcome.result:
            invocation.output.table(HEADER, [_row(r) for r in outcome.result])
        else:
            nothing = (
                f"has nothing about {address}" if address else "is empty: nothing was done yet"
            )
            invocation.output.result(f"the journal of {outcome.key} {nothing}")


def _row(record: JournalRecord) -> tuple[str, ...]:
    content = record.content
    revision = str(content.get("commit") or "")[:7] or f"gen {content.get('generation', '')}"
    cause = str(content.get("cause") or "").replace(str(content.get("commit") or " "), " ")
    detail = content.get("detail") or {}
    which = next((str(detail[noun]) for noun in _RUN_NOUNS if noun in detail), "")
    what = " ".join(f"{content.get('action') or ''} {which} {cause}".split())
    return (
        str(record.number),
        local_time(str(content.get("at", ""))),
        revision,
        str(content.get("who") or "").partition("#")[0] or "-",
        str(content.get("kind") or ""),
        str(content.get("address") or "-"),
        str(content.get("outcome") or "-"),
        what,
    )


def record_document(record: JournalRecord) -> dict[str, Any]:
    """Make the JSON form of an entry: what was stored, and the hashes that chain it."""
    content: Mapping[str, Any] = record.content
    return {**content, "previousHash": record.previous_hash, "hash": record.hash}


def _one(invocation: Invocation, number: int) -> int:
    """Find an entry from the nearer end: numbers have no gaps, but only the ends can be read."""
    from reconciler.app import ledger  # noqa: PLC0415 - brings boto3

    desired = the_one(invocation)
    settings = invocation.settings
    newest = ledger.history(settings, desired, limit=1)
    last = newest[0].number if newest else 0
    if not 1 <= number <= last:
        raise invocation.usage_error(f"the journal of {desired.key} has the entries 1 to {last}")
    from_end = last - number + 1
    back = from_end < number
    records = ledger.history(
        settings, desired, limit=from_end if back else number, newest_first=back
    )
    record = next(r for r in records if r.number == number)
    if invocation.output.is_json:
        invocation.output.document(record_document(record))
        return 0
    for name, value in record_document(record).items():
        if value in ("", None, {}, []):
            continue
        text = local_time(value) if name == "at" else value
        shown = text if isinstance(text, str | int) else as_json(text).replace("\n", "\n  ")
        invocation.output.result(f"{name}: {shown}")
    return 0


def _verify(invocation: Invocation) -> int:
    from reconciler.app import ledger  # noqa: PLC0415 - brings boto3

    settings = invocation.settings
    outcomes = for_each(
        invocation, chosen(invocation), lambda d: list(ledger.verify_history(settings, d))
    )
    if invocation.output.is_json:
        invocation.output.document(
            document(
                "Verification", outcomes, lambda found: {"whole": not found, "problems": found}
            )
        )
        return highest(outcomes, lambda problems: BROKEN_CHAIN if problems else 0)
    for outcome in outcomes:
        if outcome.error:
            continue
        for problem in outcome.result or ():
            invocation.output.result(f"{outcome.key}: {problem}")
        if not outcome.result:
            invocation.output.result(f"{outcome.key}: the journal is whole")
    return highest(outcomes, lambda problems: BROKEN_CHAIN if problems else 0)
