"""`wait` on an account: generations and commits as a controller said them, and what never comes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from reconciler.app import ledger, wait
from reconciler.app.act import ApplyOptions, apply
from reconciler.controller.converge import TimedOut
from tests.app.conftest import APP


def run(account):
    """Apply what the files say."""
    apply(account.settings, account.desired, options=ApplyOptions(), on_event=lambda _: None)


def waited(account, *condition, **options):
    """Wait no time at all for a condition."""
    said = []
    wanted = wait.WaitFor(*condition, **options)
    return wait.wait(account.settings, account.desired, wanted, timedelta(0), said.append)


def test_a_generation_is_waited_for(account):
    """It was said by who applied it; the next one was not."""
    run(account)
    assert waited(account, "generation", "1").generation == 1
    with pytest.raises(TimedOut, match="has to take up generation 2, it said generation 1"):
        waited(account, "generation", "2")
    account.write(APP.replace("desiredCount: 1", "desiredCount: 2"))
    run(account)
    assert waited(account, "generation", "1").generation == 2


def test_a_commit_that_nobody_took_up(account):
    """Outside git there is none, and the message says what is missing."""
    run(account)
    with pytest.raises(TimedOut, match="no controller has taken up 3f2a91c"):
        waited(account, "revision", "3f2a91c")


def test_a_suspended_app_is_not_waited_for(account):
    """Code 4 at once, unless somebody wants to wait for the person who resumes it."""
    run(account)
    ledger.suspend(account.settings, account.desired, "incident")
    with pytest.raises(wait.NeverByItself, match="suspended: incident") as never:
        waited(account)
    assert never.value.exit_code == 4
    with pytest.raises(TimedOut):
        waited(account, keep_waiting=True)
    assert waited(account, "synced").converged is False
