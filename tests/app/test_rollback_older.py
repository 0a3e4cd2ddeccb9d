"""`rollback` over rollouts that an earlier version made, which wrote no releases."""

from __future__ import annotations

import pytest

from reconciler.app import ledger
from reconciler.model.errors import GuardRefused, UsageError
from tests.app.conftest import APP
from tests.app.test_rollback_choice import WEB, back, image, preview, run

ARN = "arn:aws:ecs:ap-northeast-1:123456789012:task-definition/shop-production-web"


def release(account, tag: int, **changes) -> None:
    """Roll out another image."""
    text = APP.replace("/shop:1", f"/shop:{tag}")
    for old, new in changes.items():
        text = text.replace(old, new)
    account.write(text)
    assert run(account).converged


def forget(account) -> None:
    """Make the ledger what an earlier version left: no release of any rollout."""
    gone = 0
    for table in account.dynamodb.tables.values():
        for items in table.partitions.values():
            for key in [key for key in items if str(key).startswith("REL#")]:
                del items[key]
                gone += 1
    assert gone


@pytest.fixture
def upgraded(account):
    """Return the account after two releases of an earlier version."""
    release(account, 1)
    release(account, 2)
    forget(account)
    return account


def test_the_first_rollback_after_an_upgrade_goes_back(upgraded):
    """To the revision that the journal names, and says what it does not know; then it is stored."""
    seen = preview(upgraded)
    found = seen.order.releases[WEB]
    assert (found.generation, found.task_definition_arn) == (1, f"{ARN}:1")
    assert "made by an earlier version of reconciler" in " ".join(seen.plan.notes)
    assert back(upgraded, reason="it is slow").converged
    assert image(upgraded) == "1"
    assert preview(upgraded).is_done
    ledger.resume(upgraded.settings, upgraded.desired, "fixed")
    assert run(upgraded).converged
    assert image(upgraded) == "2"
    assert not preview(upgraded).order.releases[WEB].from_journal


def test_older_rollouts_stand_behind_stored_ones(upgraded):
    """The first rollout of this version has a release; the one before it has none."""
    release(upgraded, 3)
    assert preview(upgraded).order.releases[WEB].task_definition_arn == f"{ARN}:2"
    assert back(upgraded).converged
    assert image(upgraded) == "2"


def test_an_entry_of_the_journal_is_gone_back_to(upgraded):
    """By number, as with stored releases; before the first rollout there is nothing."""
    release(upgraded, 3)
    entries = ledger.history(upgraded.settings, upgraded.desired, limit=None, newest_first=False)
    sent = [
        e.number
        for e in entries
        if e.content["kind"] == "INTENT"
        and e.content["action"] in ("CreateService", "UpdateService")
    ]
    assert preview(upgraded, number=sent[1] - 1).order.releases[WEB].begun == sent[0]
    assert preview(upgraded, number=sent[1]).order.releases[WEB].begun == sent[1]
    with pytest.raises(UsageError, match="there was no rollout of it yet"):
        preview(upgraded, number=1)


def test_the_services_own_fields_stay(upgraded):
    """What they were then is not known: a count and a grace period of today are kept."""
    upgraded.write(APP.replace("/shop:1", "/shop:2").replace("Count: 1", "Count: 2"))
    assert run(upgraded).converged
    assert back(upgraded).converged
    live = upgraded.ecs.handle(
        "DescribeServices", {"cluster": "production", "services": ["shop-production-web"]}
    )["services"][0]
    assert (live["desiredCount"], live["taskDefinition"]) == (2, f"{ARN}:1")


def test_a_revision_that_is_gone_is_refused(upgraded):
    """As with a stored release: git has it, and registers it anew."""
    upgraded.ecs.definition(f"{ARN}:1")["status"] = "INACTIVE"
    with pytest.raises(
        GuardRefused, match=r"shop-production-web:1 was deregistered: go back in git"
    ):
        preview(upgraded)
