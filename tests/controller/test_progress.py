"""Whether the heartbeat may speak for the workers."""

from __future__ import annotations

from reconciler.controller.progress import Progress
from tests.controller.fakes import VirtualClock

SHOP, BLOG = "production/shop", "production/blog"


def make() -> tuple[Progress, VirtualClock]:
    """Make a progress on virtual time."""
    clock = VirtualClock()
    return Progress(clock), clock


def test_an_idle_controller_is_never_stuck():
    """Without work there is no progress to make."""
    progress, clock = make()
    clock.advance(100_000)
    assert progress.stuck({SHOP}, 0) == ""


def test_a_pass_without_a_stamp_hangs_after_two_minutes():
    """120 s without a step is the limit, a stamp starts them anew."""
    progress, clock = make()
    progress.begin(SHOP)
    clock.advance(120)
    assert progress.stuck({SHOP}, 0) == ""
    progress.stamp(SHOP)
    clock.advance(120)
    assert progress.stuck({SHOP}, 0) == ""
    clock.advance(1)
    assert SHOP in progress.stuck({SHOP}, 0)


def test_only_the_passes_of_the_asking_place_count():
    """A hang in one region does not silence the heartbeat of another."""
    progress, clock = make()
    progress.begin(SHOP)
    clock.advance(121)
    assert progress.stuck({BLOG}, 0) == ""


def test_work_that_nobody_takes_up_is_a_hang_too():
    """Ready keys and no stamp for 120 s means that the workers are gone."""
    progress, clock = make()
    progress.expect_work()
    clock.advance(121)
    assert progress.stuck({SHOP}, 1) == "no worker takes up the work"
    progress.begin(SHOP)
    progress.end(SHOP)
    assert progress.stuck({SHOP}, 1) == ""


def test_without_workers_ready_keys_are_no_hang():
    """A command that does its passes itself leaves its queue alone and keeps its heartbeat."""
    progress, clock = make()
    clock.advance(100_000)
    assert progress.stuck({SHOP}, 1) == ""


def test_an_abandoned_pass_no_longer_counts():
    """After its lease was given up a hanging pass judges nobody, though it goes on stamping."""
    progress, clock = make()
    progress.begin(SHOP)
    clock.advance(121)
    progress.abandon({SHOP})
    assert progress.stuck({SHOP}, 0) == ""
    progress.stamp(SHOP)
    clock.advance(121)
    assert progress.stuck({SHOP}, 0) == ""


def test_the_next_pass_of_an_abandoned_key_counts_again():
    """Only the pass that hung is out of account, not its app for ever."""
    progress, clock = make()
    progress.begin(SHOP)
    progress.abandon({SHOP})
    progress.end(SHOP)
    progress.begin(SHOP)
    clock.advance(121)
    assert SHOP in progress.stuck({SHOP}, 0)
