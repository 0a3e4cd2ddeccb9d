"""Why a run ended as it did, for a person: what ECS said, the last log lines, what to type next.

Called by `migration status` and by whoever shows a failed or unknown run. Read only; what cannot be
read (no permission, no such stream) is said, never raised.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.aws.door import Aws
from reconciler.model.errors import AwsError
from reconciler.model.names import AppKey, last_part
from reconciler.model.run import GUARD_CONTAINER, GuardMode, Run, RunKind, RunState
from reconciler.plan import run_commands
from reconciler.plan.causes import Cause, cause_of
from reconciler.plan.mask import mask_text
from reconciler.runs.actions import TOOK_TOO_LONG
from reconciler.runs.outcome import timed_out
from reconciler.runs.task_log import place_of, tail

LOG_LINES = 20


@dataclass(frozen=True)
class Diagnosis:
    """What is known about a run. Everything is masked already.

    `exit_codes` maps each container to its code, or to what ECS says in its place.
    """

    title: str
    reason: str
    stop_code: str
    stopped_reason: str
    exit_codes: Mapping[str, str]
    likely_cause: str
    advice: str
    log_lines: tuple[str, ...]
    log_source: str
    """The log group and stream, or why there are no lines."""
    next_command: str

    def lines(self) -> list[str]:
        """Return the diagnosis as text, one fact a line."""
        facts = [
            ("reason", self.reason),
            ("stop code", self.stop_code),
            ("ECS says", self.stopped_reason),
            ("containers", ", ".join(f"{n}: {c}" for n, c in self.exit_codes.items())),
            ("likely cause", self.likely_cause),
            ("what helps", self.advice),
            ("log", self.log_source),
        ]
        text = [self.title, *(f"  {name}: {value}" for name, value in facts if value)]
        text += [f"    | {line}" for line in self.log_lines]
        return [*text, f"  next: {self.next_command}"] if self.next_command else text


def explain(run: Run, aws: Aws, key: AppKey = "") -> Diagnosis:
    """Return what is known about a run's end; the log lines are those of its named container.

    `key` is the app's, for the next command: without it only a folder with one app understands it.
    """
    stop_code = str(run.facts.get("stopCode", ""))
    stopped_reason = mask_text(str(run.facts.get("stoppedReason", "")))
    log_lines, log_source = log_tail(run, aws)
    cause = _cause(run)
    return Diagnosis(
        title=f"{run.address} {run.which}: {run.state}"
        + (f" (attempt {run.attempt})" if run.attempt > 1 else ""),
        reason=mask_text(run.reason),
        stop_code=stop_code,
        stopped_reason=stopped_reason,
        exit_codes=exit_codes(run),
        likely_cause=cause.meaning if cause else "",
        advice=cause.advice if cause else "",
        log_lines=log_lines,
        log_source=log_source,
        next_command=next_command(run, key),
    )


def exit_codes(run: Run) -> dict[str, str]:
    """Return what ECS said of each container at the end: its code, or why it has none. Masked."""
    containers = run.facts.get("containers", {})
    return {name: mask_text(str(said)) for name, said in sorted(containers.items())}


def story(run: Run, aws: Aws, key: AppKey) -> list[str]:
    """Return the diagnosis as text without its title, for below a line that has said which run."""
    return explain(run, aws, key).lines()[1:]


def _cause(run: Run) -> Cause | None:
    containers = run.facts.get("containers", {})
    if containers.get(GUARD_CONTAINER) not in (None, 0):
        return _guards_cause(containers[GUARD_CONTAINER])
    texts = [run.reason, str(run.facts.get("stoppedReason", "")), *map(str, containers.values())]
    if timed_out(run):
        texts.append(TOOK_TOO_LONG)
    # Of a signal that we asked for nobody has to be looked for.
    return cause_of(" ".join(texts), None if run.stop_asked else run.exit_code)


def _guards_cause(code: Any) -> Cause:
    if code == 74:  # noqa: PLR2004 - EX_IOERR, the guard's word for an unreachable table
        return Cause(
            (),
            "the guard could not reach the claims table: the task role needs dynamodb:UpdateItem on it, "
            "and the task a route to DynamoDB (docs/guard.md)",
            "reconciler doctor --iam-policy --role guard",
            "docs/guard.md",
        )
    return Cause(
        (),
        "the guard refused to start the command: the run was claimed or revoked before",
        "",
        "docs/guard.md",
    )


def next_command(run: Run, key: AppKey = "") -> str:
    """Return the command a person would type next, empty when none is needed."""
    match run.state:
        case RunState.FAILED if run.unfinished:
            return ""  # the next attempt follows by itself
        case RunState.FAILED if run.kind is RunKind.TASK:
            return _next_of_task(run, key)
        case RunState.FAILED:
            return f"{run_commands.retry(key, run.key)}  (after mending the cause)"
        case RunState.UNKNOWN:
            what = "the database" if run.kind is RunKind.MIGRATION else "what it was to do"
            return f"{run_commands.resolve(key, run.key)}  (after a look at {what})"
        case _:
            return ""


def _next_of_task(run: Run, key: AppKey) -> str:
    """Return what helps: the log of what ran, the checks where it never started."""
    if run.exit_code is None:
        return f"reconciler -a {key} doctor" if key else "reconciler doctor"
    called = last_part(run.task_arn or "") or run.revision
    return run_commands.logs(key, run.key._replace(revision=called))


def log_tail(run: Run, aws: Aws, limit: int = LOG_LINES) -> tuple[tuple[str, ...], str]:
    """Return the last log lines of the run's container, masked, and where they are from or why none."""
    if run.task_arn is None:
        return (), "no task is known"
    arn = str(run.request["taskDefinition"])
    return log_of(aws, arn, run.container, run.task_arn, limit)


def log_of(
    aws: Aws, task_definition: str, container: str, task_arn: str, limit: int = LOG_LINES
) -> tuple[tuple[str, ...], str]:
    """Return the last log lines of a task's container, masked, and where they are from or why none."""
    try:
        answer = aws.call("ecs", "DescribeTaskDefinition", taskDefinition=task_definition)
        place, why = place_of(answer.get("taskDefinition", {}), container, task_arn)
        if place is None:
            return (), why
        lines = tail(aws.in_region(place.region), place, limit)
    except AwsError as error:
        return (), f"no log lines: {mask_text(str(error))}"
    return tuple(mask_text(line) for line in lines), str(place)


def guarantee(mode: GuardMode) -> str:
    """Return in one sentence what a run's mode promises."""
    if mode is GuardMode.CLAIM:
        return "once per revision: the command starts only in the task that holds the claim"
    return (
        "once per revision while ECS remembers the launch (40 minutes); after that it stops and asks: "
        "declare a guard for more"
    )
