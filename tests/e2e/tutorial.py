"""Plays docs/tutorial.md: runs its commands and returns it with what they really print.

A `console` block is the second terminal, in one shell's environment. One behind `<!-- terminal 1, until:
TEXT -->` is what the first terminal says until it has said TEXT, or one of `TEXT or TEXT`; a command in it
is started there.
`python -m tests.e2e.tutorial` writes the outputs anew.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from datetime import datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.e2e.stage import COMMAND, Controller, environment, eventually, program

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs" / "tutorial.md"
PORT = "5610"
HOUR, MINUTE, LATER = 3, 10, 9
"""When the nightly job of `desired/` runs in Tokyo, and another hour for it that is written as wide."""
_BLOCK = re.compile(
    r"(?P<before>(?:<!-- terminal 1, until: (?P<until>.+?) -->\n)?```console\n)(?P<body>.*?)(?P<after>```\n)",
    re.DOTALL,
)
_VOLATILE = (
    # Which of a task's states are seen is up to time.
    (r"(?m)^► task \w+ [A-Z]+ \(\d+s\)\n", ""),
    (r"(\b[A-Z][a-z]{2} )?\d{4}-\d\d-\d\d (?=\d\d:\d\d JST)", "DAY "),
    (r"\((\d+[dhms] ?)+\)", "(SPAN)"),
    (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?( UTC|Z|\+00:00)?", "TIME"),
    (r"\d\d:\d\d:\d\d", "TIME"),
    (r"[\w.-]+#[0-9a-f]{32}", "MEMBER"),
    (r"ecs-svc/\d+", "DEPLOYMENT"),
    (r"(✗ .*service/web +|\b(?:held|the last rollout failed): ).*", r"\1REVERTED"),
    (r"\b[0-9a-f]{64}\b", "DIGEST"),
    (r"\b[0-9a-f]{32}\b", "TASK"),
    (r"\b[0-9a-f]{12}\b", "HASH"),
    (r'"pid": \d+', "PID"),
    # How many tasks ECS starts before it gives up, and how the last one's nginx was told, is up to time.
    (r"\b\d+ tasks failed", "SOME tasks failed"),
    (r"(containers: app: 1).*", r"\1"),
    # On a busy machine a pass may see the migration while it runs: one line and one entry more.
    (r"(?m)^.*migration/db .*\brunning\b.*\n", ""),
    # Whether a pass falls into the time of a suspension is up to time.
    (r"(?m)^! production/shop not converged: suspended.*\n", ""),
    # Whether the command or the controller begins a run by hand, and who sees its end, is up to time; so is
    # the lease on its way there and back. That all has converged is what `until` waits for elsewhere.
    (r"(?m)^.*(handed over to|holds the lease now|✔ production/shop converged ).*\n", ""),
    (r"\(epoch \d+\)", "(epoch N)"),
    (r"(?m)^. (production/shop )?job/daily-report +(?!next run).*\n", ""),
    (r"(?m)^\d+( +TIME +gen \d+ +)[\w.-]+", r"N\1HOST"),
    (r" +", " "),
)


def normalised(text: str) -> str:
    """Put words for what differs from run to run."""
    for pattern, word in _VOLATILE:
        text = re.sub(pattern, word, text)
    return text


def schedule(hour: int) -> str:
    """Spell when the nightly job runs."""
    return f"{MINUTE} {hour} * * *"


def quiet_hour(now: datetime) -> int:
    """Return the hour for the nightly job that is six hours away at least, whenever the tutorial is played.

    One of two, both on the same day as that of the documented one.
    """
    local = now.astimezone(ZoneInfo("Asia/Tokyo"))
    return HOUR if time(HOUR, MINUTE) <= local.time() < time(LATER, MINUTE) else LATER


class Player:
    """Two terminals in a fresh copy of the project's folder.

    `hour` is when the nightly job runs in the copy: it must not begin by itself while the tutorial is played.
    """

    def __init__(self, folder: Path, hour: int = HOUR) -> None:
        self.folder, self.hour = folder, hour
        self.first: Controller | None = None
        self._heard = 0
        shutil.copytree(ROOT / "desired", folder / "desired")
        app = folder / "desired" / "production" / "shop" / "app.yaml"
        declared = app.read_text()
        assert schedule(HOUR) in declared
        app.write_text(declared.replace(schedule(HOUR), schedule(hour)))
        (folder / "home").mkdir()
        program = folder / "bin" / "reconciler"
        program.parent.mkdir()
        program.write_text(f"#!{COMMAND[0]}\n{COMMAND[2]}\n")
        program.chmod(0o755)
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port = str(listener.getsockname()[1])
        self.surroundings = environment("", folder / "home")
        for name in [n for n in self.surroundings if n.startswith("AWS_")]:
            del self.surroundings[name]
        self.surroundings["PATH"] = f"{program.parent}{os.pathsep}{os.environ['PATH']}"

    def play(self, document: str) -> str:
        """Return the document with the outputs as they really are."""
        return _BLOCK.sub(self._block, document)

    def end(self) -> None:
        """End the first terminal."""
        if self.first is not None:
            self.first.kill()

    def _block(self, match: re.Match[str]) -> str:
        commands = [line for line in match["body"].splitlines() if line.startswith("$ ")]
        if match["until"]:
            body = self._listen(commands, match["until"])
        else:
            body = "".join(f"{c}\n{self._type(c.removeprefix('$ '))}" for c in commands)
        return match["before"] + self._as_written(body) + match["after"]

    def _as_written(self, text: str) -> str:
        """Put what a reader has in the place of this machine's port, folder and name."""
        for ours, readers in (
            (self.port, PORT),
            (str(self.folder), "/home/you/ecs-reconciler"),
            (f"{socket.gethostname()}#", "laptop#"),
            (schedule(self.hour), schedule(HOUR)),
            (f" {self.hour:02}:{MINUTE} JST", f" {HOUR:02}:{MINUTE} JST"),
        ):
            text = text.replace(ours, readers)
        return text

    def _listen(self, commands: list[str], until: str) -> str:
        """Start a command in the first terminal, if there is one, and hear what it says."""
        for command in commands:
            arguments = self._here(command.removeprefix("$ ")).split()
            arguments[0] = str(self.folder / "bin" / arguments[0])
            log = self.folder / "terminal-1.log"
            self.first = Controller(program(arguments, self.surroundings, self.folder), log)
        assert self.first is not None

        def heard() -> str:
            return self.first.said[self._heard :]

        words = until.split(" or ")
        said = eventually(
            heard, lambda text: any(w in text for w in words) and text.endswith("\n"), limit=60
        )
        self._heard += len(said)
        return "".join(f"{command}\n" for command in commands) + said

    def _type(self, command: str) -> str:
        if command.startswith("export "):
            pairs = (pair.split("=", 1) for pair in self._here(command).split()[1:])
            self.surroundings.update((name, value) for name, value in pairs)
            return ""
        done = subprocess.run(
            ["bash", "-c", self._here(command)],
            cwd=self.folder,
            env=self.surroundings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
            timeout=120,
        )
        return done.stdout

    def _here(self, command: str) -> str:
        return command.replace(PORT, self.port)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        player = Player(Path(scratch))
        try:
            TUTORIAL.write_text(player.play(TUTORIAL.read_text()))
        finally:
            player.end()
    sys.stdout.write(f"{TUTORIAL} has the true outputs now\n")
