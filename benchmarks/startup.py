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


def measured(command: list[str], runs: int, extra: dict[str, str], folder: Path) -> float:
    """Return the median of the wall-clock seconds of a command."""
    environment = {**os.environ, **extra, "RECONCILER_DIR": str(folder)}
    seconds = []
    for _ in range(runs):
        begun = time.perf_counter()
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)  # noqa: S603
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)


def say(line: str) -> None:
    """Write one line of the result."""
    sys.stdout.write(f"{line}\n")


def main() -> int:
    """Measure, print one line for each, return the exit code."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "shop").mkdir()
        (folder / "shop" / "app.yaml").write_text(APP, "utf-8")
        interpreter = measured([sys.executable, "-c", "pass"], runs, {}, folder)
        boto3 = measured([sys.executable, "-c", "import boto3"], runs, {}, folder)
        limit = interpreter + SHARE * boto3
        say(f"interpreter  {interpreter * 1000:6.0f} ms")
        say(f"import boto3 {boto3 * 1000:6.0f} ms   limit {limit * 1000:.0f} ms")
        worst = 0.0
        for label, arguments, extra in (
            ("--help", ["--help"], {}),
            ("diff --help", ["diff", "--help"], {}),
            ("completion", [], COMPLETE),
        ):
            took = measured([*RECONCILER, *arguments], runs, extra, folder)
            worst = max(worst, took / limit)
            share = (took - interpreter) / boto3
            say(
                f"{label:<12} {took * 1000:6.0f} ms   {share:.2f} of boto3, {took / limit:.2f} of the limit"
            )
    return 0 if worst <= 1 else 1


if __name__ == "__main__":
    sys.exit(main())
