"""A storm of `once` processes on one key: many starts, random kill -9, and an operator who looks before he settles."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-m", "reconciler.runs.once"]
COMMAND = """
import fcntl, os, sys, time
def note(word):
    with open("count", "a") as file:
        file.write(f"{word} {os.getppid()}\\n")
lock = open("lock", "a")
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    note("overlap")
note("start")
time.sleep(float(sys.argv[1]))
while os.path.exists("raging"):
    time.sleep(0.05)
note("ok")
"""
"""Counts its own starts and successes; a lock that dies with it tells of a second one beside it.

It does not succeed before the storm has spent itself: on a fast machine nobody would be left to kill.
"""
LIMIT = 170.0
_WAVE = 5


class Storm:
    """One key, its processes, and what the command has counted."""

    def __init__(self, surroundings: dict[str, str], folder: Path, key: str, seed: int) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.surroundings = surroundings | {"PYTHONPATH": str(ROOT), "AWS_REGION": "ap-northeast-1"}
        self.key, self.chance = key, random.Random(seed)
        self.living: list[subprocess.Popen] = []
        self.codes: list[int] = []
        self.kills = self.kills_of_holders = self.settlements = 0

    def words(self, word: str) -> list[int]:
        """Return the processes that have counted this word."""
        file = self.folder / "count"
        lines = file.read_text().splitlines() if file.exists() else []
        return [int(line.split()[1]) for line in lines if line.startswith(f"{word} ")]

    def start(self, seconds: float) -> None:
        """Start one more."""
        flags = ["--key", self.key, "--lease", "5s", "--wait", "60s", "--on-failure", "retry", "-q"]
        command = [sys.executable, "-c", COMMAND, str(seconds)]
        self.living.append(
            subprocess.Popen(
                [*PROGRAM, *flags, "--", *command],
                env=self.surroundings, cwd=self.folder, stderr=subprocess.DEVNULL,
            )
        )  # fmt: skip

    def collect(self) -> None:
        """Collect the codes of those that have ended by themselves."""
        for process in list(self.living):
            code = process.poll()
            if code is not None:
                self.living.remove(process)
                self.codes.append(code)

    def kill_one(self) -> None:
        """Kill -9 one of them: every second time the one whose command was started last, if it lives."""
        holders = [p for p in self.living if p.pid in self.words("start")[-1:]]
        chosen = (
            holders[0]
            if holders and self.chance.random() < 0.5
            else self.chance.choice(self.living)
        )
        self.kills_of_holders += chosen in holders
        self.kills += 1
        chosen.kill()
        chosen.wait()
        self.living.remove(chosen)

    def settle(self) -> None:
        """Be the operator: look whether the command has succeeded, and say so."""
        word = "done" if self.words("ok") else "retry"
        self.settlements += 1
        subprocess.run(
            [*PROGRAM, "--key", self.key, "--resolve", word, "--reason", "looked", "-q"],
            env=self.surroundings, cwd=self.folder, check=False, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def show(self) -> int:
        """Return the code of --show: 0 done, 1 free, 5 running, 6 failed or unknown."""
        done = subprocess.run(
            [*PROGRAM, "--key", self.key, "--show", "-q"],
            env=self.surroundings, cwd=self.folder, check=False, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        return done.returncode

    def rage(self, processes: int, kills: int, seconds: float = 0.5) -> None:
        """Start so many, kill so many of them, settle what becomes unknown, until the key is done."""
        raging = self.folder / "raging"
        raging.touch()
        for _ in range(processes):
            self.start(seconds)
        ends = time.monotonic() + LIMIT
        while self.living or self.show() != 0:
            assert time.monotonic() < ends, f"{len(self.living)} left, codes {self.codes}"
            self.collect()
            if self.living and self.kills < kills:
                self.kill_one()
            if self.kills >= kills:
                raging.unlink(missing_ok=True)
            if not self.living and self.show() != 0:
                # Everybody was killed, or has ended with 6: the operator looks, and some more are started.
                self.settle()
                for _ in range(_WAVE):
                    self.start(seconds)
            time.sleep(0.1)

    def check(self) -> None:
        """Hold what the storm is about: one success, never two at a time, and codes of waiting or done."""
        assert len(self.words("ok")) == 1
        assert self.words("overlap") == []
        # 125: its confirmation had no answer for half of the short lease, and nothing was run.
        assert set(self.codes) <= {0, 5, 6, 125}, self.codes

    def end(self) -> None:
        """Kill what is left."""
        for process in self.living:
            process.send_signal(signal.SIGKILL)
            process.wait()
