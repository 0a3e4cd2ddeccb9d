"""`once` as real processes: signals, process groups, terminals, kill -9, exit codes, untouched output."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reconciler.local.server import EmbeddedAws
from tests.e2e.stage import environment, eventually
from tests.local.hours import midweek

PROGRAM = [sys.executable, "-m", "reconciler.runs.once"]
ROOT = Path(__file__).parents[2]
LISTENER = """
import os, signal, sys
def note(name, text):
    with open(name, "a") as file:
        file.write(text + "\\n")
inner = os.fork()
word = "outer" if inner else "inner"
def heard(*_):
    note("heard", word)
    if inner:
        os.waitpid(inner, 0)
    os._exit(9)
signal.signal(getattr(signal, "SIG" + sys.argv[1]), heard)
note("ready", word)
while True:
    signal.pause()
"""
"""A process and its child that note a signal and end with 9."""
FAST = ["--lease", "3s", "--kill-after", "1s"]


@pytest.fixture(scope="module")
def aws():
    """Return one embedded AWS for all of these."""
    with EmbeddedAws(clock=midweek()) as running:
        yield running


class Once:
    """Starts `once` on a key of its own, in a folder of its own."""

    def __init__(self, aws, folder: Path, key: str) -> None:
        self.folder, self.key = folder, key
        self.surroundings = environment(aws.endpoint_url, folder) | {
            "AWS_REGION": "ap-northeast-1",
            "PYTHONPATH": str(ROOT),
        }
        self.started: list[subprocess.Popen] = []

    def arguments(self, *command: str, flags=()) -> list[str]:
        return [*PROGRAM, "--key", self.key, *FAST, *flags, "--", *command]

    def run(self, *command: str, flags=(), **settings) -> subprocess.CompletedProcess:
        return subprocess.run(
            self.arguments(*command, flags=flags),
            env=self.surroundings,
            cwd=self.folder,
            capture_output=True,
            timeout=60,
            check=False,
            **settings,
        )

    def start(self, *command: str, flags=(), **settings) -> subprocess.Popen:
        process = subprocess.Popen(
            self.arguments(*command, flags=flags),
            env=self.surroundings,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            **settings,
        )
        self.started.append(process)
        return process

    def text(self, name: str) -> str:
        path = self.folder / name
        return path.read_text() if path.exists() else ""

    def end(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.communicate()


@pytest.fixture
def once(aws, tmp_path, request):
    """Return a starter on a key that no other test uses."""
    made = Once(aws, tmp_path, re.sub(r"\W", "-", request.node.name))
    yield made
    made.end()


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_output_and_exit_code_are_the_commands(once):
    """Bytes go through as they are, standard input too; the code is the command's own."""
    done = once.run(
        "sh", "-c", "cat; printf '\\377\\000x' >&1; printf err >&2; exit 42", input=b"in\r\n"
    )
    assert done.returncode == 42
    assert done.stdout == b"in\r\n\xff\x00x"
    assert b"err" in done.stderr


@pytest.mark.parametrize(
    ("command", "code"),
    [("kill -TERM $$", 143), ("kill -KILL $$", 137), ("kill -SEGV $$", 139), ("exit 255", 255)],
)
def test_death_by_a_signal_is_128_and_its_number(once, command, code):
    """As shells report it."""
    assert once.run("sh", "-c", command).returncode == code


def test_commands_that_cannot_start_leave_the_key_free(once):
    """127 and 126 are told before or after the claim; the next start runs."""
    script = once.folder / "script"
    script.write_text("#!/nowhere/interpreter\n")
    assert once.run("no-such-command").returncode == 127
    assert once.run(str(script)).returncode == 126
    script.chmod(0o755)
    assert once.run(str(script)).returncode == 127
    script.write_text("no first line")
    assert once.run(str(script)).returncode == 126
    assert once.run("true").returncode == 0


