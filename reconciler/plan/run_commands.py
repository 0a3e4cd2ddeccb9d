"""What a person types about a run: the verbs of `migration`, `job` and `task`, spelled out. PURE.

Called wherever something says what to do next: plans, diagnoses and refusals.
"""

from __future__ import annotations

from reconciler.model.names import AppKey
from reconciler.model.run import RunKey, RunKind

WITH_REASON = '--reason "…"'
"""The end of a command that wants a reason, for the person to fill in."""


def logs(key: AppKey, run: RunKey) -> str:
    """Spell how to see what the run wrote."""
    return _spelled(key, "logs", run)


def stop(key: AppKey, run: RunKey) -> str:
    """Spell how to stop the run, or to take back one that has not begun."""
    return f"{_spelled(key, 'stop', run)} {WITH_REASON}"


def retry(key: AppKey, run: RunKey) -> str:
    """Spell how to ask for another attempt of a run that failed."""
    return f"{_spelled(key, 'retry', run)} {WITH_REASON}"


def resolve(key: AppKey, run: RunKey, outcome: str = "succeeded|failed") -> str:
    """Spell how to say how the run ended where it cannot be proven."""
    return f"{_spelled(key, 'resolve', run)} --as {outcome} {WITH_REASON}"


def _spelled(key: AppKey, verb: str, run: RunKey) -> str:
    """Spell a verb; without `key` only a folder with one app understands it. A task has no name to give."""
    app = f"-a {key} " if key else ""
    called = run.revision if run.kind is RunKind.TASK else f"{run.name} {run.revision}"
    return f"reconciler {app}{run.kind} {verb} {called}"
