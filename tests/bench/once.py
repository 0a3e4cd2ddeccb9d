"""How long `once` takes to the start of its command, against a Python that does nothing: `make bench`.

The single file on the embedded AWS, the two commands in turn, so that a busy machine slows both alike. The command
writes the moment at which it runs; both clocks are the machine's.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from reconciler.local.server import EmbeddedAws
from tests.local.hours import midweek

ROUNDS = 20
BUILD = Path(__file__).parents[2] / ".ci" / "once"


def plain() -> float:
    """Return the seconds of a Python that starts and ends."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-I", "-c", "pass"], check=True)
    return time.perf_counter() - begun


def to_the_start(program: list[str], environment: dict[str, str], key: str, mark: Path) -> float:
    """Return the seconds from starting `once` to the start of its command."""
    script = f'date +%s.%N > "{mark}"'
    begun = time.time()
    subprocess.run(
        [*program, "--key", key, "-q", "--", "/bin/sh", "-c", script],
        env=environment,
        check=True,
    )
    return float(mark.read_text()) - begun


def main() -> int:
    """Measure both programs and print medians and ratios."""
    with tempfile.TemporaryDirectory() as place, EmbeddedAws(clock=midweek()) as aws:
        folder = Path(place)
        file = folder / "reconciler-once"
        subprocess.run(
            [sys.executable, str(BUILD), str(file)], check=True, stdout=subprocess.DEVNULL
        )
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "RECONCILER_"))}
        environment = clean | {
            "AWS_ENDPOINT_URL": aws.endpoint_url, "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "ap-northeast-1",
        }  # fmt: skip
        programs = {
            "reconciler-once": [sys.executable, str(file)],
            "reconciler once": [
                sys.executable,
                "-c",
                "from reconciler.cli import main; main()",
                "once",
            ],
        }
        seconds: dict[str, list[float]] = {name: [] for name in ("python -c pass", *programs)}
        for number in range(ROUNDS + 1):
            for name, program in programs.items():
                found = to_the_start(program, environment, f"{name} {number}", folder / "mark")
                seconds[name].append(found)
            seconds["python -c pass"].append(plain())
        _say(
            {name: found[1:] for name, found in seconds.items()}
        )  # the first round makes the table
    return 0


def _say(seconds: dict[str, list[float]]) -> None:
    base = statistics.median(seconds["python -c pass"])
    for name, found in seconds.items():
        middle = statistics.median(found)
        line = f"{name:<16} median {middle * 1000:6.1f} ms of {len(found)}"
        sys.stdout.write(f"{line}, {middle / base:.1f} times python -c pass\n")


if __name__ == "__main__":
    sys.exit(main())
