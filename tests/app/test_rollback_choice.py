"""`rollback` through the composition root: what is chosen, refused, written and given back."""

from __future__ import annotations

import subprocess

import pytest

from reconciler.app import ledger, look, rollback
from reconciler.app.act import ApplyOptions, apply
from reconciler.app.rollback_choice import Wanted
from reconciler.model.errors import GuardRefused, PermanentError, UsageError
from reconciler.model.names import Address
from reconciler.model.status import Health, Sync
from tests.app.conftest import APP

WEB = Address("service", "web")
MIGRATION = """\
migrations:
  db:
    image: ${images.app}
    command: rails db:migrate
    revision: "2"
    cpu: 256
    memory: 512
    executionRoleArn: arn:aws:iam::123456789012:role/shop
    networkConfiguration:
      subnets: [subnet-0aaa]
"""


def run(account):
    """Apply what the files say."""
    options = ApplyOptions()
    return apply(account.settings, account.desired, options=options, on_event=lambda _: None)


@pytest.fixture
def shop(account):
    """Return the account after two releases."""
    run(account)
    account.write(APP.replace("/shop:1", "/shop:2"))
    run(account)
    account.sent()
    return account


def preview(account, **wanted):
    """Say what a rollback would do."""
    return rollback.preview(account.settings, account.desired, Wanted(**wanted))


def back(account, **wanted):
    """Roll back."""
    seen = preview(account, **wanted)
    return rollback.roll_back(account.settings, seen, ApplyOptions(), lambda _: None)


def image(account) -> str:
    """Return the last digit of the digest that the service runs."""
    return account.ecs.services.image_of("production", "shop-production-web")[-1:]


def test_a_preview_of_a_rollback_writes_nothing(shop):
    """Target, plan and notes are told from reads alone."""
    seen = preview(shop)
    assert [(str(a), r.generation) for a, r in seen.order.releases.items()] == [("service/web", 1)]
    assert "back to shop-production-web:1 of generation 1" in seen.plan.steps[0].summary
    assert shop.changed() == []


def test_rolled_back_suspended_and_let_go(shop):
    """The lease is given back, the suspension stays; the same again has nothing to do."""
    assert back(shop, reason="it is slow").converged
    assert image(shop) == "1"
    report = look.status(shop.settings, shop.desired)
    assert report.holder == ""
    assert (report.status.sync, report.status.health) == (Sync.OUT_OF_SYNC, Health.SUSPENDED)
    assert report.ledger.suspension.reason == "rolled back to generation 1: it is slow"
    assert preview(shop).is_done
    assert run(shop).exit_code == 4
    ledger.resume(shop.settings, shop.desired, "fixed")
    assert run(shop).converged
    assert image(shop) == "2"


def test_an_entry_of_the_journal_is_named(shop):
    """By number: what the service ran, or was being brought to, then."""
    entries = ledger.history(shop.settings, shop.desired, limit=None, newest_first=False)
    updates = [
        e.number
        for e in entries
        if (e.content["kind"], e.content["action"]) == ("INTENT", "UpdateService")
    ]
    assert preview(shop, number=updates[0]).order.releases[WEB].generation == 2
    assert preview(shop, number=updates[0] - 1).order.releases[WEB].generation == 1
    with pytest.raises(UsageError, match="has no entry 999"):
        preview(shop, number=999)
    with pytest.raises(UsageError, match="there was no rollout of it yet"):
        preview(shop, number=1)


def test_an_unknown_commit_is_told(shop):
    """Outside git no entry has one."""
    with pytest.raises(UsageError, match=r"knows no commit 3f2a91c; .*--to N"):
        preview(shop, revision="3f2a91c")


def test_nothing_to_go_back_to(account):
    """Before anything was applied, and after a first release."""
    with pytest.raises(PermanentError, match="no ledger yet"):
        preview(account)
    run(account)
    with pytest.raises(UsageError, match="no earlier rollout that ended well"):
        preview(account)


