"""`python -m reconciler.runs.once`, the script `reconciler-once`, and the single file: `once` or the guard.

`claim` is what the guard's container calls (docs/guard.md); everything else is `once` (docs/once.md).
"""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line of this process, and exit."""
    try:
        code = _run(sys.argv[1:])
    except KeyboardInterrupt:  # before `once` has taken the signals over
        code = 130
    sys.stdout.flush()
    os._exit(code)  # nothing is left to do, and tearing the interpreter down takes time


def _run(arguments: list[str]) -> int:
    if arguments == ["claim"]:
        from reconciler.runs.guard import main as claim  # noqa: PLC0415 - one of the two is needed

        return claim(arguments, os.environ)
    from reconciler.runs.once.command import main as once  # noqa: PLC0415 - as above

    return once(arguments, os.environ)


if __name__ == "__main__":
    main()
