"""`reconciler once` without click: it stands before other programs, so that its start counts.

Called by `main` when `once` is the first word. What this does not understand is left to the verb.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = "reconciler once"


def once(arguments: Sequence[str]) -> None:
    """Run the command and exit; returns when there is something for the verb to say."""
    from reconciler.runs.once.flags import (  # noqa: PLC0415 - `import reconciler.cli` stays free
        HelpAsked,
        WrongUsage,
        parse,
    )

    try:
        options = parse(arguments, os.environ, PROGRAM)
    except (HelpAsked, WrongUsage):
        return
    from reconciler.runs.once.command import run  # noqa: PLC0415 - as above

    code = run(options, os.environ)
    sys.stdout.flush()
    sys.exit(code)
