"""Questions: only on a terminal, and only the word `yes` is an answer."""

from __future__ import annotations

import sys

from reconciler.cli.options import Invocation


def confirmed(invocation: Invocation, question: str) -> bool:
    """Ask before acting; --yes answers for everybody.

    Raises UsageError when nobody can be asked: stdin is no terminal, CI is set, or --no-input.
    """
    if invocation.values["yes"]:
        return True
    if invocation.values["no_input"] or invocation.environment.get("CI") or not _terminal():
        raise invocation.usage_error("nobody can be asked here: give --yes (-y) to go on")
    sys.stderr.write(f"{question} Only 'yes' is accepted: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip() == "yes"


def _terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()
