"""When a folder's content may be believed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.controller.reading import (
    Reading,
    Settling,
    Step,
    Timing,
    git_directory,
    is_desired_file,
    read,
)

TIMING = Timing(
    debounce=timedelta(seconds=1), lock=timedelta(seconds=30), settle=timedelta(seconds=90)
)


def steps(*readings: tuple[float, str] | tuple[float, str, str]) -> list[Step]:
    """Feed (seconds, fingerprint[, lock]) and return what each asks for."""
    settling = Settling(TIMING, 0.0)
    return [settling.feed(Reading(fp, *lock), at) for at, fp, *lock in readings]


def test_content_counts_after_two_equal_reads_and_a_third_around_the_loading():
    """Equal, a debounce apart, load, still equal: accepted."""
    assert steps((0, "a"), (1, "a"), (1, "a")) == [Step.WAIT, Step.LOAD, Step.ACCEPT]


def test_two_equal_reads_too_close_together_do_not_count():
    """A writer may pause between two writes; a debounce must lie between the reads."""
    assert steps((0, "a"), (0.5, "a"), (1, "a")) == [Step.WAIT, Step.WAIT, Step.LOAD]


def test_a_change_starts_anew():
    """While files change, as in a checkout of many files, nothing is loaded."""
    assert steps((0, "a"), (1, "b"), (2, "c"), (3, "c"), (3, "c")) == [
        Step.WAIT,
        Step.WAIT,
        Step.WAIT,
        Step.LOAD,
        Step.ACCEPT,
    ]


def test_a_change_during_loading_is_noticed():
    """What was loaded while a file changed is thrown away and read again."""
    assert steps((0, "a"), (1, "a"), (1.1, "b"), (2.1, "b"), (2.1, "b")) == [
        Step.WAIT,
        Step.LOAD,
        Step.WAIT,
        Step.LOAD,
        Step.ACCEPT,
    ]


def test_git_at_work_is_waited_for():
    """While index.lock exists even equal reads do not count."""
    assert steps((0, "a", "l"), (1, "a", "l"), (2, "a"), (3, "a"), (3, "a")) == [
        Step.WAIT,
        Step.WAIT,
        Step.WAIT,
        Step.LOAD,
        Step.ACCEPT,
    ]


def test_a_lock_that_appears_after_loading_is_waited_for_as_well():
    """A checkout that begins while we load makes what was loaded worthless."""
    assert steps((0, "a"), (1, "a"), (1, "a", "l"), (2, "b"), (3, "b"))[2:] == [
        Step.WAIT,
        Step.WAIT,
        Step.LOAD,
    ]


def test_a_stale_lock_is_waited_for_once_and_not_for_ever():
    """A git that crashed leaves its lock: after the bound it no longer counts, also next time."""
    settling = Settling(TIMING, 0.0)
    assert settling.feed(Reading("a", "l"), 29.9) is Step.WAIT
    assert settling.feed(Reading("a", "l"), 30.0) is Step.WAIT
    assert settling.feed(Reading("a", "l"), 31.0) is Step.LOAD
    assert settling.stale_lock == "l"
    later = Settling(TIMING, 100.0, settling.stale_lock)
    assert later.feed(Reading("b", "l"), 100.0) is Step.WAIT
    assert later.feed(Reading("b", "l"), 101.0) is Step.LOAD
    other = Settling(TIMING, 200.0, settling.stale_lock)
    assert [other.feed(Reading("b", "new"), t) for t in (200.0, 201.0)] == [Step.WAIT, Step.WAIT]


def test_a_folder_that_never_rests_is_given_up():
    """The wait is bounded; the caller keeps the last good state."""
    settling = Settling(TIMING, 0.0)
    given_up = [settling.feed(Reading(str(t)), float(t)) for t in range(92)]
    assert given_up[:91] == [Step.WAIT] * 91
    assert given_up[91] is Step.GIVE_UP


@given(st.lists(st.tuples(st.sampled_from("ab"), st.booleans(), st.sampled_from([0.3, 1.0]))))
def test_what_is_accepted_was_at_rest(changes):
    """However reads come, ACCEPT means: three equal ones without a lock, the first two a debounce apart."""
    settling, now, seen = Settling(TIMING, 0.0), 0.0, []
    for fingerprint, lock, pause in changes:
        now += pause
        step = settling.feed(Reading(fingerprint, "l" if lock else ""), now)
        seen.append((now, fingerprint, lock, step))
        if step is Step.ACCEPT:
            last = [s for s in seen[:-1] if s[3] is Step.LOAD][-1]
            since = [s for s in seen if s[0] >= last[0] - 1.0]
            assert {(s[1], s[2]) for s in since if s[0] <= now} == {(fingerprint, False)}
            return


# The disk


def write(path: Path, text: str) -> None:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_the_fingerprint_follows_content_not_time(tmp_path):
    """Rewriting the same bytes is no change; other bytes, names and deletions are."""
    write(tmp_path / "e/a/app.yaml", "one")
    first = read(tmp_path)
    write(tmp_path / "e/a/app.yaml", "one")
    assert read(tmp_path) == first
    write(tmp_path / "e/a/app.yaml", "two")
    second = read(tmp_path)
    (tmp_path / "e/a/app.yaml").rename(tmp_path / "e/a/other.yaml")
    third = read(tmp_path)
    (tmp_path / "e/a/other.yaml").unlink()
    assert len({first, second, third, read(tmp_path)}) == 4


@pytest.mark.parametrize(
    "name",
    [".app.yaml.swp", "app.yaml~", "#app.yaml#", ".#app.yaml", "4913", "app.yaml___jb_tmp___"],
)
def test_temporary_files_of_editors_are_no_desired_state(tmp_path, name):
    """vim, emacs and JetBrains write beside the file; that changes nothing."""
    assert not is_desired_file(name)
    write(tmp_path / "app.yaml", "one")
    before = read(tmp_path)
    write(tmp_path / name, "half")
    assert read(tmp_path) == before


def test_a_missing_folder_is_a_problem_not_an_exception(tmp_path):
    """It is named with the reason."""
    reading = read(tmp_path / "gone")
    assert "gone: No such file or directory" in reading.problem


def test_a_broken_link_is_content(tmp_path):
    """One file that cannot be read does not make the whole folder unreadable."""
    write(tmp_path / "app.yaml", "one")
    before = read(tmp_path)
    (tmp_path / "other.yaml").symlink_to("nowhere.yaml")
    after = read(tmp_path)
    assert after.problem == ""
    assert after.fingerprint != before.fingerprint


def test_a_huge_file_is_not_read(tmp_path):
    """Its size and time stand for it: a mistake must not fill the memory."""
    path = tmp_path / "app.yaml"
    with path.open("wb") as file:
        file.truncate(3 * 1024**3)
    before = read(tmp_path)
    with path.open("r+b") as file:
        file.truncate(3 * 1024**3 + 1)
    assert before.problem == ""
    assert read(tmp_path).fingerprint != before.fingerprint


def test_gits_lock_and_head_are_seen_from_a_folder_below(tmp_path):
    """The repository around the folder tells when git is at work and when a commit was made."""
    write(tmp_path / ".git/HEAD", "ref: refs/heads/main\n")
    write(tmp_path / ".git/refs/heads/main", "1" * 40)
    write(tmp_path / "desired/app.yaml", "one")
    root = tmp_path / "desired"
    before = read(root)
    assert before.lock == ""
    write(tmp_path / ".git/index.lock", "")
    assert read(root).lock != ""
    (tmp_path / ".git/index.lock").unlink()
    assert read(root) == before
    write(tmp_path / ".git/refs/heads/main.new", "2" * 40)
    (tmp_path / ".git/refs/heads/main.new").rename(tmp_path / ".git/refs/heads/main")
    assert read(root).fingerprint != before.fingerprint


def test_a_linked_work_tree_has_its_own_git_directory(tmp_path):
    """`git worktree` leaves a file that names the directory, absolute or relative."""
    git = tmp_path / "main/.git/worktrees/w"
    git.mkdir(parents=True)
    write(tmp_path / "w/.git", f"gitdir: {git}\n")
    assert git_directory(tmp_path / "w") == git
    write(tmp_path / "w/.git", "gitdir: ../main/.git/worktrees/w\n")
    assert git_directory(tmp_path / "w").resolve() == git.resolve()
    write(tmp_path / "w/.git", "nonsense")
    assert git_directory(tmp_path / "w") is None
