"""The composition root on a fake account: a folder of files, and AWS behind every transport it opens."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reconciler.app.desired import load, select
from reconciler.aws.clock import SystemClock
from reconciler.aws.operations import is_mutating
from reconciler.model.desired import DesiredApp
from reconciler.settings import Settings
from tests.fakes.dynamodb import FakeDynamoDB
from tests.fakes.ecs import FakeEcs
from tests.fakes.small import FakeEcr, FakeSts
from tests.fakes.surroundings import FakeSurroundings
from tests.fakes.timeline import Timeline
from tests.fakes.transport import FakeTransport

REPOSITORY = "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/shop"
APP = f"""\
apiVersion: reconciler/v1alpha1
app: shop
environment: production
account: "123456789012"
region: ap-northeast-1
cluster: production
images:
  app: {REPOSITORY}:1
services:
  web:
    image: ${{images.app}}
    desiredCount: 1
    cpu: 256
    memory: 512
    executionRoleArn: arn:aws:iam::123456789012:role/shop
    networkConfiguration:
      subnets: [subnet-0aaa]
"""
MIGRATION = """\
migrations:
  db:
    image: ${images.app}
    command: bin/migrate
    revision: "7"
    cpu: 256
    memory: 512
    executionRoleArn: arn:aws:iam::123456789012:role/shop
    networkConfiguration:
      subnets: [subnet-0aaa]
"""
"""A section for behind APP."""


@dataclass
class Account:
    """A folder, the settings that name it, and every transport that was opened."""

    folder: Path
    timeline: Timeline
    ecs: FakeEcs
    sts: FakeSts
    transports: list[FakeTransport]
    opened: list[tuple[str, str | None, str | None]]
    dynamodb: FakeDynamoDB
    handlers: dict[str, Any]

    @property
    def settings(self) -> Settings:
        return Settings(directory=self.folder)

    def write(self, text: str = APP, place: str = "production/shop") -> None:
        """Write the files of an app."""
        path = self.folder / place / "app.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    @property
    def desired(self) -> DesiredApp:
        """What the files say now."""
        (app,) = select(self.settings, load(self.settings))
        return app

    def sent(self) -> list[str]:
        """Return every operation that was sent, by any transport, and forget them."""
        found = [o for transport in self.transports for o in transport.operations()]
        for transport in self.transports:
            transport.calls.clear()
        return found

    def changed(self) -> list[str]:
        """Return the operations among them that change anything."""
        return [operation for operation in self.sent() if is_mutating(operation)]


@pytest.fixture
def account(tmp_path, monkeypatch):
    """Return an account that has cluster and image; sleeping lets AWS's time pass instead of ours."""
    for name in list(os.environ):
        if name.startswith(("RECONCILER_", "AWS_")):
            monkeypatch.delenv(name)
    timeline = Timeline()
    ecs, ecr, sts = FakeEcs(timeline), FakeEcr(), FakeSts()
    for number in range(1, 4):
        ecr.digests["shop", str(number)] = f"sha256:{number:064x}"
    dynamodb = FakeDynamoDB(timeline, creation_seconds=0.0)
    handlers = {
        "ecs": ecs.handle,
        "ecr": ecr.handle,
        "sts": sts.handle,
        "dynamodb": dynamodb.handle,
        **FakeSurroundings().handlers,
    }
    account = Account(tmp_path / "desired", timeline, ecs, sts, [], [], dynamodb, handlers)

    def transport(region, *, profile=None, endpoint_url=None):
        account.opened.append((region, profile, endpoint_url))
        account.transports.append(FakeTransport(timeline, handlers))
        return account.transports[-1]

    monkeypatch.setattr("reconciler.app.world.BotoTransport", transport)
    monkeypatch.setattr(SystemClock, "sleep", lambda _clock, duration: timeline.advance(duration))
    account.write()
    return account
