"""Which apps a command line means, and what is said when it means none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.app.desired import load, select
from reconciler.model.errors import InvalidDesiredState, UsageError
from tests.app.conftest import APP

OTHER = APP.replace("app: shop", "app: mail", 1)
BROKEN = APP.replace("desiredCount: 1", "desiredCont: 1").replace("app: shop", "app: mail", 1)


def chosen(account, app: str | None = None) -> list[str]:
    """Return the keys that are selected."""
    settings = replace(account.settings, app=app)
    return [desired.key for desired in select(settings, load(settings))]


def test_all_apps_in_order_of_their_keys(account):
    """Without `-a` every app below the folder is meant."""
    account.write(OTHER, "production/mail")
    assert chosen(account) == ["production/mail", "production/shop"]


def test_the_app_that_is_named(account):
    """`-a` means one, by its key."""
    account.write(OTHER, "production/mail")
    assert chosen(account, "production/shop") == ["production/shop"]


def test_an_unknown_app_is_told_with_the_known_ones(account):
    """A typo is a mistake of the command line, not of the files."""
    with pytest.raises(UsageError, match=r"no app 'production/shoop'.*there are: production/shop"):
        chosen(account, "production/shoop")


def test_a_broken_app_breaks_what_means_all(account):
    """All mistakes are raised with their places; nothing is done for the others behind one's back."""
    account.write(BROKEN, "production/mail")
    with pytest.raises(InvalidDesiredState, match="desiredCont") as raised:
        chosen(account)
    assert all("production/mail" in str(d.origin) for d in raised.value.diagnostics)


def test_a_broken_app_does_not_break_another(account):
    """Named by itself, a good app can be looked at and applied."""
    account.write(BROKEN, "production/mail")
    assert chosen(account, "production/shop") == ["production/shop"]


def test_a_broken_app_that_is_named(account):
    """It is known to be there and wrong, rather than unknown."""
    account.write(BROKEN, "production/mail")
    with pytest.raises(InvalidDesiredState, match="desiredCont"):
        chosen(account, "production/mail")


def test_an_empty_folder_holds_no_app(account):
    """Most likely the command was started in another place: the folder that was read is named."""
    account.folder.joinpath("production/shop/app.yaml").unlink()
    with pytest.raises(InvalidDesiredState, match=str(account.folder)):
        chosen(account)
    with pytest.raises(UsageError, match="there are: none"):
        chosen(account, "production/shop")
