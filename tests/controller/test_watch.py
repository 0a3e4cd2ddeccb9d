"""The folder as a source: what it believes, what it keeps, whom it tells."""

from __future__ import annotations

import queue
import shutil
import threading
from datetime import timedelta
from pathlib import Path

import pytest
import watchfiles

from reconciler.controller import watch
from reconciler.controller.reading import Timing
from reconciler.controller.watch import FolderSource
from reconciler.model.errors import InvalidDesiredState, PermanentError
from reconciler.source.folder import Loaded, load_folder
from tests.controller.fakes import RealClock, VirtualClock, app, diagnostic

SHOP, BLOG = "production/shop", "production/blog"


def load(root: Path) -> Loaded:
    """Stand in for the real loader: an app is its file's text, `broken` makes it broken."""
    if not root.is_dir():
        raise FileNotFoundError(2, "No such file or directory", str(root))
    apps, broken = {}, {}
    for file in sorted(root.rglob("app.yaml")):
        folder = str(file.parent.relative_to(root))
        text = file.read_text()
        if text in ("broken", ""):
            broken[folder] = (diagnostic(f"{folder}/app.yaml", "broken"),)
        else:
            apps[folder] = app(folder, text)
    mistakes = tuple(d for found in broken.values() for d in found)
    return Loaded(apps=apps, diagnostics=mistakes, broken=broken, broken_keys=frozenset(broken))


def write(root: Path, key: str, text: str) -> None:
    """Write an app's file."""
    (root / key).mkdir(parents=True, exist_ok=True)
    (root / key / "app.yaml").write_text(text)


class DiskClock(VirtualClock):
    """Virtual time in which something happens on disk at each sleep."""

    def __init__(self) -> None:
        super().__init__()
        self.happenings: list = []

    def sleep(self, duration) -> None:
        super().sleep(duration)
        if self.happenings:
            self.happenings.pop(0)()


@pytest.fixture
def bench(tmp_path):
    """Return (folder, clock, source) with two good apps on disk."""
    write(tmp_path, SHOP, "1")
    write(tmp_path, BLOG, "1")
    clock = DiskClock()
    return tmp_path, clock, FolderSource(tmp_path, load, clock)


def contents(source: FolderSource) -> dict[str, str]:
    """Return the last good content of each app."""
    return {key: a.content_hash for key, a in source.current().apps.items()}


def test_the_first_reading_names_all_apps(bench):
    """Before `refresh` nothing is known, after it everything."""
    _, _, source = bench
    assert contents(source) == {}
    assert source.refresh() == {SHOP, BLOG}
    assert contents(source) == {SHOP: "1", BLOG: "1"}
    assert source.desired(SHOP).key == SHOP
    assert source.problem(SHOP) == ""


def test_nothing_new_is_neither_loaded_nor_slept_on(bench):
    """A rescan of an unchanged folder costs one reading."""
    root, clock, source = bench
    source.refresh()
    before = clock.seconds
    source._load = None
    assert source.refresh() == frozenset()
    assert clock.seconds == before
    assert root.exists()


def test_only_the_changed_app_is_named(bench):
    """An edit of one app does not wake the others."""
    root, _, source = bench
    source.refresh()
    write(root, SHOP, "2")
    assert source.refresh() == {SHOP}
    assert contents(source)[SHOP] == "2"


def test_a_checkout_of_many_files_is_one_change(bench):
    """While files are replaced one by one nothing is believed; then all of it at once."""
    root, clock, source = bench
    source.refresh()
    loads = []
    source._load = lambda path: loads.append(path) or load(path)
    write(root, SHOP, "2")
    clock.happenings = [
        lambda: write(root, BLOG, "2"),
        lambda: write(root, "production/third", "2"),
    ]
    assert source.refresh() == {SHOP, BLOG, "production/third"}
    assert len(loads) == 1


def test_a_half_written_file_is_not_believed(bench):
    """An editor that truncates first and writes then is seen only with the whole file."""
    root, clock, source = bench
    source.refresh()
    write(root, SHOP, "")
    clock.happenings = [lambda: write(root, SHOP, "whole")]
    assert source.refresh() == {SHOP}
    assert contents(source)[SHOP] == "whole"
    assert source.snapshot().broken == {}


def test_a_file_that_changes_while_it_is_loaded_is_loaded_again(bench):
    """What was loaded counts only if the folder is the same afterwards."""
    root, _, source = bench
    source.refresh()
    torn = []

    def tearing(path):
        found = load(path)
        if not torn:
            torn.append(found)
            write(root, BLOG, "3")
        return found

    source._load = tearing
    write(root, SHOP, "2")
    assert source.refresh() == {SHOP, BLOG}
    assert contents(source) == {SHOP: "2", BLOG: "3"}


