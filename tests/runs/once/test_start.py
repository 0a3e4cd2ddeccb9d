"""One start after another: what each finds, does, says and ends with."""

from __future__ import annotations

import signal

import pytest

from reconciler.runs.once.calls import ConditionFailed
from tests.runs.once.lab import KEY, TABLE, Fault, Lab

LEASE = "--lease 30s"


def test_second_start_during_the_first_waits_and_then_does_nothing():
    """It says who runs it and since when, waits, and ends with 0 telling who did it and how long it took."""
    lab = Lab()
    first = lab.start("first", LEASE)
    second = lab.start("second", LEASE, after=5.0)
    lab.go()
    assert (first.code, second.code, lab.started) == (0, 0, ["first"])
    assert (
        "held by arn:aws:ecs:ap-northeast-1:123456789012:task/c/first since 2026-"
        in second.voice.said[0]
    )
    assert "waiting 30m at most" in second.voice.said[0]
    assert "already succeeded" in second.voice.said[-1]
    assert "task/c/first (exit 0, 20s)" in second.voice.said[-1]


def test_no_wait_leaves_at_once():
    """With --no-wait the second one ends with 5 and names the holder."""
    lab = Lab()
    lab.start("first", LEASE)
    second = lab.start("second", f"{LEASE} --no-wait", after=5.0)
    lab.go(6.0)
    assert second.code == 5
    assert "held by" in second.voice.problems[-1]
    assert second.operations == ["PutItem"]


def test_wait_has_an_end():
    """A start that has waited long enough ends with 5, and the holder goes on."""
    lab = Lab(duration=600.0)
    first = lab.start("first", LEASE)
    second = lab.start("second", f"{LEASE} --wait 1m", after=5.0)
    lab.go()
    assert (first.code, second.code) == (0, 5)
    assert "waited for 1m" in second.voice.problems[-1]


def test_start_after_a_success_does_nothing():
    """One call, exit 0, however much later."""
    lab = Lab()
    lab.run(LEASE)
    lab.go(400 * 86400.0)
    later = lab.run(LEASE)
    assert (later.code, later.operations, lab.started) == (0, ["PutItem"], ["s0"])


def test_failure_is_held_until_a_person_or_a_flag_says_otherwise():
    """End with 6 and say what to type; retry runs it as the next attempt."""
    lab = Lab(codes=(3,))
    assert lab.run(LEASE).code == 3
    held = lab.run(LEASE)
    assert held.code == 6
    said = held.voice.problems[-1]
    assert "failed at 2026-" in said
    assert "with exit 3" in said
    assert '--resolve retry --reason "…"' in said
    again = lab.run(f"{LEASE} --on-failure retry")
    assert again.code == 0
    assert again.command.environment["ONCE_ATTEMPT"] == "2"
    assert (lab.record.state, lab.record.attempt, lab.record.code) == ("DONE", 2, 0)


def test_waiting_start_takes_over_a_failure_only_when_asked():
    """Whoever waits ends with 6 when the holder fails, or runs it with --on-failure retry."""
    for flag, code, started in (("hold", 6, ["first"]), ("retry", 0, ["first", "second"])):
        lab = Lab(codes=(3, 0))
        lab.start("first", LEASE)
        second = lab.start("second", f"{LEASE} --on-failure {flag}", after=1.0)
        lab.go()
        assert (second.code, lab.started) == (code, started)


def test_stale_heartbeat_becomes_unknown():
    """A killed holder is waited for 1.25 leases; then the key is UNKNOWN, exit 6, and it stays so."""
    lab = Lab()
    lab.start("first", LEASE, faults={2: Fault.CRASH_BEFORE})
    second = lab.start("second", LEASE, after=6.0)
    lab.go(6.0 + 37.0)
    assert second.code is None
    lab.go(5.0)
    assert (second.code, lab.record.state) == (6, "UNKNOWN")
    assert "its heartbeat stood still for 38s" in second.voice.problems[-1]
    assert "--resolve done" in second.voice.problems[-1]
    assert lab.run(LEASE).code == 6
    assert lab.run(f"{LEASE} --on-failure retry").code == 6
    assert lab.started == ["first"]


def test_claim_that_was_never_confirmed_is_taken_over():
    """A holder that died before its command could start leaves nothing to be settled."""
    lab = Lab()
    lab.start("first", LEASE, faults={1: Fault.CRASH_BEFORE})
    second = lab.start("second", LEASE, after=1.0)
    lab.go()
    assert (second.code, lab.started) == (0, ["second"])
    assert second.command.environment["ONCE_ATTEMPT"] == "1"


def test_rerun_if_dead_waits_for_ecs_to_say_stopped():
    """A task that ECS shows running is waited for, though its heartbeat stands still."""
    lab = Lab(duration=20.0)
    first = lab.start("first", LEASE, faults={2: Fault.FROZEN_BEFORE})
    second = lab.start("second", f"{LEASE} --rerun-if-dead", after=1.0)
    lab.go(300.0)
    assert second.code is None
    assert "ECS shows its task alive" in second.voice.said[-1]
    lab.go()
    assert (first.code, second.code, lab.started) == (0, 0, ["first"])


def test_rerun_if_dead_takes_over_a_stopped_task():
    """Once ECS shows it STOPPED the next attempt begins; also from UNKNOWN."""
    for unknown in (False, True):
        lab = Lab()
        lab.start("first", LEASE, faults={2: Fault.CRASH_BEFORE})
        if unknown:
            assert lab.run(LEASE).code == 6
        second = lab.run(f"{LEASE} --rerun-if-dead")
        assert (second.code, second.command.environment["ONCE_ATTEMPT"]) == (0, "2")


