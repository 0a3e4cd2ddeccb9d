"""Scheduled jobs as people meet them: real processes, started by the clock or by hand, once."""

from __future__ import annotations

import signal
from datetime import timedelta

from tests.e2e.stage import DIFFERENT, KEY, OK, TIMED_OUT, eventually

NAME = "daily-report"
FAILS, INTERRUPTED = 3, 130


def schedule(stage, script="echo report of $JOB_OCCURRENCE", cron="0 3 * * *", **words):
    """Write job/daily-report into the files, and make what it names."""
    more = "".join(f"    {word}: {value}\n" for word, value in words.items())
    job = (
        f'\njobs:\n  {NAME}:\n    schedule: "{cron}"\n    timeZone: Asia/Tokyo\n    from: rails\n'
        f'    command: [sh, -c, "{script}"]\n{more}'
    )
    stage.write(stage.file, stage.file.read_text().partition("\njobs:")[0] + job)
    stage.seed()


def runs(stage):
    """Return what the ledger has of the job's runs, the newest first."""
    return stage.cli("job", "history", NAME, "-o", "json").document["runs"]


def test_a_run_by_hand_without_a_controller(shop):
    """`--wait` begins it and sees it to its end: log, exit code, and never twice for a key."""
    schedule(shop)
    planned = shop.cli("diff")
    assert (planned.code, f"create job/{NAME}" in planned.out.replace("  ", " ")) == (
        DIFFERENT,
        True,
    )
    assert shop.cli("apply", "--yes").code == OK
    assert shop.cli("diff").code == OK
    assert runs(shop) == []

    first = shop.cli("job", "trigger", NAME, "--key", "k1", "--wait", "--reason", "month end")
    assert (first.code, first.out) == (OK, "report of manual-k1\n"), first
    said = [" ".join(line.split()) for line in first.err.splitlines()]
    assert len(said) == len(set(said)), first.err
    assert f"✔ job/{NAME} occurrence manual-k1 succeeded" in said
    assert "next run" not in first.err  # the job's own state is no news of this run
    again = shop.cli("job", "trigger", NAME, "--key", "k1", "--wait")
    assert (again.code, again.out) == (OK, "report of manual-k1\n"), again
    assert [(r["occurrence"], r["state"], r["attempt"]) for r in runs(shop)] == [
        ("manual-k1", "SUCCEEDED", 1)
    ]
    for which in ((), ("k1",), ("manual-k1",)):
        assert shop.cli("job", "logs", NAME, *which).out == "report of manual-k1\n"
    stopped = shop.cli("job", "stop", NAME, "k1", "--reason", "late")
    assert "occurrence manual-k1 of job/daily-report has ended" in stopped.err
    assert f"job history {NAME}" in shop.cli("job", "logs", NAME, "k2").err
    assert "month end" in shop.cli("history", "-o", "json").out
    assert shop.journal_is_whole()


def test_a_run_by_hand_passes_the_commands_code_on(shop):
    """Exit 3 is 3, with the reason and the log; the app stays well, and the job says what failed."""
    schedule(shop, f"echo no disk left; exit {FAILS}")
    assert shop.cli("apply", "--yes").code == OK

    failed = shop.cli("job", "trigger", NAME, "--wait")

    assert failed.code == FAILS, failed
    assert failed.out == "no disk left\n"
    assert f"container {NAME} exited 3" in failed.err
    assert "exit 3" in shop.cli("job", "list").out
    status = shop.cli("status", "--exit-code")
    assert (status.code, "Degraded" in status.out) == (OK, True), status
    assert "| no disk left" in status.out
    assert f"next: reconciler -a production/shop job retry {NAME} " in status.out


def test_a_controller_runs_it_at_its_time_and_by_hand(shop):
    """The clock starts it once; a trigger beside it is begun, and the controller goes on leading."""
    schedule(shop, cron="*/5 * * * *")
    controller = shop.controller()
    controller.until("next run")
    shop.aws.clock.advance(timedelta(minutes=5))
    controller.until("occurrence .* succeeded")
    assert [r["state"] for r in runs(shop)] == ["SUCCEEDED"]

    by_hand = shop.cli("job", "trigger", NAME, "--key", "now", "--wait")
    assert (by_hand.code, by_hand.out) == (OK, "report of manual-now\n"), by_hand
    controller.until("occurrence manual-now succeeded")  # whoever began it, the controller goes on
    assert "works again" not in controller.said
    asked = shop.cli("job", "trigger", NAME, "--key", "later")
    assert "the controller begins it" in asked.out
    eventually(
        lambda: runs(shop), lambda found: len(found) == 3 and all(r["settledAt"] for r in found)
    )
    assert controller.alive
    assert shop.journal_is_whole()


