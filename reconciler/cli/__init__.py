"""The command line: one file per verb. Parse, call `app`, print, exit code: no logic.

`--help` and completion import neither boto3 nor pydantic: verbs are loaded when they are called, and
everything below `cli` inside their functions.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line of this process and exit; the entry point of the `reconciler` script."""
    if sys.argv[1:2] == ["once"]:
        from reconciler.cli.shortcut import once  # noqa: PLC0415 - for this verb alone

        once(sys.argv[2:])
    from reconciler.cli.root import reconciler  # noqa: PLC0415 - `import reconciler.cli` stays free

    reconciler(prog_name="reconciler")
