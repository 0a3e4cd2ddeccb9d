"""`diff`: the preview. Reads only; exit codes as `diff` and `kubectl diff` have them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click

from reconciler.cli import failure, saved
from reconciler.cli.apps import (
    Outcome,
    asked_for,
    check_addresses,
    chosen,
    for_each,
    highest,
    restricted,
)
from reconciler.cli.complete import complete_address
from reconciler.cli.options import Invocation, option, verb
from reconciler.cli.output import looks

DIFFERENCES = 1
TERRAFORM_DIFFERENCES = 2


class Codes(NamedTuple):
    """Which exit code says that there are differences."""

    differences: int
    asked: failure.Asked


@verb(
    "diff",
    short_help="Preview what would be done; writes nothing.",
    formats=("text", "json", "markdown"),
)
@click.argument("addresses", nargs=-1, shell_complete=complete_address)
@option("--prune", is_flag=True, help="Show deletions as `apply --prune` would carry them out.")
@option(
    "--explain", is_flag=True, help="Also list what differs without being a difference, and why."
)
@option(
    "--detailed-exitcode", is_flag=True, help="Terraform's codes: 0 none, 2 differences, 1 error."
)
@option("--exit-zero", is_flag=True, help="0 with or without differences.")
@option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also save the plan, for `apply --plan FILE`.",
)
@option("--base", metavar="REVISION", help="Compare with the files of a git revision; no AWS.")
@option("--rev", metavar="REVISION", help="With --base: those of another one, not those there now.")
def command(  # noqa: PLR0913 - one for each flag
    invocation: Invocation,
    *,
    addresses: tuple[str, ...],
    prune: bool,
    explain: bool,
    out: Path | None,
    base: str | None,
    rev: str | None,
    **codes: bool,
) -> int:
    """Preview what would be done; writes nothing, needs only read permissions.

    ADDRESS is kind/name, as in service/web, or a kind. Exit code 0 without differences, 1 with, 2 or
    more on errors; of several apps the highest.

    With --base two git revisions are compared: what a pull request changes, without credentials.
    """
    if base is not None or rev is not None:
        if base is None:
            raise invocation.usage_error("--rev needs --base: which revision to compare with")
        if prune or out is not None or explain:
            raise invocation.usage_error(
                "--base takes --rev beside it, not --prune, --explain, --out"
            )
        return _between(invocation, base, rev, addresses, _codes(invocation, **codes))
    from reconciler.app import look  # noqa: PLC0415 - brings boto3

    meaning = _codes(invocation, **codes)
    settings = invocation.settings
    apps = chosen(invocation)
    previews = for_each(
        invocation, apps, lambda d: look.preview(settings, d, prune=prune), meaning.asked
    )
    known = [step.address for o in previews if o.result for step in o.result.plan.steps]
    if known or not any(o.error for o in previews):
        check_addresses(invocation, addresses, known)
    previews = [
        o._replace(result=restricted(o.result, addresses)) if o.result else o for o in previews
    ]
    if out is not None:
        if any(o.error for o in previews):
            invocation.output.note(f"{out} is not written: not every app has a plan")
        else:
            whole = [o.result for o in previews if o.result]
            saved.save(invocation, out, whole, addresses, prune=prune)
    show(invocation, previews, explain=explain)
    return highest(previews, lambda p: 0 if p.plan.in_sync else meaning.differences)


def _between(
    invocation: Invocation, base: str, rev: str | None, addresses: Sequence[str], meaning: Codes
) -> int:
    """Compare two revisions; an error has a code of diff's, 2 or more."""
    from reconciler.app import between  # noqa: PLC0415 - brings pydantic

    found = between.between(invocation.settings, base, rev)
    check_addresses(invocation, addresses, [s.address for c in found for s in c.plan.steps])
    found = [restricted(changed, addresses) for changed in found]
    show(invocation, [Outcome(changed.key, changed) for changed in found], explain=False)
    return 0 if all(changed.plan.in_sync for changed in found) else meaning.differences


def _codes(invocation: Invocation, *, detailed_exitcode: bool, exit_zero: bool) -> Codes:
    if detailed_exitcode and exit_zero:
        raise invocation.usage_error("--detailed-exitcode and --exit-zero contradict each other")
    asked = asked_for(invocation)._replace(greater_than_one=True, terraform_codes=detailed_exitcode)
    if exit_zero:
        return Codes(0, asked)
    return Codes(TERRAFORM_DIFFERENCES if detailed_exitcode else DIFFERENCES, asked)


def show(invocation: Invocation, previews: Sequence[Outcome[Any]], *, explain: bool) -> None:
    """Print plans as the invocation wants them: text, one JSON document, or Markdown."""
    output = invocation.output
    if output.is_json:
        output.document(_document(previews, explain=explain))
        return
    shown = [o.result for o in previews if o.result]
    if shown:
        output.result("\n".join(_text(p, output.form, explain=explain) for p in shown).rstrip("\n"))


def _document(previews: Sequence[Outcome[Any]], *, explain: bool) -> dict[str, Any]:
    from reconciler.plan import render  # noqa: PLC0415 - only when there is a plan

    apps = [
        {"key": o.key, "error": o.error}
        if o.result is None
        else render.as_document(o.result.plan, desired=o.result.desired, explain=explain)
        for o in previews
    ]
    return render.whole_document(apps)


def _text(preview: Any, form: str, *, explain: bool) -> str:
    from reconciler.plan import render  # noqa: PLC0415 - only when there is a plan

    plan, desired = preview.plan, preview.desired
    if form == "markdown":
        return render.as_markdown(plan, desired=desired, explain=explain)
    return render.as_text(plan, desired=desired, style=looks, explain=explain)
