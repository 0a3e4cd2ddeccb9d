"""How a run stands when a command leaves it: what the verbs about one run give to `cli`."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.aws.door import Aws
from reconciler.model.names import AppKey
from reconciler.model.run import Run
from reconciler.runs.diagnosis import Diagnosis, explain
from reconciler.runs.outcome import exit_code_of


@dataclass(frozen=True)
class Outcome:
    """A run as the command leaves it; `code` is None while it has not ended."""

    run: Run
    code: int | None
    diagnosis: Diagnosis | None = None


def code_of(run: Run) -> int | None:
    """Return a run's exit code, None while it has not ended."""
    return exit_code_of(run) if run.ended else None


def outcome_of(run: Run, aws: Aws, key: AppKey) -> Outcome:
    """Return how a run stands, with the diagnosis of one that did not end well."""
    code = code_of(run)
    return Outcome(run, code, explain(run, aws, key) if code else None)
