# ruff: noqa: INP001 - a script, not a package
"""Measure how long the command line takes to answer, against what importing boto3 alone costs.

Run: `python benchmarks/startup.py [RUNS]`. Prints medians and the ratio to the limit, which is the
start of an interpreter plus 0.3 of `import boto3`. Ends with 1 when the limit is broken.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SHARE = 0.3
RECONCILER = [sys.executable, "-c", "from reconciler.cli import main; main()"]
COMPLETE = {
    "_RECONCILER_COMPLETE": "bash_complete",
    "COMP_WORDS": "reconciler -a ",
    "COMP_CWORD": "2",
}
APP = "app: shop\nenvironment: production\nservices:\n  web: {}\n"


def took(command: list[str], extra: dict[str, str], folder: Path) -> float:
    """Return the wall-clock seconds of a command."""
    environment = {**os.environ, **extra, "RECONCILER_DIR": str(folder)}
    begun = time.perf_counter()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)  # noqa: S603
    return time.perf_counter() - begun


def medians(folder: Path, runs: int) -> dict[str, float]:
    """Measure all commands in turn, so that a busy machine slows all of them alike."""
    commands: dict[str, tuple[list[str], dict[str, str]]] = {
        "interpreter": ([sys.executable, "-c", "pass"], {}),
        "import boto3": ([sys.executable, "-c", "import boto3"], {}),
        "--help": ([*RECONCILER, "--help"], {}),
        "diff --help": ([*RECONCILER, "diff", "--help"], {}),
        "completion": (RECONCILER, COMPLETE),
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, (command, extra) in commands.items():
            seconds[name].append(took(command, extra, folder))
    return {name: statistics.median(values) for name, values in seconds.items()}


def main() -> int:
    """Measure, write one line for each command, return the exit code."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "shop").mkdir()
        (folder / "shop" / "app.yaml").write_text(APP, "utf-8")
        found = medians(folder, runs)
    interpreter, boto3 = found.pop("interpreter"), found.pop("import boto3")
    limit = interpreter + SHARE * boto3
    sys.stdout.write(f"interpreter  {interpreter * 1000:6.0f} ms\n")
    sys.stdout.write(f"import boto3 {boto3 * 1000:6.0f} ms   limit {limit * 1000:.0f} ms\n")
    for name, seconds in found.items():
        share = (seconds - interpreter) / boto3
        line = f"{name:<12} {seconds * 1000:6.0f} ms   {share:.2f} of boto3"
        sys.stdout.write(f"{line}, {seconds / limit:.2f} of the limit\n")
    return 0 if max(found.values()) <= limit else 1


if __name__ == "__main__":
    sys.exit(main())
