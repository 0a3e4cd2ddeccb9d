"""What `diff` of many services in sync costs in calls and processor time: `python -m tests.bench.diff`.

AWS is the fake account, which answers at once, so what is measured is ours: reading the files, taking
answers in, planning, rendering. The ratio compares a hundred services with ten: 1.0 is linear.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import click

from reconciler.controller.reconcile import run_keys
from reconciler.model.desired import DesiredApp
from reconciler.plan.planner import make_plan
from reconciler.plan.render import as_text
from reconciler.resources.observe import Observer
from reconciler.source.folder import load_folder
from tests.controller.lab import KEY, Controller, Lab
from tests.plan.builders import ACCOUNT, REPOSITORY

ROUNDS = 7
HEADER = f"""\
apiVersion: reconciler/v1alpha1
app: shop
environment: production
account: "{ACCOUNT}"
region: ap-northeast-1
cluster: production
images:
  app: {REPOSITORY}:1
defaults:
  cpu: 512
  memory: 1GB
  executionRoleArn: arn:aws:iam::{ACCOUNT}:role/shop-execution
  networkConfiguration:
    subnets: [subnet-0aaa, subnet-0bbb]
    securityGroups: [sg-0123]
containers:
  rails:
    image: ${{images.app}}
    environment:
      RAILS_ENV: production
      LOG_LEVEL: info
    secrets:
      DATABASE_URL: /shop/production/DATABASE_URL
services:
"""
SERVICE = """\
  s{number}:
    from: rails
    command: bundle exec sidekiq -q queue{number}
    desiredCount: 1
"""


def write(folder: Path, count: int) -> None:
    """Write an app of so many services."""
    place = folder / "production" / "shop"
    place.mkdir(parents=True, exist_ok=True)
    services = "".join(SERVICE.format(number=number) for number in range(count))
    (place / "app.yaml").write_text(HEADER + services, "utf-8")


def read(folder: Path) -> DesiredApp:
    """Read the app that `write` wrote."""
    return load_folder(folder).apps[KEY]


def converged(folder: Path, count: int) -> tuple[Controller, DesiredApp]:
    """Return a controller whose app of so many services is in sync."""
    lab = Lab()
    controller = Controller(lab, "a")
    # Little by little: in virtual time nobody beats while a pass waits for AWS's request quotas.
    for so_far in (*range(4, count, 4), count):
        write(folder, so_far)
        lab.files = read(folder)
        controller.settle(200)
        lab.go_on(10)
    return controller, lab.files


def cpu(work: Callable[[], object]) -> float:
    """Return the median processor seconds of `work`."""
    seconds = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        work()
        seconds.append(time.process_time() - begun)
    return statistics.median(seconds)


def measure(count: int) -> tuple[dict[str, float], Counter[str]]:
    """Return the processor milliseconds per service of each part of `diff`, and the calls of one."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        controller, desired = converged(folder, count)
        files = cpu(lambda: read(folder))

    def look() -> str:
        ledger = controller.store.read(run_keys(desired))
        observed = Observer().observe(controller.aws, desired, ledger)  # as a process that begins
        return as_text(make_plan(desired, observed), desired=desired)

    controller.transport.calls.clear()
    said = look()
    if "in sync" not in said or "update" in said:
        raise SystemExit(f"not in sync:\n{said}")
    calls = Counter(
        f"{service}:{operation}" for service, operation, _ in controller.transport.calls
    )
    parts = {"files": files, "observe, plan, render": cpu(look)}
    return {part: seconds / count * 1000 for part, seconds in parts.items()}, calls


def main() -> int:
    """Measure ten and a hundred services, print what one of them costs."""
    few, _ = measure(10)
    many, calls = measure(100)
    for part, milliseconds in many.items():
        ratio = milliseconds / few[part]
        click.echo(f"{part:<24} {milliseconds:6.2f} ms a service, {ratio:.2f} of the cost with ten")
    click.echo("calls with a hundred: " + ", ".join(f"{n} {c}" for n, c in sorted(calls.items())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
