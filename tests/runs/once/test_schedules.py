"""Crash schedules of `once`: every call with every fault, two starters, counted by the command itself."""

from __future__ import annotations

import itertools
import random

import pytest

from tests.runs.once.lab import WIRE, Fault, Faults, Lab

POLICIES = ("", "--on-failure retry", "--rerun-if-dead")
CALLS = 7
"""Claim, confirmation, three heartbeats and the end of a command of twenty seconds, and one repetition."""
SPREAD = (0.0, 0.005, 7.0, 90.0)
"""When the second one starts: at the same moment, inside of the first's calls, during, after."""
SINGLES = [{n: fault} for n in range(CALLS) for fault in Fault]
FLAGS = "--lease 30s --wait 20m"
SEEDS = 400


def history(policy: str, first: Faults, second: Faults, after: float, codes=(0,)) -> Lab:
    """Play two starts with faults, then a clean third when all is quiet; return what happened."""
    lab = Lab(codes=codes)
    lab.start("a", f"{FLAGS} {policy}", faults=first)
    lab.start("b", f"{FLAGS} {policy}", after=after, faults=second)
    lab.go(5000.0)
    lab.start("c", f"{FLAGS} {policy}")
    lab.go(5000.0)
    return lab


def check(lab: Lab, policy: str, faults: list[Fault]) -> None:
    """Hold O1 to O3, that the record is true, and that the third one got an answer."""
    assert lab.violations == []
    if policy == "":
        assert len(lab.started) <= 1, "O1: at most one start"
    record, third = lab.record, lab.starters[-1]
    assert (third.code == 0) == (record.state == "DONE")
    assert third.code in (0, 6)
    if record.state == "DONE":
        assert 0 in lab.ends
    for starter in lab.starters:
        assert starter.code != 0 or record.state == "DONE"
    if policy != "--rerun-if-dead":
        assert lab.ends.count(0) <= 1, "a success is never repeated"
    if all(fault in WIRE for fault in faults):
        assert len(lab.started) == 1
        assert record.state == "DONE"


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("after", SPREAD)
def test_every_single_fault(policy, after):
    """Whatever happens to any one call of either starter, O1 to O3 hold and the outcome is true."""
    for faults in SINGLES:
        for pair in ((faults, {}), ({}, faults)):
            check(history(policy, *pair, after), policy, list(faults.values()))


@pytest.mark.parametrize("policy", POLICIES)
def test_every_pair_of_faults_of_two_starters(policy):
    """A fault in each of two starts at the same moment: the same promises, for every pair."""
    for first, second in itertools.product(SINGLES[: 3 * len(Fault)], SINGLES[: 3 * len(Fault)]):
        lab = history(policy, first, second, 0.0)
        check(lab, policy, [*first.values(), *second.values()])


@pytest.mark.parametrize("policy", POLICIES)
def test_failing_commands(policy):
    """A command that fails is run again only by --on-failure retry, and then until it succeeds, one at a time."""
    for faults in SINGLES:
        lab = history(policy, faults, {}, 7.0, codes=(3, 0))
        assert lab.violations == []
        assert lab.ends.count(0) <= 1
        if policy == "":
            assert len(lab.started) <= 1
        if "retry" in policy and all(fault in WIRE for fault in faults.values()):
            assert lab.ends == [3, 0]


@pytest.mark.parametrize("policy", POLICIES)
def test_random_histories_of_four_starters(policy):
    """Four starts with many faults each, commands that fail, and a fifth when all is quiet: O1 to O3 hold."""
    for seed in range(SEEDS):
        chance = random.Random(f"{policy} {seed}")
        lab = Lab(
            codes=[chance.choice((0, 0, 3)) for _ in range(3)],
            duration=chance.choice((1.0, 20.0, 90.0)),
        )
        for name in "abcd":
            faults = {n: chance.choice(list(Fault)) for n in range(40) if chance.random() < 0.15}
            after = chance.choice((0.0, 0.015, 10.0, 60.0, 700.0))
            lab.start(name, f"{FLAGS} {policy}", after=after, faults=faults)
        lab.go(6000.0)
        last = lab.start("last", f"{FLAGS} {policy}")
        lab.go(6000.0)
        assert lab.violations == [], seed
        assert policy or len(lab.started) <= 1, seed
        assert policy == "--rerun-if-dead" or lab.ends.count(0) <= 1, seed
        assert (last.code == 0) == (lab.record.state == "DONE"), seed


def test_holder_that_stands_still_is_stopped_before_anybody_settles():
    """An operator who believes UNKNOWN at once runs nothing beside the frozen holder's command."""
    for call, fault in itertools.product(range(1, 5), (Fault.FROZEN_BEFORE, Fault.FROZEN_AFTER)):
        lab = Lab(duration=400.0)
        lab.start("a", FLAGS, faults={call: fault})
        lab.start("b", FLAGS, after=5.0)

        def settle(lab=lab) -> None:
            lab.dynamodb.tables["reconciler-claims"].partitions["once#default#k"][""]["st"] = {
                "S": "RETRY"
            }
            lab.start("c", FLAGS)

        lab.operator(
            settle, lambda lab=lab: lab.record is not None and lab.record.state == "UNKNOWN"
        )
        lab.go(5000.0)
        assert lab.violations == []
        assert len(lab.started) <= 2
