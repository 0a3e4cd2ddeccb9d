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
from reconciler.model.names import AppKey
from reconciler.model.run import GuardMode, Run, RunKind, RunState
from reconciler.plan.mask import mask_text
from reconciler.runs.decide import TOOK_TOO_LONG
from reconciler.runs.snapshot import GUARD_CONTAINER
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
            ("log", self.log_source),
        ]
        text = [self.title, *(f"  {name}: {value}" for name, value in facts if value)]
        text += [f"    | {line}" for line in self.log_lines]
        return [*text, f"  next: {self.next_command}"] if self.next_command else text


def explain(run: Run, aws: Aws, key: AppKey = "") -> Diagnosis:
    """Return what is known about a run's end; the log lines are those of its named container.

    `key` is the app's, for the next command: without it only a folder with one app understands it.
    """
    containers = run.facts.get("containers", {})
    stop_code = str(run.facts.get("stopCode", ""))
    stopped_reason = mask_text(str(run.facts.get("stoppedReason", "")))
    log_lines, log_source = log_tail(run, aws)
    return Diagnosis(
        title=f"{run.address} {run.which}: {run.state}"
        + (f" (attempt {run.attempt})" if run.attempt > 1 else ""),
        reason=mask_text(run.reason),
        stop_code=stop_code,
        stopped_reason=stopped_reason,
        exit_codes={n: mask_text(str(c)) for n, c in sorted(containers.items())},
        likely_cause=likely_cause(run),
        log_lines=log_lines,
        log_source=log_source,
        next_command=next_command(run, key),
    )


def story(run: Run, aws: Aws, key: AppKey) -> list[str]:
    """Return the diagnosis as text without its title, for below a line that has said which run."""
    return explain(run, aws, key).lines()[1:]


_SIGNS = (
    # (what ECS says, what it usually means): AmazonECS stopped-task-error-codes
    (TOOK_TOO_LONG, "it ran longer than its timeout and was stopped: raise timeout in the files"),
    ("CannotPullContainer", "the image or its repository does not exist, or may not be pulled"),
    (
        "ResourceInitializationError",
        "a secret, a log group or the network was out of reach before the container started",
    ),
    ("CannotStartContainer", "the container could not be started: is its command in the image?"),
    ("OutOfMemory", "the container used more memory than it may: raise memory"),
    ("RESOURCE:", "the cluster has no room for the task"),
    ("AccessDenied", "a permission is missing"),
    ("not authorized", "a permission is missing"),
    ("SpotInterruption", "a Spot interruption: run migrations without Spot"),
    ("Host EC2", "the instance that ran the task was terminated"),
)

_CODES = {
    137: "killed: out of memory, or by somebody from outside",
    143: "terminated from outside before it had finished",
    127: "the command was not found in the image",
    126: "the command is not executable",
    139: "the program crashed (segmentation fault)",
}


def likely_cause(run: Run) -> str:
    """Return the most likely cause in words, empty when the log has to tell."""
    containers = run.facts.get("containers", {})
    if containers.get(GUARD_CONTAINER) not in (None, 0):
        return _guards_cause(containers[GUARD_CONTAINER])
    texts = [run.reason, str(run.facts.get("stoppedReason", "")), *map(str, containers.values())]
    said = " ".join(texts)
    for sign, meaning in _SIGNS:
        if sign in said:
            return meaning
    return _CODES.get(run.exit_code, "") if run.exit_code is not None else ""


def _guards_cause(code: Any) -> str:
    if code == 74:  # noqa: PLR2004 - EX_IOERR, the guard's word for an unreachable table
        return (
            "the guard could not reach the claims table: the task role needs dynamodb:UpdateItem on it, "
            "and the task a route to DynamoDB (docs/guard.md)"
        )
    return "the guard refused to start the command: the run was claimed or revoked before"


def next_command(run: Run, key: AppKey = "") -> str:
    """Return the command a person would type next, empty when none is needed."""
    app = f"-a {key} " if key else ""
    verb = f"reconciler {app}{run.kind} {{}} {run.name} {run.revision}"
    match run.state:
        case RunState.FAILED if run.kind is not RunKind.MIGRATION:
            return ""
        case RunState.FAILED:
            return f"{verb.format('retry')} --reason '…'  (after mending the cause)"
        case RunState.UNKNOWN:
            what = "the database" if run.kind is RunKind.MIGRATION else "what it was to do"
            how = f"--as succeeded|failed --reason '…'  (after a look at {what})"
            return f"{verb.format('resolve')} {how}"
        case _:
            return ""


def log_tail(run: Run, aws: Aws, limit: int = LOG_LINES) -> tuple[tuple[str, ...], str]:
    """Return the last log lines of the run's container, masked, and where they are from or why none."""
    if run.task_arn is None:
        return (), "no task is known"
    try:
        arn = run.request["taskDefinition"]
        answer = aws.call("ecs", "DescribeTaskDefinition", taskDefinition=arn)
        place, why = place_of(answer.get("taskDefinition", {}), run.container, run.task_arn)
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