def test_rerun_if_dead_believes_no_absence():
    """A task that ECS does not show any more is not stopped by anybody's word: UNKNOWN."""
    lab = Lab()
    first = lab.start("first", LEASE, faults={2: Fault.CRASH_BEFORE})
    lab.forgotten.add(first.arn)
    second = lab.run(f"{LEASE} --rerun-if-dead")
    assert (second.code, lab.record.state) == (6, "UNKNOWN")
    assert "ECS does not show its task any more" in second.voice.problems[-1]


def test_holder_that_is_no_task_is_never_taken_over():
    """Outside of ECS nobody can tell: UNKNOWN, with the reason."""
    lab = Lab()
    first = lab.start("first", LEASE, faults={2: Fault.CRASH_BEFORE})
    first.ledger.writer.who = "host/1"
    second = lab.run(f"{LEASE} --rerun-if-dead")
    assert second.code == 6
    assert "its holder is no ECS task" in second.voice.problems[-1]


def test_holder_without_a_renewal_for_a_lease_stops_its_command():
    """Cut off for a lease, it ends its command before anybody may judge it, and says so."""
    lab = Lab(duration=600.0)
    cut = dict.fromkeys(range(2, 40), Fault.LOST_REQUEST)
    holder = lab.start("first", LEASE, faults=cut)
    lab.go(36.0)
    assert lab.running == []
    assert lab.ends == [143]
    assert "could not be renewed for 30s" in holder.voice.problems[0]
    lab.go()
    assert holder.code == 143
    assert (lab.record.state, lab.record.code) == ("FAILED", 143)


def test_stubborn_command_is_killed_in_time():
    """A command that ignores SIGTERM is killed within a fifth of the lease."""
    lab = Lab(duration=600.0)
    lab.stubborn = True
    lab.start("first", LEASE, faults=dict.fromkeys(range(2, 40), Fault.LOST_REQUEST))
    lab.go(37.4)
    assert lab.ends == [137]


def test_timeout_stops_the_command():
    """--timeout ends it with 124, which is recorded."""
    lab = Lab(duration=600.0)
    holder = lab.run(f"{LEASE} --timeout 1m")
    assert (holder.code, lab.record.state, lab.record.code) == (124, "FAILED", 124)


def test_end_is_tried_to_be_written_for_fifteen_minutes():
    """A table that is away for ten minutes costs nothing; for longer, the command's code is returned all the same."""
    lab = Lab(duration=3.0, codes=(7, 7))
    away = dict.fromkeys(range(2, 90), Fault.THROTTLED)
    holder = lab.start("first", LEASE, faults={n: f for n, f in away.items() if n < 30})
    lab.go()
    assert (holder.code, lab.record.state) == (7, "FAILED")

    lab = Lab(duration=3.0, codes=(7,))
    holder = lab.start("first", LEASE, faults=dict.fromkeys(range(2, 500), Fault.THROTTLED))
    lab.go()
    assert (holder.code, lab.record.state) == (7, "RUNNING")
    assert "could not be written down" in holder.voice.problems[-1]
    assert "settle it as failed" in holder.voice.problems[-1]


def test_unreachable_table_starts_nothing():
    """After a minute without an answer it ends with 125, and nothing was started."""
    lab = Lab()
    holder = lab.start("first", LEASE, faults=dict.fromkeys(range(400), Fault.LOST_REQUEST))
    lab.go(70.0)
    assert (holder.code, lab.started) == (125, [])


def test_refusal_without_the_item_is_looked_up():
    """Where a failed condition does not bring the item, it is read: the outcome is the same."""
    lab = Lab()
    whole = lab.handle

    def handle(operation, params):
        answer = whole(operation, params)
        return ConditionFailed(None) if isinstance(answer, ConditionFailed) else answer

    lab.handle = handle
    first = lab.start("first", LEASE, faults={0: Fault.LOST_RESPONSE, 3: Fault.LOST_RESPONSE})
    second = lab.start("second", LEASE, after=8.0)
    lab.go()
    assert (first.code, second.code, lab.started) == (0, 0, ["first"])


def test_missing_table_is_made():
    """The first start makes the table and goes on."""
    lab = Lab(table=False)
    assert lab.run(LEASE).code == 0


def test_signal_before_the_start_gives_the_key_back():
    """The next start does not have to wait for a lease to run out."""
    lab = Lab()
    told = lab.start("first", LEASE)
    told.signals.coming.append(signal.SIGTERM)
    lab.go(1.0)
    assert (told.code, lab.started, lab.record.state) == (143, [], "RETRY")
    assert lab.run(LEASE).code == 0
    assert lab.record.attempt == 1


@pytest.mark.parametrize(
    "damage", [{"st": {"S": "LOST"}}, {"nonce": {"N": "1"}}, {"hb": {"S": "x"}}, {"v": {"N": "9"}}]
)
def test_damaged_record_is_refused(damage):
    """An item that once has not written starts nothing; table, key and attribute are named."""
    lab = Lab()
    lab.run(LEASE)
    lab.dynamodb.tables[TABLE].partitions[KEY][""].update(damage)
    refused = lab.run(LEASE)
    assert refused.code == 125
    assert f"table {TABLE}, key {KEY}" in str(refused.error)
