"""`job trigger`: a run by hand, once for each idempotency key."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import tasks
from reconciler.cli.apps import API_VERSION, done_document, the_one
from reconciler.cli.complete import complete_job
from reconciler.cli.documents import run_document
from reconciler.cli.durations import DurationType
from reconciler.cli.options import Invocation, option, verb
from reconciler.cli.progress import Progress

if TYPE_CHECKING:
    from reconciler.app.jobs import Asked
    from reconciler.app.outcome import Outcome


@verb("trigger", short_help="Run a job now, once for each key.")
@click.argument("name", shell_complete=complete_job)
@option("--key", metavar="TEXT", help="Idempotency key: the same key never runs twice.")
@option("--reason", default="", metavar="TEXT", help="Why; kept in the journal.")
@option("--wait", is_flag=True, help="Until it has ended, with its log; exits with its code.")
@option("--timeout", type=DurationType(), help="With --wait: how long at most; then exit code 7.")
def command(  # noqa: PLR0913 - one for each flag
    invocation: Invocation,
    *,
    name: str,
    key: str | None,
    reason: str,
    wait: bool,
    timeout: timedelta | None,
) -> int:
    """Run a job now, once for each key, beside its schedule; without --key always anew.

    Without --wait the request is kept, and the controller carries it out. With --wait it is begun at
    once, a controller or not, its log passed on to stdout, and seen to its end: exit code of the
    command, 124 when it ran too long, 125 when it could not start, 6 when its outcome is unknown.
    Ctrl-C leaves the run alone.
    """
    if not wait:
        invocation.without_effect("needs --wait", "--timeout")
    from reconciler.app import jobs  # noqa: PLC0415 - brings boto3
    from reconciler.controller.audience import Audience  # noqa: PLC0415 - as above

    desired = the_one(invocation)
    asked = jobs.Asked(name, key or uuid.uuid4().hex[:12], reason, timeout)
    known = jobs.job_trigger(invocation.settings, desired, asked)
    if not wait:
        _say(invocation, desired.key, asked, known)
        return 0
    asked = replace(asked, is_known=known is not None)
    progress, terminal = Progress(invocation), tasks.Terminal(invocation, stops=False)
    audience = Audience(terminal, terminal)
    with terminal.listening(), progress.alive():
        outcome = jobs.job_wait(invocation.settings, desired, asked, progress.say, audience)
    return _end(invocation, desired.key, asked, terminal, outcome)


def _end(
    invocation: Invocation,
    key: str,
    asked: Asked,
    terminal: tasks.Terminal,
    outcome: Outcome | None,
) -> int:
    """Say how the run ended, or that it goes on, and return the exit code."""
    ran = outcome.code if outcome else None
    if invocation.output.is_json:
        invocation.output.document(_document(key, outcome))
    elif outcome is not None:
        tasks.tell(invocation, terminal, [outcome])
    if ran is None:
        which = asked.run_key
        what = f"{which.address} {which.which}"
        called = [which.name, which.revision]
        tasks.say_it_goes_on(invocation, what, called, f"reconciler -a {key} job")
        if outcome is None:
            invocation.output.note("  it has not begun: a controller begins it")
    return terminal.code if terminal.signal else ran or 0


def _document(key: str, outcome: Outcome | None) -> dict[str, Any]:
    """Make the one JSON document: the run, null before it began, and its last lines once it has ended."""
    diagnosis = outcome.diagnosis if outcome else None
    return {
        "apiVersion": API_VERSION,
        "kind": "JobRun",
        "key": key,
        "run": run_document(outcome.run) if outcome else None,
        "log": list(diagnosis.log_lines) if diagnosis else [],
        "exitCode": outcome.code if outcome else None,
    }


def _say(invocation: Invocation, key: str, asked: Any, known: Any) -> None:
    which = f"{asked.run_key.address} {asked.run_key.revision}"
    said = f"{which} is asked for; the controller begins it"
    if known is not None:
        said = f"{which} was asked for before: it is {known.state}"
    if invocation.output.is_json:
        invocation.output.document(
            done_document(key, said) | {"occurrence": asked.run_key.revision}
        )
    else:
        invocation.output.result(said)
