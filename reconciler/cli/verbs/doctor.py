"""`doctor`: preflight and the least policy. Reads only."""

from __future__ import annotations

from collections import Counter
from typing import Any

import click

from reconciler.cli.apps import API_VERSION, chosen
from reconciler.cli.options import Invocation, option, verb
from reconciler.cli.output import as_json

SIGNS = {"ok": "✔", "warning": "!", "failed": "✗", "not permitted to see": "?"}
COLORS = {"ok": "green", "warning": "yellow", "failed": "red", "not permitted to see": "yellow"}

WIDEST = 32
"""Longer names (images) stick out instead of moving every message to the right."""


@verb("doctor", short_help="Check credentials, account, tables and permissions.")
@option(
    "--iam-policy", is_flag=True, help="Print the least policy for what the files name; no AWS."
)
@option(
    "--role",
    type=click.Choice(("controller", "diff", "guard", "task-run")),
    default="controller",
    help="Whose policy: run and apply; the verbs that only read; the task role beside a guard; task run.",
)
@option(
    "--part",
    type=click.IntRange(min=1),
    help="Print this part of a policy that is larger than IAM takes in one.",
)
def command(invocation: Invocation, *, iam_policy: bool, role: str, part: int | None) -> int:
    """Check credentials, account, tables and permissions, with reads alone.

    Exit code 3 when a check failed, 4 in a wrong account; warnings, and what the role is not
    permitted to see, leave it 0.
    """
    if not iam_policy:
        invocation.without_effect("needs --iam-policy", "--role", "--part")
    from reconciler.app import look  # noqa: PLC0415 - brings boto3

    apps = chosen(invocation)
    if iam_policy:
        invocation.output.result(as_json(_policy(invocation, *look.iam_policy(apps, role), part)))
        return 0
    checks = look.doctor(invocation.settings, apps)
    if invocation.output.is_json:
        invocation.output.document(
            {
                "apiVersion": API_VERSION,
                "kind": "Preflight",
                "checks": [
                    {"app": c.key, "name": c.name, "state": c.state, "message": c.message}
                    for c in checks
                ],
            }
        )
    else:
        _print(invocation, checks)
    return max((check.exit_code for check in checks), default=0)


def _policy(
    invocation: Invocation, whole: dict[str, Any], parts: list[dict[str, Any]], part: int | None
) -> dict[str, Any]:
    """Return what was asked for: the whole policy, with a word where it is too large, or one part."""
    if not parts:
        raise invocation.usage_error(
            "nothing needs a policy for this role: nothing of the files claims its runs"
        )
    if part is None:
        if len(parts) > 1:
            flags = ", ".join(f"--part {number}" for number in range(1, len(parts) + 1))
            invocation.output.note(
                f"warning: larger than IAM takes in one managed policy; in {len(parts)} parts: {flags}"
            )
        return whole
    if part > len(parts):
        count = "is one part" if len(parts) == 1 else f"are {len(parts)} parts"
        raise invocation.usage_error(f"there {count}, and no part {part}")
    return parts[part - 1]


def _print(invocation: Invocation, checks: list[Any]) -> None:
    width = max((len(c.name) for c in checks if len(c.name) <= WIDEST), default=0)
    key = None
    for check in checks:
        if check.key != key:
            key = check.key
            invocation.output.result(key)
        sign = click.style(SIGNS[check.state], fg=COLORS[check.state])
        unseen = "not permitted to see: " if check.state == "not permitted to see" else ""
        invocation.output.result(f"{sign} {check.name.ljust(width)}  {unseen}{check.message}")
    counts = Counter(str(c.state) for c in checks)
    said = [f"{counts[state]} {state}" for state in SIGNS if counts[state]]
    invocation.output.result(", ".join(said))
