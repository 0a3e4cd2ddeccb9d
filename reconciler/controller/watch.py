"""The desired folder as a source: it says which apps to look at when the files change.

Started by `loop`, asked by `reconcile` for the last good state. Reading YAML is `source.folder`, when to
believe it `reading`, what is kept when it is bad `snapshot`. inotify only wakes us up; a rescan finds
what it misses (network file systems, a folder that was replaced, no inotify at all).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import watchfiles

from reconciler.controller.reading import Reading, Settling, Step, Timing, read
from reconciler.controller.snapshot import Snapshot, changed, merge
from reconciler.model.clock import Clock
from reconciler.model.desired import DesiredApp
from reconciler.model.errors import InvalidDesiredState, PermanentError, ReconcilerError
from reconciler.model.names import AppKey
from reconciler.source.files import is_desired_file
from reconciler.source.folder import Loaded

log = logging.getLogger(__name__)

WATCH_STEP_MS = 50
WATCH_DEBOUNCE_MS = 400


class DesiredSource(Protocol):
    """Where desired state comes from, as the loop sees it."""

    def snapshot(self) -> Snapshot:
        """Return the last good state of every app and what is wrong with the newest files."""

    def start(self, on_change: Callable[[frozenset[AppKey]], None]) -> None:
        """Read, then tell of all apps and, from then on, of those that changed."""

    def stop(self) -> None:
        """Tell nothing more."""


class FolderSource:
    """A folder of YAML. `refresh` belongs to one thread at a time; everything else to any."""

    def __init__(
        self,
        root: Path,
        load: Callable[[Path], Loaded],
        clock: Clock,
        timing: Timing | None = None,
    ) -> None:
        self._root = root
        self._load = load
        self._clock = clock
        self._timing = timing or Timing()
        self._snapshot = Snapshot()
        self._accepted = ""
        self._stale_lock = ""
        self._blind = False
        self._stopping = threading.Event()

    def snapshot(self) -> Snapshot:
        """Return the last good state of every app and what is wrong with the newest files."""
        return self._snapshot

    def current(self) -> Loaded:
        """Return the last good state in the form in which it was loaded."""
        snapshot = self._snapshot
        return Loaded(
            apps=snapshot.apps,
            diagnostics=snapshot.diagnostics,
            broken={},
            broken_keys=frozenset(snapshot.broken),
        )

    def desired(self, key: AppKey) -> DesiredApp:
        """Return the last good state of `key`.

        Raises InvalidDesiredState when its files are wrong and never were good, PermanentError when
        the folder never named it.
        """
        snapshot = self._snapshot
        app = snapshot.apps.get(key)
        if app is not None:
            return app
        if key in snapshot.broken:
            raise InvalidDesiredState(snapshot.broken[key])
        raise PermanentError(f"{key}: no such app in {self._root}")

    def problem(self, key: AppKey) -> str:
        """Say in one line why the last good state of `key` is not what the files say; empty if it is."""
        snapshot = self._snapshot
        if snapshot.problem:
            return f"{snapshot.problem}: the last good state stays"
        if key in snapshot.vanished:
            return f"its folder is gone from {self._root}: left alone, nothing is deleted"
        found = snapshot.broken.get(key)
        if found is None:
            return ""
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        what = f"{found[0]}{more}" if found else "the files are wrong"
        return f"{what}: the last good state stays"

    def refresh(self) -> frozenset[AppKey]:
        """Read the folder unless it is as it was; return the apps to look at.

        Takes a debounce or two when something changed, at most `Timing.settle`.
        """
        reading = read(self._root)
        if reading.fingerprint == self._accepted:
            return frozenset()
        before = self._snapshot
        accepted, loaded, problem = self._settled(reading)
        self._accepted = accepted
        self._snapshot = merge(before, loaded, problem)
        return changed(before, self._snapshot)

    def start(self, on_change: Callable[[frozenset[AppKey]], None]) -> None:
        """Read, tell of all apps, then watch in a thread of its own until `stop`."""
        self.refresh()
        on_change(self._snapshot.keys())
        threading.Thread(
            target=self.run, args=(on_change,), name="watch desired state", daemon=True
        ).start()

    def stop(self) -> None:
        """Tell nothing more; the thread ends soon."""
        self._stopping.set()

    def run(self, on_change: Callable[[frozenset[AppKey]], None]) -> None:
        """Watch until `stop`: the body of the thread."""
        while not self._stopping.is_set():
            for _ in self._wakes():
                if self._stopping.is_set():
                    return
                before = self._snapshot
                keys = self.refresh()
                if self._snapshot != before:
                    on_change(keys)

    def _settled(self, reading: Reading) -> tuple[str, Loaded | None, str]:
        """Return (fingerprint, what was loaded or None, the problem) once the folder is at rest."""
        settling = Settling(self._timing, self._clock.boot_seconds(), self._stale_lock)
        loaded: Loaded | None = None
        problem = ""
        while True:
            step = settling.feed(reading, self._clock.boot_seconds())
            if step is Step.ACCEPT:
                self._stale_lock = settling.stale_lock
                return reading.fingerprint, loaded, problem
            if step is Step.GIVE_UP:
                return "", None, f"{self._root} does not come to rest"
            if step is Step.WAIT:
                self._clock.sleep(self._timing.debounce)
            elif reading.problem:
                loaded, problem = None, reading.problem
            else:
                loaded, problem = self._loaded()
            reading = read(self._root)

    def _loaded(self) -> tuple[Loaded | None, str]:
        try:
            return self._load(self._root), ""
        except (OSError, ReconcilerError) as error:
            return None, str(error)
        except Exception as error:
            # The watcher must outlive a bug of the loader.
            log.debug("traceback of the internal error", exc_info=error)
            return (
                None,
                f"internal error while reading {self._root}: {type(error).__name__}: {error}",
            )

    def _wakes(self) -> Iterator[None]:
        """Yield whenever it may be worth looking: on events, and at each rescan without any."""
        try:
            identity = _identity(self._root)
            for _ in watchfiles.watch(
                self._root,
                watch_filter=_may_matter,
                debounce=WATCH_DEBOUNCE_MS,
                step=WATCH_STEP_MS,
                stop_event=self._stopping,
                rust_timeout=int(self._timing.rescan.total_seconds() * 1000),
                yield_on_timeout=True,
                raise_interrupt=False,
            ):
                self._blind = False
                yield
                if _identity(self._root) != identity:
                    return  # another folder has its name now: watch that one
        except (OSError, RuntimeError) as error:
            if not self._blind:
                self._blind = True
                log.warning(
                    "cannot watch %s (%s): it is read every %.0fs instead",
                    self._root,
                    error,
                    self._timing.rescan.total_seconds(),
                )
            self._stopping.wait(self._timing.rescan.total_seconds())
            yield


def _may_matter(_: watchfiles.Change, path: str) -> bool:
    """Let names through that can be desired state, and folders (which have no suffix)."""
    name = Path(path).name
    return is_desired_file(name) or ("." not in name and not name.startswith("#"))


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino
