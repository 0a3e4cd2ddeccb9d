"""Where an app is opened: the account guard, the endpoint, and one place for one account and region."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.app import ledger, look
from reconciler.app.act import ApplyOptions, apply
from reconciler.app.desired import load, select
from reconciler.app.world import World, place_name
from reconciler.aws.translate import from_code
from reconciler.model.errors import GuardRefused, PermanentError
from reconciler.store.tables import Tables
from tests.app.conftest import APP


def ignore(_event) -> None:
    """Take an event and say nothing."""


def test_another_account_is_refused_before_anything_is_done(account):
    """Whoever acts or looks with other credentials is told both accounts, and nothing is sent."""
    account.sts.account = "999999999999"
    for act in (
        lambda: look.preview(account.settings, account.desired),
        lambda: apply(account.settings, account.desired, options=ApplyOptions(), on_event=ignore),
        lambda: ledger.suspend(account.settings, account.desired, "why"),
        lambda: ledger.history(account.settings, account.desired, limit=None),
    ):
        with pytest.raises(
            GuardRefused, match=r"123456789012.*999999999999.*nothing is done"
        ) as no:
            act()
        assert no.value.exit_code == 4
        assert set(account.sent()) == {"GetCallerIdentity"}


def test_a_place_is_opened_once(account):
    """Two passes, or two apps of one account and region, share it; the identity is asked for once."""
    world = World(account.settings)
    first = account.desired
    assert world.place(first) is world.place(replace(first, key="production/other"))
    assert account.sent() == ["GetCallerIdentity"]


def test_another_prefix_is_another_place(account):
    """Two sets of tables are two ledgers."""
    world = World(account.settings)
    other = replace(account.desired, table_prefix="blue")
    assert world.place(other) is not world.place(account.desired)
    assert place_name(other) == "123456789012/ap-northeast-1/blue"


def test_only_who_acts_makes_tables(account):
    """A reader leaves a missing table missing."""
    World(account.settings).place(account.desired)
    assert account.changed() == []
    World(account.settings, acting=True).place(account.desired)
    assert account.sent().count("CreateTable") == len(Tables().schemas())


def test_the_endpoint_and_profile_of_the_command_line(account):
    """They reach the transport, with the region of the files."""
    settings = replace(account.settings, endpoint_url="http://127.0.0.1:1", profile="me")
    World(settings).place(account.desired)
    assert account.opened == [("ap-northeast-1", "me", "http://127.0.0.1:1")]


def test_an_observer_is_kept_for_its_app(account):
    """What cannot change need not be read again by the next pass."""
    world = World(account.settings)
    assert world.observer(account.desired) is world.observer(account.desired)


def test_without_a_ledger_there_is_nothing_to_tell(account):
    """Operators' verbs say that nothing was ever applied here; reading verbs show an empty history."""
    with pytest.raises(PermanentError, match="has no ledger yet"):
        ledger.suspend(account.settings, account.desired, "why")
    assert ledger.history(account.settings, account.desired, limit=None) == []
    assert ledger.verify_history(account.settings, account.desired) == []
    assert ledger.migration_list(account.settings, account.desired) == []
    assert account.changed() == []


def test_doctor_asks_a_region_that_does_not_answer_once(account):
    """Of however many apps: each is told the same, and the ledger is not asked before it is known who we are."""
    account.write(APP.replace("app: shop", "app: till"), "production/till")
    apps = select(account.settings, load(account.settings))
    account.handlers["sts"] = _no_aws
    found = look.doctor(account.settings, apps)
    assert [(f.key, f.name, str(f.state)) for f in found] == [
        ("production/shop", "credentials", "failed"),
        ("production/till", "credentials", "failed"),
    ]
    assert account.sent() == ["GetCallerIdentity"]


def _no_aws(operation, _params):
    raise from_code(f"sts:{operation}", "", status=501)
