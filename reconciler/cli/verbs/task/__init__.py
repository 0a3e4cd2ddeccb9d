"""`task`: one-off tasks. Its verbs are the modules of this package."""

from __future__ import annotations

from reconciler.cli.options import global_options
from reconciler.cli.root import LazyGroup

SECTIONS = {
    "Verbs": {
        "run": "Run a command as a task, and end as it does.",
        "list": "List one-off tasks.",
        "logs": "Print a task's log.",
        "stop": "Stop a task.",
        "resolve": "Say how a task ended, where it cannot be proven.",
    }
}

command = LazyGroup(
    "task",
    package="reconciler.cli.verbs.task",
    sections=SECTIONS,
    short_help="Run one-off tasks, and look at them.",
    help="Run one-off tasks, and look at them.\n\nA task is started once for its key, its log is "
    "passed on to the last line, and its exit code is the command's.",
    params=list(global_options(after_verb=True)),
)