def test_a_run_that_waits_says_for_what(shop):
    """Who waits for a run that cannot begin is told why, once; 7 when the time is over."""
    schedule(shop)
    assert shop.cli("apply", "--yes").code == OK
    assert shop.cli("suspend", f"job/{NAME}", "--reason", "the disk is full").code == OK

    waited = shop.cli("job", "trigger", NAME, "--key", "k", "--wait", "--timeout", "1s", limit=60)

    assert waited.code == TIMED_OUT, waited
    assert waited.err.count("the disk is full") == 1
    assert "has not begun after 1s, and stays asked for" in waited.err
    assert f"job stop {NAME} manual-k " in waited.err
    row, line = shop.cli("job", "list").out.splitlines()[1:]
    assert "suspended" in row
    assert "the disk is full" not in row
    assert line.count(f"job/{NAME} suspended by arn:aws:sts::123456789012:user/moto at ") == 1
    assert line.endswith(f"the disk is full; resume with: reconciler -a {KEY} resume job/{NAME}")
    withdrawn = shop.cli("job", "stop", NAME, "k", "--reason", "not today")
    assert (withdrawn.code, "not asked for any more" in withdrawn.out) == (OK, True), withdrawn
    assert shop.cli("job", "stop", NAME, "k", "--reason", "again").code != OK
    assert shop.journal_is_whole()
    assert runs(shop) == []


def test_a_long_log_of_a_run_is_whole_and_in_order(shop):
    """25,000 lines through `trigger --wait`, `logs`, `logs -f`, `--tail` and JSON: the same, to the last one."""
    schedule(shop, "seq 1 25000; echo last words >&2; exit 3")
    assert shop.cli("apply", "--yes").code == OK
    numbers = [str(n) for n in range(1, 25_001)]

    waited = shop.cli("job", "trigger", NAME, "--key", "k", "--wait")
    lines = waited.out.splitlines()
    assert (waited.code, len(lines)) == (FAILS, 25_001), waited.err
    # stdout and stderr are two pipes of the container: each is in order.
    assert [line for line in lines if line != "last words"] == numbers

    assert shop.cli("job", "logs", NAME).out == waited.out
    followed = shop.cli("job", "logs", NAME, "manual-k", "-f")
    assert (followed.code, followed.out) == (FAILS, waited.out)
    tail = shop.cli("job", "logs", NAME, "--tail", "12000")
    assert (tail.code, tail.out.splitlines()) == (OK, lines[-12_000:])
    assert shop.cli("job", "logs", NAME, "-o", "json").document["lines"] == lines


def test_ctrl_c_leaves_a_run_alone(shop):
    """Whoever waits or follows goes with 130 and says how to see the run again, which runs to its end."""
    schedule(shop, "echo up; sleep 6; echo done")
    shop.controller().until("next run")
    started = shop.begin("job", "trigger", NAME, "--key", "k", "--wait")
    started.until("up\n")
    follower = shop.begin("job", "logs", NAME, "-f")
    follower.until("up\n")
    for going in (started, follower):
        going.signal(signal.SIGINT)
        left = going.end()
        assert (left.code, left.out) == (INTERRUPTED, "up\n"), left
        assert "goes on" in left.err
        assert f"reconciler -a production/shop job logs -f {NAME} manual-k\n" in left.err
        assert "Traceback" not in left.text

    seen = shop.cli("job", "logs", NAME, "manual-k", "-f")
    assert (seen.code, seen.out) == (OK, "up\ndone\n"), seen
    assert [(r["state"], r["attempt"]) for r in runs(shop)] == [("SUCCEEDED", 1)]


def test_a_run_that_was_asked_for_is_followed_from_its_beginning(shop):
    """`logs -f` waits for a controller to begin it; without -f and without a run it says why there is nothing."""
    schedule(shop, "echo $JOB_OCCURRENCE")
    assert shop.cli("apply", "--yes").code == OK
    assert shop.cli("job", "trigger", NAME, "--key", "k").code == OK
    early = shop.cli("job", "logs", NAME, "manual-k")
    assert (early.code, early.out, "has not begun yet" in early.err) == (2, "", True), early

    follower = shop.begin("job", "logs", NAME, "manual-k", "-f")
    follower.until("has not begun yet")
    shop.controller()
    done = follower.end()
    assert (done.code, done.out) == (OK, "manual-k\n"), done


def test_each_attempts_log_is_followed_in_turn(shop):
    """A run that is tried again: the log of the first task to its last line, then that of the next."""
    mark = shop.folder.parent / "mark"
    script = f"mkdir {mark} 2>/dev/null && seq 1 3 && exit 3; echo again"
    schedule(shop, script, retries=1, retryBackoff="1s")
    shop.controller().until("next run")
    done = shop.cli("job", "trigger", NAME, "--wait")
    assert (done.code, done.out) == (OK, "1\n2\n3\nagain\n"), done
    newest = shop.cli("job", "logs", NAME)
    assert (newest.out, "attempt 2: --attempt shows 1" in newest.err) == ("again\n", True), newest
    assert shop.cli("job", "logs", NAME, "--attempt", "1").out == "1\n2\n3\n"
    (kept,) = runs(shop)
    assert [(a["attempt"], a["exitCode"]) for a in kept["earlierAttempts"]] == [(1, 3)]
    assert "no attempt 3 has a task" in shop.cli("job", "logs", NAME, "--attempt", "3").err


def test_next_runs_are_told_without_aws(stage):
    """`job next` counts on the wall clock of the job's zone, and says each instant in UTC."""
    schedule(stage)
    told = stage.cli("job", "next", NAME, "-n", "2", AWS_ENDPOINT_URL="http://127.0.0.1:9")
    assert told.code == OK
    assert [line.split()[2:4] for line in told.out.splitlines()] == [["03:00", "JST"]] * 2
    assert all("T18:00:00Z" in line for line in told.out.splitlines())
    assert stage.cli("job", "next", "nightly").code == 2
