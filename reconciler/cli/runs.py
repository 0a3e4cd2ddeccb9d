"""What the verbs about runs ask and print alike: `migration`, `job` and `task`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from reconciler.cli.apps import say_one
from reconciler.cli.options import Invocation
from reconciler.cli.output import local_time
from reconciler.cli.prompt import DECLINED, confirmed

if TYPE_CHECKING:  # completion loads verbs: what they only name is not imported
    from reconciler.cli.apps import Outcome
    from reconciler.model.names import AppKey
    from reconciler.model.run import Run

RUN_HEADER = ("STATE", "ATTEMPT", "GUARANTEE", "STARTED", "REASON")


def run_row(run: Run) -> tuple[str, ...]:
    """Return a run as a row of a table: its revision, and what stands under `RUN_HEADER`."""
    return (
        run.revision,
        str(run.state),
        str(run.attempt),
        str(run.mode),
        local_time(run.intent_at.isoformat()),
        run.reason,
    )


def settled(
    invocation: Invocation, key: AppKey, question: str, *, force: bool, record: Callable[[], str]
) -> int:
    """Record a person's word on how a run ended, say so and return the exit code; `force` asks first."""
    if force and not confirmed(invocation, question):
        invocation.output.note("nothing was recorded")
        return DECLINED
    say_one(invocation.output, key, record())
    return 0


def say_tables(
    invocation: Invocation,
    outcomes: Sequence[Outcome[Any]],
    header: tuple[str, ...],
    rows: Callable[[Any], list[tuple[str, ...]]],
    nothing: str,
) -> None:
    """Print a table for each app that gave a result, under its name where there are several."""
    found = [outcome for outcome in outcomes if outcome.result is not None]
    for index, outcome in enumerate(found):
        if index:
            invocation.output.result("")
        if len(outcomes) > 1:
            invocation.output.result(outcome.key)
        table = rows(outcome.result)
        if table:
            invocation.output.table(header, table)
        else:
            invocation.output.result(nothing)
