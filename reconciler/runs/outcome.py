"""The exit code of a run for the shell: that of its container, or one that says why there is none. PURE.

Called by `task run` and `job trigger --wait`. 124 to 127 are those of coreutils' timeout and of `docker run`.
"""

from __future__ import annotations

from reconciler.model.run import Run, RunState
from reconciler.plan.causes import refused_command
from reconciler.runs.snapshot import STOPPING_SINCE

UNKNOWN, TIMED_OUT, NEVER_STARTED = 6, 124, 125


def exit_code_of(run: Run) -> int:
    """Return the exit code of a run that is over, or whose outcome is unknown.

    126 and 127 are the container's own word, or ECS's for a command that could not be executed. A command
    that ends with 0 after its timeout was stopped by it all the same. Never 0 for what did not run.
    """
    if run.state is RunState.UNKNOWN:
        return UNKNOWN
    if run.state is RunState.SUCCEEDED and run.exit_code is None:
        return 0  # by a person's word
    if run.exit_code is None:
        said = run.facts.get("containers", {}).get(run.container)
        return refused_command(said) or NEVER_STARTED
    return TIMED_OUT if timed_out(run) else run.exit_code


def timed_out(run: Run) -> bool:
    """Whether it was stopped because it took longer than its timeout."""
    return STOPPING_SINCE in run.facts and not run.stop_asked