@pytest.mark.parametrize("name", ["TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "WINCH"])
def test_signals_reach_the_commands_whole_group(once, name):
    """The command and what it started in its group hear a signal; `once` ends as they do."""
    process = once.start(sys.executable, "-c", LISTENER, name)
    eventually(lambda: once.text("ready").count("\n"), lambda n: n == 2)
    process.send_signal(getattr(signal, f"SIG{name}"))
    assert process.wait(20) == 9
    assert set(once.text("heard").split()) == {"outer", "inner"}


def test_signal_before_the_command_runs_ends_the_wait(once):
    """A second start that waits ends with 143 at once."""
    once.start("sh", "-c", "touch up; sleep 30")
    eventually((once.folder / "up").exists)
    second = once.start("true")
    eventually(lambda: select.select([second.stderr], [], [], 0)[0])
    second.send_signal(signal.SIGTERM)
    assert second.wait(20) == 143


def test_ignored_hangup_stays_ignored(once):
    """Under nohup neither `once` nor the command ends with the terminal."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = once.start("sh", "-c", "touch up; sleep 0.5; exit 4")
    finally:
        signal.signal(signal.SIGHUP, before)
    eventually((once.folder / "up").exists)
    process.send_signal(signal.SIGHUP)
    assert process.wait(20) == 4


def test_what_is_left_in_the_group_ends_with_the_command(once):
    """A background process that the command leaves behind does not outlive it."""
    done = once.run("sh", "-c", "sleep 300 & echo $!; exit 0")
    assert done.returncode == 0
    assert not alive(int(done.stdout))


def test_killed_holder_takes_the_whole_group_with_it(once):
    """After kill -9 of `once` the command and its children are gone, by the kernel and the warden."""
    process = once.start(
        "sh",
        "-c",
        "sh -c 'trap : TERM; echo $$ >> pids; sleep 300; sleep 300' & echo $$ >> pids; wait",
    )
    pids = [int(p) for p in eventually(lambda: once.text("pids").split(), lambda p: len(p) == 2)]
    process.kill()
    eventually(lambda: [alive(p) for p in pids], lambda found: not any(found), limit=10)


def test_kernel_ends_the_command_where_the_warden_is_killed_too(once):
    """`pkill -9` meets both: PR_SET_PDEATHSIG is left, for the command itself."""
    process = once.start("sh", "-c", "echo $$ >> pids; exec sleep 300")
    (pid,) = [int(p) for p in eventually(lambda: once.text("pids").split(), bool)]
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    (warden,) = {int(c) for c in children} - {pid}
    os.kill(warden, signal.SIGKILL)
    process.kill()
    eventually(lambda: alive(pid), lambda found: not found, limit=10)


def test_holder_that_stands_still_loses_its_command(once):
    """SIGSTOP of `once` alone: the warden kills the command after 1.2 leases, before anybody may judge."""
    process = once.start("sh", "-c", "echo $$ >> pids; exec sleep 300")
    (pid,) = [int(p) for p in eventually(lambda: once.text("pids").split(), bool)]
    process.send_signal(signal.SIGSTOP)
    eventually(lambda: alive(pid), lambda found: not found, limit=15)
    process.send_signal(signal.SIGCONT)
    assert process.wait(20) in (5, 137)


def test_timeout_ends_a_stubborn_command(once):
    """SIGTERM, then SIGKILL; exit code 124."""
    done = once.run(
        "sh", "-c", "trap '' TERM; while :; do sleep 0.05; done", flags=["--timeout", "1s"]
    )
    assert done.returncode == 124


def test_nested_once_does_not_wait_for_itself(once):
    """The command's environment has none of our variables: an inner `once` needs a key of its own."""
    once.surroundings |= {"RECONCILER_ONCE_KEY": once.key, "RECONCILER_ONCE_LEASE": "3s"}
    inner = " ".join(PROGRAM)
    done = subprocess.run(
        [*PROGRAM, "sh", "-c", f"env | grep -c RECONCILER_ONCE; {inner} true; echo $?"],
        env=once.surroundings, cwd=once.folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout.split() == ["0", "2"]


def test_second_start_tells_who_did_it(once):
    """Exit 0, nothing on stdout, one line on stderr."""
    assert once.run("true").returncode == 0
    done = once.run("echo", "again")
    assert (done.returncode, done.stdout) == (0, b"")
    pattern = (
        rb"once: \xe2\x9c\x94 \S+ already succeeded .* on \S+ \(exit 0, [\d.]+s\): nothing to do\n"
    )
    assert re.fullmatch(pattern, done.stderr)


@pytest.mark.skipif(not shutil.which("unshare"), reason="needs unshare for a process 1")
def test_process_one_of_a_container_reaps_orphans(once):
    """As process 1 it passes signals on, reaps what is orphaned, and ends with the command's code."""
    alone = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]
    if subprocess.run([*alone, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("namespaces are not permitted here")
    orphan = "setsid sh -c 'sleep 0.1' & exit 0"
    script = f'sh -c "{orphan}"; sleep 0.5; grep -l zombie /proc/[0-9]*/status | wc -l; exit 6'
    done = subprocess.run(
        [*alone, *once.arguments("sh", "-c", script)],
        env=once.surroundings, cwd=once.folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (6, "0")


class Terminal:
    """A shell with job control on a terminal of its own."""

    def __init__(self, surroundings: dict[str, str], folder: Path) -> None:
        self.pid, self.file = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            shell = ["bash", "--norc", "-i"]
            os.execve("/bin/bash", shell, surroundings | {"PS1": "$ "})  # noqa: S606 - a terminal needs an interactive one
        self.seen = ""

    def type(self, text: str) -> None:
        os.write(self.file, text.encode())

    def until(self, pattern: str, limit: float = 20.0) -> None:
        ends = time.monotonic() + limit
        while not re.search(pattern, self.seen):
            assert time.monotonic() < ends, self.seen
            if select.select([self.file], [], [], 0.1)[0]:
                self.seen += os.read(self.file, 4096).decode(errors="replace")
        self.seen = self.seen[re.search(pattern, self.seen).end() :]

    def type_until(self, text: str, pattern: str, times: int = 10) -> None:
        for _ in range(times):
            self.type(text)
            try:
                self.until(pattern, limit=2.0)
            except AssertionError:
                continue
            break
        else:
            raise AssertionError(self.seen)

    def end(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.close(self.file)
        os.waitpid(self.pid, 0)


@pytest.mark.skipif(not Path("/bin/bash").exists(), reason="needs bash for job control")
def test_job_control_works_as_without_us(once):
    """The command reads from the terminal; Ctrl-Z, fg and Ctrl-C do what they do."""
    terminal = Terminal(once.surroundings, once.folder)
    try:
        line = " ".join(
            once.arguments(
                "sh",
                "-c",
                "'echo go; read x; echo got-$x; exec sleep 60'",
                flags=["-q", "--lease", "60s"],
            )
        )
        terminal.type(f"{line}\n")
        terminal.until(r"(?<!echo )go\r?\n")
        terminal.type("\x1a")
        terminal.until(r"Stopped", limit=6.0)  # at once: the next heartbeat is ten seconds away
        terminal.type("fg\n")
        time.sleep(0.5)  # fg prints nothing that could be waited for
        terminal.type("hello\n")
        terminal.until(r"got-hello")
        # dash loses a Ctrl-C that comes while it starts a program: typed until it is heard.
        terminal.type_until("\x03", r"\$ ")
        terminal.type("echo code=$?\n")
        terminal.until(r"code=130")
    finally:
        terminal.end()


def test_signal_after_the_commands_end_frees_nothing(once):
    """SIGTERM while left-over processes are being ended: what the command did stays recorded."""
    script = "sh -c 'trap : TERM; touch up; while :; do sleep 0.05; done' & while [ ! -e up ]; do sleep 0.05; done"
    process = once.start("sh", "-c", script, flags=["--kill-after", "3s"])
    eventually((once.folder / "up").exists)
    time.sleep(0.5)  # the command is over by now, what it left behind is not
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    done = once.run("echo", "again")
    assert (done.returncode, done.stdout) == (0, b"")
