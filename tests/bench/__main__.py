"""From saving a file to the first AWS call that changes something, on the embedded AWS: `make bench`.

The whole program runs as in `make run`; only the transport is overheard. Each round saves another
desired count of one service, and waits until the app has converged again.
"""

from __future__ import annotations

import os
import shutil
import signal
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

import click

from reconciler.app.embedded import EmbeddedOptions, local
from reconciler.aws.boto import BotoTransport
from reconciler.aws.operations import is_mutating
from reconciler.model.events import Event
from reconciler.settings import Settings

ROUNDS = 20
PATIENCE = 60.0
COUNTS = ("desiredCount: 2", "desiredCount: 3")


class Ear:
    """Notes the first mutating call after each save: to the ledger, and to ECS."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._saved = 0.0
        self.ledger: list[float] = []
        self.ecs: list[float] = []
        self._open: dict[str, list[float]] = {}

    def saved(self) -> None:
        """Start a round."""
        with self._lock:
            self._saved = time.monotonic()
            self._open = {"dynamodb": self.ledger, "ecs": self.ecs}

    def heard(self, service: str, operation: str) -> None:
        """Note a wire attempt; heartbeats are none of ours."""
        if not is_mutating(operation) or operation == "UpdateItem":
            return
        with self._lock:
            times = self._open.pop(service, None)
            if times is not None:
                times.append(time.monotonic() - self._saved)


class Rounds:
    """Saves, waits for convergence, saves again; ends the controller as Ctrl-C would."""

    def __init__(self, file: Path, ear: Ear) -> None:
        self._file = file
        self._ear = ear
        self._converged = threading.Event()
        self.problem = ""

    def on_event(self, event: Event) -> None:
        """Hear what the controller says."""
        if event.message.startswith("converged"):
            self._converged.set()

    def run(self) -> None:
        """Do all rounds: the body of a thread."""
        try:
            self._wait("the first convergence")
            for number in range(ROUNDS):
                self._save(number)
                self._wait(f"round {number + 1}")
        except (TimeoutError, ValueError) as error:
            self.problem = str(error)
        os.kill(os.getpid(), signal.SIGTERM)

    def _wait(self, what: str) -> None:
        if not self._converged.wait(PATIENCE):
            raise TimeoutError(f"{what}: not converged within {PATIENCE:.0f} s")
        self._converged.clear()

    def _save(self, number: int) -> None:
        text = self._file.read_text()
        old, new = COUNTS[number % 2], COUNTS[(number + 1) % 2]
        at = text.rindex(old)
        beside = self._file.with_suffix(".tmp")
        beside.write_text(text[:at] + new + text[at + len(old) :])
        self._ear.saved()
        beside.replace(self._file)


def overhear(ear: Ear) -> None:
    """Let `ear` hear every wire attempt of this process."""
    send = BotoTransport.send

    def sending(self, service, operation, params, before_send):
        ear.heard(service, operation)
        return send(self, service, operation, params, before_send)

    BotoTransport.send = sending


def main() -> int:
    """Measure and print; 1 when some round did not converge."""
    with tempfile.TemporaryDirectory() as folder:
        desired = Path(folder, "desired")
        shutil.copytree("desired", desired)
        ear = Ear()
        overhear(ear)
        rounds = Rounds(desired / "production/shop/app.yaml", ear)
        thread = threading.Thread(target=rounds.run, daemon=True)
        thread.start()
        options = EmbeddedOptions(data_directory=Path(folder, "data"))
        local(Settings(directory=desired), options, say=click.echo, on_event=rounds.on_event)
    if rounds.problem:
        click.echo(rounds.problem, err=True)
        return 1
    for name, times in (("ledger (DynamoDB)", ear.ledger), ("ECS", ear.ecs)):
        click.echo(
            f"save to first mutating call to {name}: median {statistics.median(times):.2f} s, "
            f"worst {max(times):.2f} s of {len(times)}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
