"""Questions: only on a terminal; to act, only the word `yes` is an answer."""

from __future__ import annotations

import sys

from reconciler.cli.options import Invocation

DECLINED = 1
"""The exit code when the answer was not `yes`."""


def confirmed(invocation: Invocation, question: str) -> bool:
    """Ask before acting; --yes answers for everybody.

    Raises UsageError when nobody can be asked: stdin is no terminal, CI is set, or --no-input.
    """
    if invocation.values["yes"]:
        return True
    if not can_ask(invocation):
        raise invocation.usage_error("nobody can be asked here: give --yes (-y) to go on")
    return asked(f"{question} Only 'yes' is accepted: ") == "yes"


def can_ask(invocation: Invocation) -> bool:
    """Say whether somebody sits there: stdin is a terminal, and neither CI nor --no-input is set."""
    forbidden = invocation.values["no_input"] or invocation.environment.get("CI")
    return not forbidden and _terminal()


def asked(question: str) -> str:
    """Ask on stderr and return the answer's line."""
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def _terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()
