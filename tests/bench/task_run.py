"""The same tasks by `aws ecs run-task` + `aws ecs wait tasks-stopped`, and by `task run`: what each reports.

Run by hand: `python -m tests.bench.task_run`; needs the AWS CLI. Everything is on the embedded AWS, whose
containers are real processes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

from reconciler.local.sample import sample_images
from reconciler.local.server import EmbeddedAws
from reconciler.source.folder import load_folder
from tests.e2e.tool import FILES
from tests.local.hours import midweek

LARGE = (
    "i=0; while [ $i -lt 100 ]; do i=$((i+1)); head -c 104856 /dev/zero | tr '\\0' x; echo; done"
)


@dataclass(frozen=True)
class Case:
    """One task, and what the world does to it."""

    name: str
    script: str
    before: Callable[[EmbeddedAws], None] = lambda _: None
    after: Callable[[EmbeddedAws], None] = lambda _: None
    kills: bool = False


CASES = (
    Case("exit 0", "echo done"),
    Case("exit 3", "echo broken; exit 3"),
    Case(
        "image cannot be pulled",
        "echo never",
        lambda aws: aws.engine.refuse_image("1", "pull access denied"),
        lambda aws: aws.engine.refuse_image("1", ""),
    ),
    Case(
        "no room in the cluster",
        "echo never",
        lambda aws: aws.engine.fail_placement("RESOURCE:MEMORY", times=1),
    ),
    Case("killed", "echo up; sleep 60", kills=True),
    Case("200,000 lines", "seq 1 200000"),
    Case("10 MB", LARGE),
)


@dataclass(frozen=True)
class Ended:
    """How a command ended: its code, what it printed of the task's log, and how long it took."""

    code: int
    out: bytes
    seconds: float


class Bench:
    """One embedded AWS and both tools."""

    def __init__(self, aws: EmbeddedAws, folder: Path) -> None:
        self.aws, self.folder = aws, folder
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "RECONCILER_"))}
        self.environment = clean | {
            "AWS_ENDPOINT_URL": aws.endpoint_url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "ap-northeast-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def reconciler(self, case: Case) -> Ended:
        """Run it by `task run`."""
        program = "from reconciler.cli import main; main()"
        command = [sys.executable, "-c", program, "-C", str(self.folder), "task", "run"]
        return self._end([*command, "--from", "service/web", "--", "sh", "-c", case.script], case)

    def aws_cli(self, case: Case) -> Ended:
        """Run it by `aws ecs run-task`, then wait, as a script with `set -e` does."""
        override = {"name": "web", "command": ["sh", "-c", case.script]}
        began = time.monotonic()
        started = self._run(
            "run-task",
            "--task-definition=tool-production-web",
            f"--overrides={json.dumps({'containerOverrides': [override]})}",
            "--network-configuration=awsvpcConfiguration={subnets=[subnet-0aaa]}",
            "--launch-type=FARGATE",
        )
        if started.returncode:
            return Ended(started.returncode, b"", time.monotonic() - began)
        arns = [task["taskArn"] for task in json.loads(started.stdout)["tasks"]]
        if not arns:  # `failures[]`, and code 0: a script goes on
            return Ended(0, b"", time.monotonic() - began)
        waiting = self._end(["aws", "ecs", "wait", "tasks-stopped", "--cluster=production",
                             "--tasks", *arns], case)  # fmt: skip
        return Ended(waiting.code, b"", time.monotonic() - began)

    def _run(self, operation: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            ["aws", "ecs", operation, "--cluster=production", *arguments],
            env=self.environment,
            capture_output=True,
            check=False,
        )

    def _end(self, command: list[str], case: Case) -> Ended:
        began = time.monotonic()
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = subprocess.Popen(command, env=self.environment, stdout=out, stderr=err)
            if case.kills:
                self._kill()
            code = process.wait(600)
            out.seek(0)
            return Ended(code, out.read(), time.monotonic() - began)

    def _kill(self) -> None:
        """Kill the task's process once it runs."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            running = self.aws.engine.tasks(lambda task: task.last_status == "RUNNING")
            if running:
                self.aws.engine.kill_task(running[0].arn)
                return
            time.sleep(0.1)


def main() -> None:
    """Run every case with both, and print a table."""
    if shutil.which("aws") is None:
        click.echo("the AWS CLI is not installed", err=True)
        sys.exit(2)
    with (
        tempfile.TemporaryDirectory() as name,
        EmbeddedAws(images=sample_images(), clock=midweek()) as aws,
    ):
        folder = Path(name) / "desired"
        (folder / "production" / "tool").mkdir(parents=True)
        (folder / "production" / "tool" / "app.yaml").write_text(FILES)
        aws.seed(load_folder(folder).apps.values())
        bench = Bench(aws, folder)
        bench.reconciler(Case("warm up", "true"))  # the family exists from here on
        click.echo(f"{'task':<24} {'aws: code':>10} {'seconds':>8}   {'task run: code':>14} "
                   f"{'seconds':>8} {'lines':>8} {'bytes':>10}")  # fmt: skip
        for case in CASES:
            case.before(aws)
            theirs = bench.aws_cli(case)
            case.after(aws)
            case.before(aws)
            ours = bench.reconciler(case)
            case.after(aws)
            lines = ours.out.count(b"\n")
            click.echo(f"{case.name:<24} {theirs.code:>10} {theirs.seconds:>8.1f}   {ours.code:>14} "
                       f"{ours.seconds:>8.1f} {lines:>8} {len(ours.out):>10}")  # fmt: skip


if __name__ == "__main__":
    main()