def migrated(account, *, irreversible: bool = False) -> None:
    """Have a migration succeed between the two releases."""
    text = MIGRATION + ("    irreversible: true\n" if irreversible else "")
    run(account)
    account.write(APP.replace("/shop:1", "/shop:2") + text)
    assert run(account).converged


def test_a_crossed_migration_is_told(account):
    """It stays applied: the note says what the older code must bear."""
    migrated(account)
    seen = preview(account)
    assert [r.revision for r in seen.order.crossed] == ["2"]
    assert "migration/db 2 stays applied" in " ".join(seen.plan.notes)


def test_an_irreversible_migration_is_not_crossed(account):
    """Refused with a guard's code, also when the files no longer say so; --force is journaled."""
    migrated(account, irreversible=True)
    with pytest.raises(GuardRefused, match=r"must not go back behind migration/db 2"):
        preview(account)
    account.write(APP.replace("/shop:1", "/shop:2") + MIGRATION)
    with pytest.raises(GuardRefused, match="declared irreversible"):
        preview(account)
    assert back(account, force=True).converged
    (entry,) = [
        e.content
        for e in ledger.history(account.settings, account.desired, limit=50)
        if e.content["action"] == "rollback"
    ]
    assert entry["detail"]["forced"] is True
    assert entry["detail"]["crossed"] == ["migration/db 2"]


def test_declared_later_counts_as_well(account):
    """The files may say it of a revision that has run already."""
    migrated(account)
    account.write(APP.replace("/shop:1", "/shop:2") + MIGRATION + "    irreversible: true\n")
    with pytest.raises(GuardRefused, match="declared irreversible"):
        preview(account)


def test_a_migration_that_succeeded_since_is_looked_at_again(account):
    """What was shown is what is done: another crossing is another question."""
    run(account)
    account.write(APP.replace("/shop:1", "/shop:2"))
    run(account)
    seen = preview(account)
    account.write(APP.replace("/shop:1", "/shop:2") + MIGRATION)
    run(account)
    with pytest.raises(GuardRefused, match="succeeded since the rollback was shown"):
        rollback.roll_back(account.settings, seen, ApplyOptions(), lambda _: None)
    assert look.status(account.settings, account.desired).ledger.suspension is None


def commit(account, text: str) -> str:
    """Write the files, commit them, apply them; return the commit."""
    account.write(text)
    who = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
    for arguments in (("init", "-q"), ("add", "-A"), (*who, "commit", "-qm", "x")):
        subprocess.run(["git", *arguments], cwd=account.folder, check=True, capture_output=True)
    assert run(account).converged
    return account.desired.commit


def test_a_commit_is_gone_back_to(account):
    """By the beginning of its hash, also after a rollback under it, and forward again."""
    one = commit(account, APP)
    two = commit(account, APP.replace("/shop:1", "/shop:2"))
    three = commit(account, APP.replace("/shop:1", "/shop:3"))
    assert len({one, two, three}) == 3
    assert back(account, revision=one[:8]).converged
    assert image(account) == "1"
    report = look.status(account.settings, account.desired)
    assert report.ledger.suspension.reason == f"rolled back to {one[:7]}"
    assert back(account, revision=two).converged
    assert image(account) == "2"
    assert preview(account, revision=three).order.releases[WEB].generation == 3
    assert preview(account, revision=one).order.releases[WEB].commit == one


def test_a_commit_that_rolled_nothing_means_what_ran_beside_it(account):
    """Its files were in force while the service ran what an earlier commit had rolled out."""
    one = commit(account, APP)
    scaled = commit(account, APP.replace("desiredCount: 1", "desiredCount: 2"))
    commit(account, APP.replace("/shop:1", "/shop:2"))
    release = preview(account, revision=scaled).order.releases[WEB]
    assert release.task_definition_arn.endswith(":1")
    assert release.commit in (one, scaled)
