"""The stage of the stories: an embedded AWS in this process, the command line in processes of its own."""

from __future__ import annotations

import atexit
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any, TypeAlias, TypeVar

import boto3
from botocore.config import Config

from reconciler.local.sample import starts
from reconciler.local.server import EmbeddedAws
from reconciler.source.folder import load_folder
from tests.e2e.forks import Forked, ForkServer

Seen = TypeVar("Seen")
LIMIT = 45.0
KEY = "production/shop"
CLUSTER = "production"
WEB, SIDEKIQ = "shop-production-web", "shop-production-sidekiq"
TAG, REVISION = "2026.11.22-3f2a91c", "20261122093000"
NEW_TAG, NEW_REVISION = "2026.11.23-9c1d2e4", "20261123101500"
OK, DIFFERENT, INVALID, AWS_ERROR, REFUSED, HELD_LEASE, MIGRATION, TIMED_OUT, UNHEALTHY = range(9)

COMMAND = [sys.executable, "-c", "from reconciler.cli import main; main()"]
READS = (
    "Describe",
    "List",
    "Get",
    "Query",
    "Scan",
    "BatchGet",
    "TransactGet",
    "Filter",
    "Simulate",
)


def eventually(
    look: Callable[[], Seen], wanted: Callable[[Seen], Any] = bool, limit: float = LIMIT
) -> Seen:
    """Look until it is as wanted and return it; fails with what was seen last."""
    deadline = time.monotonic() + limit
    while True:
        seen = look()
        if wanted(seen):
            return seen
        assert time.monotonic() < deadline, f"after {limit:.0f} s still: {seen}"
        time.sleep(0.05)


def environment(endpoint: str, home: Path) -> dict[str, str]:
    """Return a process's environment: nothing of the user's AWS settings, everything to the endpoint."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("RECONCILER_", "AWS_"))}
    for name in ("CI", "GITHUB_ACTIONS", "FORCE_COLOR", "CLICOLOR_FORCE"):
        clean.pop(name, None)
    return clean | {
        "HOME": str(home),
        "TZ": "UTC",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


class Done:
    """A command that has ended."""

    def __init__(self, arguments: tuple[str, ...], code: int, out: str, err: str) -> None:
        self.arguments, self.code, self.out, self.err = arguments, code, out, err

    @property
    def text(self) -> str:
        return self.out + self.err

    @property
    def document(self) -> Any:
        return json.loads(self.out)

    def __repr__(self) -> str:
        return f"{' '.join(self.arguments)} → {self.code}\n{self.out}\n{self.err}"


Process: TypeAlias = subprocess.Popen[bytes] | Forked


def program(
    arguments: Sequence[str], surroundings: Mapping[str, str], folder: Path | None = None
) -> Callable[[IO[bytes]], Process]:
    """Return how to start a program that writes to one stream."""

    def start(stream: IO[bytes]) -> Process:
        return subprocess.Popen(
            arguments,
            cwd=folder,
            env=surroundings,
            stdout=stream,
            stderr=stream,
            stdin=subprocess.DEVNULL,
        )

    return start


@cache
def forks() -> ForkServer:
    """Return this test process's server of command lines."""
    server = ForkServer()
    atexit.register(server.close)
    return server


@cache
def _nothing() -> int:
    return os.open(os.devnull, os.O_RDONLY)


