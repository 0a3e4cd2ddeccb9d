"""`migration`: the ledger of migrations. Its verbs are the modules of this package."""

from __future__ import annotations

from reconciler.cli.options import global_options
from reconciler.cli.root import LazyGroup

SECTIONS = {
    "Verbs": {
        "status": "Say where migrations stand, why, and what to type next.",
        "list": "List what the ledger knows.",
        "logs": "Print the log of a run.",
        "retry": "Ask for another attempt of a failed revision.",
        "resolve": "Say how a revision ended, where it cannot be proven.",
    }
}

command = LazyGroup(
    "migration",
    package="reconciler.cli.verbs.migration",
    sections=SECTIONS,
    short_help="Look at migrations and settle them.",
    help="Look at migrations and settle them.\n\nA migration runs once per revision. When its "
    "outcome cannot be proven it is UNKNOWN, and everything behind it waits until evidence "
    "arrives or a person settles it.",
    params=list(global_options(after_verb=True)),
)