def test_a_broken_file_keeps_the_last_good_state_and_says_so(bench):
    """The app goes on with what was good, its problem has the place of the mistake."""
    root, _, source = bench
    source.refresh()
    write(root, SHOP, "broken")
    write(root, BLOG, "2")
    assert source.refresh() == {SHOP, BLOG}
    assert contents(source) == {SHOP: "1", BLOG: "2"}
    assert "production/shop/app.yaml:3:5" in source.problem(SHOP)
    assert source.problem(BLOG) == ""
    assert source.current().broken_keys == {SHOP}
    write(root, SHOP, "2")
    source.refresh()
    assert source.problem(SHOP) == ""


def test_an_app_that_never_was_good_is_invalid(bench):
    """There is no last good state to fall back to: every mistake is in the error."""
    root, _, source = bench
    write(root, SHOP, "broken")
    source.refresh()
    with pytest.raises(InvalidDesiredState) as raised:
        source.desired(SHOP)
    assert len(raised.value.diagnostics) == 1
    with pytest.raises(PermanentError, match="no such app"):
        source.desired("production/unknown")


def test_an_empty_a_missing_and_an_unlistable_folder_keep_everything(bench):
    """None of them drops an app; each is named, and healed by the next good reading."""
    root, _, source = bench
    source.refresh()
    elsewhere = root.parent / "elsewhere"
    shutil.move(root, elsewhere)
    assert source.refresh() == frozenset()
    assert "No such file" in source.problem(SHOP)
    root.mkdir()
    source.refresh()
    assert "no app.yaml" in source.problem(SHOP)
    root.rmdir()
    root.write_text("a file now")
    source.refresh()
    assert "Not a directory" in source.problem(SHOP)
    assert contents(source) == {SHOP: "1", BLOG: "1"}
    root.unlink()
    shutil.move(elsewhere, root)
    source.refresh()
    assert source.problem(SHOP) == ""


def test_a_vanished_app_is_marked_and_kept(bench):
    """Removing an app's folder is a report, not a deletion."""
    root, _, source = bench
    source.refresh()
    shutil.rmtree(root / SHOP)
    assert source.refresh() == {SHOP}
    assert source.snapshot().vanished == {SHOP}
    assert contents(source)[SHOP] == "1"
    assert "left alone" in source.problem(SHOP)


def test_a_bug_of_the_loader_does_not_end_the_watch(bench):
    """Whatever the loader raises, the last good state stays and the next change is read."""
    root, _, source = bench
    source.refresh()

    def crash(path):
        raise ZeroDivisionError("bug")

    source._load = crash
    write(root, SHOP, "2")
    source.refresh()
    assert "internal error" in source.problem(SHOP)
    source._load = load
    write(root, SHOP, "3")
    source.refresh()
    assert (contents(source)[SHOP], source.problem(SHOP)) == ("3", "")


def test_a_folder_that_never_rests_keeps_the_last_good_state(tmp_path):
    """After the bound the reading is given up, and tried again the next time."""
    write(tmp_path, SHOP, "1")
    clock = DiskClock()
    source = FolderSource(tmp_path, load, clock, Timing(settle=timedelta(seconds=2)))
    source.refresh()
    write(tmp_path, SHOP, "x")
    clock.happenings = [lambda n=n: write(tmp_path, SHOP, f"x{n}") for n in range(20)]
    source.refresh()
    assert contents(source)[SHOP] == "1"
    assert "does not come to rest" in source.problem(SHOP)
    clock.happenings = []
    source.refresh()
    assert source.problem(SHOP) == ""


def test_git_at_work_is_waited_for(bench):
    """Files replaced under index.lock are believed when the lock is gone."""
    root, clock, source = bench
    source.refresh()
    (root / ".git").mkdir()
    lock = root / ".git/index.lock"
    lock.write_text("")
    write(root, SHOP, "half")
    clock.happenings = [
        lambda: None,
        lambda: None,
        lambda: (write(root, SHOP, "2"), lock.unlink()),
    ]
    assert source.refresh() == {SHOP}
    assert contents(source)[SHOP] == "2"


def test_a_stale_lock_costs_one_wait(bench):
    """A lock that a dead git left behind delays the first change by the bound and no later one."""
    root, clock, source = bench
    source.refresh()
    (root / ".git").mkdir()
    (root / ".git/index.lock").write_text("")
    write(root, SHOP, "2")
    start = clock.seconds
    assert source.refresh() == {SHOP}
    assert 30 <= clock.seconds - start < 40
    start = clock.seconds
    write(root, SHOP, "3")
    assert source.refresh() == {SHOP}
    assert clock.seconds - start < 2


