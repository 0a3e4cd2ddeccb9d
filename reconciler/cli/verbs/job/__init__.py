"""`job`: scheduled jobs. Its verbs are the modules of this package."""

from __future__ import annotations

from reconciler.cli.options import global_options
from reconciler.cli.root import LazyGroup

SECTIONS = {
    "Verbs": {
        "list": "List the jobs: schedule, next and last run.",
        "next": "Print when a job runs next.",
        "trigger": "Run a job now, once for each key.",
        "logs": "Print the log of a run.",
        "history": "List the runs that the ledger has.",
        "stop": "Stop a run.",
        "retry": "Ask for another attempt of a run that failed.",
        "resolve": "Say how a run ended, where it cannot be proven.",
    }
}

command = LazyGroup(
    "job",
    package="reconciler.cli.verbs.job",
    sections=SECTIONS,
    short_help="Look at scheduled jobs and run them by hand.",
    help="Look at scheduled jobs and run them by hand.\n\nThe controller is the scheduler: each "
    "occurrence runs once or is skipped, and the journal says which.",
    params=list(global_options(after_verb=True)),
)
