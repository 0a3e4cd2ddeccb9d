"""What the controller's tests put in place of the world: time, members, a source."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from reconciler.controller.snapshot import Snapshot
from reconciler.model.desired import DesiredApp
from reconciler.model.diagnostics import Diagnostic, Origin
from reconciler.model.status import AppStatus, Health, Sync


class VirtualClock:
    """Time that moves only when a test (or `sleep`) moves it."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, tz=UTC)

    def boot_seconds(self) -> float:
        return self.seconds

    def sleep(self, duration: timedelta) -> None:
        self.advance(duration.total_seconds())

    def advance(self, seconds: float) -> None:
        self.seconds += seconds


class RealClock:
    """The machine's time, for tests with threads."""

    def now(self) -> datetime:
        return datetime.now(tz=UTC)

    def boot_seconds(self) -> float:
        return time.monotonic()

    def sleep(self, duration: timedelta) -> None:
        time.sleep(duration.total_seconds())


@dataclass
class View:
    """What a member sees of the others."""

    dead: frozenset[str] = frozenset()
    alive: frozenset[str] = frozenset()
    wants: Mapping[str, str] = field(default_factory=dict)


class FakeMember:
    """A member whose fate the test decides."""

    def __init__(self, member_id: str, calls: list[str]) -> None:
        self.id = member_id
        self.calls = calls
        self.view = View()
        self.join_error: Exception | None = None
        self.beat_error: Exception | None = None
        self.leave_error: Exception | None = None
        self.watched = 0
        self.beaten = threading.Event()

    def join(self) -> None:
        self._do("join", self.join_error)

    def beat(self) -> None:
        self._do("beat", self.beat_error)
        self.beaten.set()

    def watch(self) -> View:
        self.watched += 1
        return self.view

    def leave(self) -> None:
        self._do("leave", self.leave_error)

    def _do(self, what: str, error: Exception | None) -> None:
        self.calls.append(f"{self.id} {what}")
        if error is not None:
            raise error


class FakeSource:
    """A source whose snapshot the test sets."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self.on_change = lambda keys: None
        self.stopped = False

    def snapshot(self) -> Snapshot:
        return self._snapshot

    def start(self, on_change) -> None:
        self.on_change = on_change
        on_change(self._snapshot.keys())

    def stop(self) -> None:
        self.stopped = True

    def change(self, snapshot: Snapshot, keys: frozenset[str]) -> None:
        self._snapshot = snapshot
        self.on_change(keys)


@dataclass(frozen=True)
class PassResult:
    """What a pass gives back."""

    requeue_after: timedelta | None = None
    status: AppStatus | None = None
    under_way: bool = False


def app(key: str, content: str = "c1", folder: str = "", commit: str = "") -> DesiredApp:
    """Build an app that declares nothing."""
    environment, name = key.split("/")
    return DesiredApp(
        key=key,
        app=name,
        environment=environment,
        account="123456789012",
        region="eu-west-1",
        cluster="c",
        folder=folder or key,
        content_hash=content,
        commit=commit,
    )


def snapshot(*keys: str, **more) -> Snapshot:
    """Build a snapshot in which all apps are well."""
    return Snapshot(apps={key: app(key) for key in keys}, **more)


def diagnostic(file: str = "production/shop/app.yaml", message: str = "wrong") -> Diagnostic:
    """Build one mistake."""
    return Diagnostic(Origin(file, 3, 5), message, "rule")


def status(key: str, **more) -> AppStatus:
    """Build the status of a converged app; keyword arguments make it another."""
    fields = {
        "sync": Sync.SYNCED,
        "health": Health.HEALTHY,
        "generation": 1,
        "commit": "",
        "content_hash": "c1",
        "resources": (),
    }
    return AppStatus(key=key, **{**fields, **more})