def _content(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read().decode()


class Controller:
    """A `reconciler run` that goes on in its own process; what it says is read from a file."""

    def __init__(self, start: Callable[[IO[bytes]], Process], log: Path) -> None:
        self.log = log
        with log.open("wb") as stream:
            self.process = start(stream)

    @property
    def said(self) -> str:
        return self.log.read_text()

    def until(self, pattern: str, limit: float = LIMIT) -> str:
        """Wait until it has said something that matches; fails at once when it has ended."""

        def look() -> str:
            ended = self.process.poll() is not None
            said = self.said
            assert not ended or re.search(pattern, said), f"ended with {said}"
            return said

        return eventually(look, lambda said: re.search(pattern, said), limit)

    def kill(self) -> None:
        """End it as kill -9 and a power cut do."""
        self.process.kill()
        self.process.wait(10)

    def terminate(self) -> int:
        """Send SIGTERM and return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    @property
    def alive(self) -> bool:
        return self.process.poll() is None


class Going:
    """A command that goes on in a process of its own; stdout and stderr are kept apart."""

    def __init__(self, process: Process, out: Path, err: Path) -> None:
        self.process, self._out, self._err = process, out, err

    @property
    def done(self) -> Done:
        """What it has said so far."""
        code = self.process.poll()
        return Done((), -1 if code is None else code, self._out.read_text(), self._err.read_text())

    def until(self, said: str, limit: float = LIMIT) -> None:
        """Wait until it has said something; fails when it ends before."""

        def look() -> Done:
            ended, done = self.process.poll() is not None, self.done
            assert said in done.text or not ended, done
            return done

        eventually(look, lambda done: said in done.text, limit)

    def signal(self, number: int) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """End it as kill -9 and a power cut do."""
        self.process.kill()
        self.process.wait(10)

    def end(self, limit: float = LIMIT) -> Done:
        """Wait for its end; there is never a traceback."""
        self.process.wait(limit)
        assert "Traceback" not in self.done.text, self.done
        return self.done


class Stage:
    """One embedded AWS, one desired folder, and everything that was started on them."""

    def __init__(self, aws: EmbeddedAws, folder: Path) -> None:
        self.aws, self.folder, self.endpoint = aws, folder, aws.endpoint_url
        self.controllers: list[Controller] = []
        self.going: list[Going] = []
        (folder.parent / "home").mkdir(exist_ok=True)

    # --- the files -------------------------------------------------------------------------------

    @property
    def file(self) -> Path:
        return self.folder / "production" / "shop" / "app.yaml"

    def edit(self, *changes: tuple[str, str], file: Path | None = None) -> None:
        """Replace texts in a file, as an editor does: one rename, never half a file."""
        path = file or self.file
        text = path.read_text()
        for old, new in changes:
            assert old in text, f"{old!r} is not in {path}"
            text = text.replace(old, new)
        self.write(path, text)

    def write(self, path: Path, text: str) -> None:
        """Write a file in one step."""
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}.new")
        new.write_text(text)
        new.replace(path)

    def release(self, tag: str = NEW_TAG, revision: str | None = NEW_REVISION) -> None:
        """Change the tag of both images and the revision: what CI does."""
        text = re.sub(r"(shop(?:-nginx)?):[\w.-]+\n", rf"\1:{tag}\n", self.file.read_text())
        if revision is not None:
            text = re.sub(r'revision: "\w+"', f'revision: "{revision}"', text)
        self.write(self.file, text)

    def migration_says(self, **variables: str) -> None:
        """Give the migration's container environment variables (`MIGRATION_SLEEP`, `MIGRATION_FAIL`)."""
        lines = "".join(f'      {name}: "{value}"\n' for name, value in variables.items())
        text = re.sub(
            r"(  db:\n    from: rails\n)(    environment:\n(?:      .*\n)+)?",
            r"\1",
            self.file.read_text(),
        )
        block = f"    environment:\n{lines}" if lines else ""
        text = text.replace("  db:\n    from: rails\n", f"  db:\n    from: rails\n{block}")
        self.write(self.file, text)

    # --- processes -------------------------------------------------------------------------------

    def surroundings(self, **more: str) -> dict[str, str]:
        return environment(self.endpoint, self.folder.parent / "home") | more

    def cli(self, *arguments: str, limit: float = 90, **more: str) -> Done:
        """Run a command on the folder to its end; there is never a traceback."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            started = self._start(arguments, out, err, **more)
            try:
                code = started.wait(limit)
            finally:
                started.kill()
                started.wait(10)
            texts = [_content(stream) for stream in (out, err)]
        done = Done(arguments, code, *texts)
        assert "Traceback" not in done.text, done
        assert "internal error" not in done.text, done
        return done

    def begin(self, *arguments: str, **more: str) -> Going:
        """Start a command on the folder; whatever still runs at the end of the test is killed."""
        number = len(self.going)
        out, err = (self.folder.parent / f"going-{number}.{name}" for name in ("out", "err"))
        with out.open("wb") as to_out, err.open("wb") as to_err:
            going = Going(self._start(arguments, to_out, to_err, **more), out, err)
        self.going.append(going)
        return going

    def _start(
        self, arguments: Sequence[str], out: IO[bytes], err: IO[bytes], **more: str
    ) -> Forked:
        return forks().start(
            ["-C", self.folder.name, *arguments],
            self.surroundings(**more),
            self.folder.parent,
            [_nothing(), out.fileno(), err.fileno()],
        )

    def controller(self, *options: str, **more: str) -> Controller:
        """Start a controller; it looks at everything every second, and is killed after the test."""
        arguments = ["run", "--resync", "1s", *options]
        log = self.folder.parent / f"controller-{len(self.controllers)}.log"
        controller = Controller(lambda stream: self._start(arguments, stream, stream, **more), log)
        self.controllers.append(controller)
        return controller

    def converge(self, *options: str) -> Done:
        """Run the controller until everything has converged."""
        done = self.cli("run", "--until", "converged", "--resync", "1s", *options)
        assert done.code == 0, done
        return done

    def end(self) -> None:
        """Kill every controller and what else goes on; what one said contains no traceback."""
        for going in self.going:
            going.kill()
        for controller in self.controllers:
            controller.kill()
        for controller in self.controllers:
            assert "Traceback" not in controller.said, controller.said
            assert "internal error" not in controller.said, controller.said

    # --- AWS -------------------------------------------------------------------------------------

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name="ap-northeast-1",
            aws_access_key_id="console",
            aws_secret_access_key="console",
            config=Config(retries={"total_max_attempts": 1}),
        )

    @cached_property
    def ecs(self) -> Any:
        return self.client("ecs")

    def service(self, name: str = WEB) -> dict[str, Any]:
        """Describe a service; an empty document when there never was one."""
        answer = self.ecs.describe_services(cluster=CLUSTER, services=[name], include=["TAGS"])
        return answer["services"][0] if answer["services"] else {}

    def definition(self, name: str = WEB) -> dict[str, Any]:
        """Return the task definition that a service runs."""
        arn = self.service(name)["taskDefinition"]
        return self.ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]

    def seed(self) -> None:
        """Make what the files name and do not make themselves."""
        self.aws.seed(load_folder(self.folder).apps.values())

    def calls(self, target: str = "*") -> list[str]:
        return [str(call) for call in self.aws.faults.calls(target)]

    def mutations(self) -> list[str]:
        """Return the calls seen that change something."""
        return [c for c in self.calls() if not c.partition(":")[2].startswith(READS)]

    # --- the shop --------------------------------------------------------------------------------

    def web_answers(self) -> list[dict[str, Any]]:
        """Ask every running web task through its nginx, as a browser would."""
        group = f"service:{WEB}"
        answers = []
        for task in self.aws.engine.tasks(
            lambda t: t.group == group and t.last_status == "RUNNING"
        ):
            nginx = next(c for c in task.containers if c.name == "nginx")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{nginx.port}/", timeout=5) as got:
                    answers.append(json.loads(got.read()))
            except (OSError, ValueError, HTTPException):
                answers.append({})
        return answers

    def web_versions(self) -> set[str]:
        return {answer.get("version", "") for answer in self.web_answers()}

    @property
    def starts(self) -> list[dict[str, Any]]:
        """Return what the migration processes themselves noted at their start, oldest first."""
        return [dict(e) for e in starts.read(self.aws.data_directory) if e["event"] == "start"]

    def migrations_started(self, tag: str = TAG) -> int:
        """Return how many migration processes of an image tag were ever started."""
        return sum(e["tag"] == tag for e in self.starts)

    def migration_task(self) -> Any:
        """Return the migration's task that runs now, None when none does."""
        tasks = self.aws.engine.tasks(lambda t: "-db:" in t.definition.arn and not t.stopped)
        return tasks[-1] if tasks else None

    # --- the ledger ------------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        done = self.cli("status", "-o", "json")
        assert done.code == 0, done
        return done.document["apps"][0]

    def run_state(self, revision: str = REVISION) -> str:
        """Return the state of a revision's run in the ledger, empty without one."""
        done = self.cli("migration", "list", "-o", "json")
        runs = done.document["apps"][0]["runs"]
        return next((r["state"] for r in runs if r["revision"] == revision), "")

    def entries(self) -> list[dict[str, Any]]:
        """Return the journal, oldest first."""
        done = self.cli("history", "-o", "json", "--oldest-first", "-n", "10000")
        return done.document["apps"][0]["entries"]

    def journal_is_whole(self) -> bool:
        done = self.cli("history", "--verify")
        assert done.code == 0, done
        return "the journal is whole" in done.out