MINIMAL = """\
apiVersion: reconciler/v1alpha1
app: {name}
environment: production
account: "123456789012"
region: eu-west-1
cluster: production
"""


def test_the_real_loader_loses_nothing_either(tmp_path):
    """With real YAML: broken, removed, emptied and missing folders keep every app."""
    root = tmp_path / "desired"
    source = FolderSource(root, load_folder, DiskClock())
    write(root, SHOP, MINIMAL.format(name="shop"))
    write(root, BLOG, MINIMAL.format(name="blog"))
    assert source.refresh() == {SHOP, BLOG}
    assert source.snapshot().broken == {}
    write(root, SHOP, MINIMAL.format(name="shop") + "servces: {}\n")
    assert source.refresh() == {SHOP}
    assert f"{SHOP}/app.yaml:7:1" in source.problem(SHOP)
    (root / SHOP / "app.yaml").unlink()
    source.refresh()
    assert source.snapshot().vanished == {SHOP}
    (root / BLOG / "app.yaml").unlink()
    source.refresh()
    assert "no app.yaml" in source.problem(BLOG)
    assert source.snapshot().vanished == frozenset()
    shutil.rmtree(root)
    source.refresh()
    assert "No such file" in source.problem(BLOG)
    assert contents(source).keys() == {SHOP, BLOG}


# With threads


QUICK = Timing(debounce=timedelta(milliseconds=10), rescan=timedelta(milliseconds=100))


class Listener:
    """Collects what a running source tells."""

    def __init__(self, source: FolderSource) -> None:
        self.told: queue.Queue[frozenset[str]] = queue.Queue()
        self.source = source
        source.start(self.told.put)

    def next(self) -> frozenset[str]:
        """Return what is told next; fails after half a minute."""
        return self.told.get(timeout=30)


@pytest.fixture
def running(tmp_path):
    """Return (folder, listener) of a started source; it is stopped afterwards."""
    root = tmp_path / "desired"
    write(root, SHOP, "1")
    listener = Listener(FolderSource(root, load, RealClock(), QUICK))
    assert listener.next() == {SHOP}
    yield root, listener
    listener.source.stop()


def test_a_saved_file_is_told(running):
    """An edit on disk reaches the listener with the new content in place."""
    root, listener = running
    write(root, SHOP, "2")
    while contents(listener.source)[SHOP] != "2":
        assert listener.next() == {SHOP}


def test_an_atomic_save_is_told(running):
    """An editor that writes beside and renames is seen like any other."""
    root, listener = running
    (root / SHOP / ".app.yaml.tmp").write_text("2")
    (root / SHOP / ".app.yaml.tmp").rename(root / SHOP / "app.yaml")
    assert listener.next() == {SHOP}


def test_a_replaced_folder_is_watched_on(running):
    """Moving the folder away and another to its place changes the content, not the watch."""
    root, listener = running
    shutil.move(root, root.parent / "old")
    assert listener.next() == frozenset()
    assert listener.source.problem(SHOP) != ""
    write(root, SHOP, "2")
    while contents(listener.source)[SHOP] != "2":
        listener.next()
    write(root, SHOP, "3")
    while contents(listener.source)[SHOP] != "3":
        listener.next()


def test_without_inotify_the_rescan_finds_changes(tmp_path, monkeypatch, caplog):
    """Where watching is refused the folder is read periodically, and that is said once."""

    def refuse(*_, **__):
        raise OSError("inotify limit reached")

    monkeypatch.setattr(watchfiles, "watch", refuse)
    write(tmp_path, SHOP, "1")
    listener = Listener(FolderSource(tmp_path, load, RealClock(), QUICK))
    try:
        listener.next()
        for text in "23":
            write(tmp_path, SHOP, text)
            assert listener.next() == {SHOP}
    finally:
        listener.source.stop()
    assert caplog.text.count("inotify limit reached") == 1


def test_the_rescan_finds_what_the_events_missed(tmp_path, monkeypatch):
    """A file system that sends no events costs a rescan's time, not the change."""
    monkeypatch.setattr(watch, "_may_matter", lambda change, path: False)
    write(tmp_path, SHOP, "1")
    listener = Listener(FolderSource(tmp_path, load, RealClock(), QUICK))
    try:
        listener.next()
        write(tmp_path, SHOP, "2")
        assert listener.next() == {SHOP}
    finally:
        listener.source.stop()


def test_the_thread_ends_after_stop(tmp_path):
    """`stop` ends the watch whether or not anything happens on disk."""
    write(tmp_path, SHOP, "1")
    source = FolderSource(tmp_path, load, RealClock(), QUICK)
    source.refresh()
    thread = threading.Thread(target=source.run, args=(lambda keys: None,))
    thread.start()
    source.stop()
    thread.join(30)
    assert not thread.is_alive()
