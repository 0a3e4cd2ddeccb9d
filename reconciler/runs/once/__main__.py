"""`python -m reconciler.runs.once`, the script `reconciler-once`, and the single file: `once` or the guard.

`claim` is what the guard's container calls (docs/guard.md); everything else is `once` (docs/once.md).
"""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line of this process, and exit."""
    arguments = sys.argv[1:]
    if arguments == ["claim"]:
        from reconciler.runs.guard import main as claim  # noqa: PLC0415 - one of the two is needed

        code = claim(arguments, os.environ)
    else:
        from reconciler.runs.once.command import main as once  # noqa: PLC0415 - as above

        code = once(arguments, os.environ)
    sys.stdout.flush()
    os._exit(code)  # nothing is left to do, and tearing the interpreter down takes time


if __name__ == "__main__":
    main()
