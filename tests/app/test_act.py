"""Looking and acting through the composition root: what is written, by whom, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.app import ledger, look, wait, world
from reconciler.app.act import ApplyOptions, apply
from reconciler.controller.converge import TimedOut
from reconciler.model.errors import GuardRefused, UsageError
from reconciler.model.journal import Entry, EntryKind
from reconciler.model.names import Address
from reconciler.model.plan import Verb
from reconciler.model.status import Health
from reconciler.plan.digest import digest_of
from tests.app.conftest import APP

WEB = Address("service", "web")


def run(account, desired=None, **options):
    """Apply what the files say, or what was shown."""
    return apply(
        account.settings,
        desired or account.desired,
        options=ApplyOptions(**options),
        on_event=lambda _event: None,
    )


def test_a_preview_writes_nothing(account):
    """Neither in AWS nor in our tables, which need not even exist."""
    seen = look.preview(account.settings, account.desired)
    assert [(str(s.address), s.verb) for s in seen.plan.steps] == [("service/web", Verb.CREATE)]
    assert not seen.observed.ledger.tables_exist
    assert account.changed() == []


def test_no_reading_verb_writes(account):
    """Status and history of a converged app as well."""
    run(account)
    account.sent()
    assert look.status(account.settings, account.desired).status.converged
    waited = wait.wait(
        account.settings, account.desired, wait.WaitFor(), timedelta(0), lambda _: None
    )
    assert waited.converged
    assert ledger.history(account.settings, account.desired, limit=3)
    assert ledger.verify_history(account.settings, account.desired) == []
    assert account.changed() == []


def test_status_of_what_works_asks_for_no_diagnosis(account):
    """In a steady state it costs just what a preview does."""
    run(account)
    account.sent()
    look.preview(account.settings, account.desired)
    previewed = account.sent()

    report = look.status(account.settings, account.desired)

    assert account.sent() == previewed
    assert report.diagnoses == {}


def test_suspend_and_resume_are_heard_beside_a_controller_that_writes(account, monkeypatch):
    """Whoever loses the conditional write reads again: the person's command succeeds all the same."""
    run(account)
    opened, losses = world.BotoTransport, []

    def busy(*arguments, **more):
        transport = opened(*arguments, **more)

        def overtaken(_service, operation, _params):
            if operation == "TransactWriteItems" and len(losses) % 3 != 2:
                losses.append(operation)
                monkeypatch.setattr("reconciler.app.world.BotoTransport", opened)
                look_at = world.World(account.settings)
                session, _, _ = look_at.operator(account.desired)
                session.commit([Entry(EntryKind.OPERATOR, "", "beside")])
                monkeypatch.setattr("reconciler.app.world.BotoTransport", busy)
            elif operation == "TransactWriteItems":
                losses.append("none")

        transport.before = overtaken
        return transport

    monkeypatch.setattr("reconciler.app.world.BotoTransport", busy)
    said = ledger.suspend(account.settings, account.desired, "incident")
    assert (said, losses) == ("suspended: incident", ["TransactWriteItems"] * 2 + ["none"])
    monkeypatch.setattr("reconciler.app.world.BotoTransport", opened)
    assert look.status(account.settings, account.desired).status.health is Health.SUSPENDED
    assert ledger.verify_history(account.settings, account.desired) == []


def test_apply_converges_and_lets_go(account):
    """The service runs, the journal is whole, and nobody holds the app afterwards."""
    assert run(account).converged
    report = look.status(account.settings, account.desired)
    assert (report.holder, report.status.health) == ("", Health.HEALTHY)
    newest = ledger.history(account.settings, account.desired, limit=1)
    assert [r.content["kind"] for r in newest] == ["RELEASE"]


def test_apply_again_changes_nothing_in_aws(account):
    """In sync there is nothing to send, only the lease to take and give."""
    run(account)
    account.sent()
    assert run(account).converged
    assert {"CreateService", "UpdateService", "RegisterTaskDefinition"}.isdisjoint(account.sent())


def test_files_that_changed_since_they_were_shown_are_refused(account):
    """What a person said yes to is what is applied: another content is another plan."""
    shown = account.desired
    account.write(APP.replace("desiredCount: 1", "desiredCount: 9"))
    with pytest.raises(GuardRefused, match="changed since the plan was shown") as refused:
        run(account, shown)
    assert refused.value.exit_code == 4
    assert account.ecs.services.by_name == {}


def test_files_that_vanished_since_they_were_shown_are_refused(account):
    """The same goes for an app that is not there any more."""
    shown = account.desired
    account.folder.joinpath("production/shop/app.yaml").unlink()
    with pytest.raises(GuardRefused):
        run(account, shown)
    assert account.ecs.services.by_name == {}


def test_a_comment_is_no_change(account):
    """The content counts, not the layout."""
    shown = account.desired
    account.write("# only a comment\n" + APP)
    assert run(account, shown).converged


def test_time_that_is_up_has_its_own_code(account):
    """The rollout goes on; only the waiting ends, and the lease is given back."""
    with pytest.raises(TimedOut) as ended:
        run(account, timeout=timedelta(0))
    assert ended.value.exit_code == 7
    assert look.status(account.settings, account.desired).holder == ""


def test_waiting_for_what_does_not_come(account):
    """`wait` only looks: without a controller the app stays as it is until the time is up."""
    with pytest.raises(TimedOut, match="is not synced"):
        wait.wait(
            account.settings,
            account.desired,
            wait.WaitFor("synced"),
            timedelta(0),
            lambda _: None,
        )
    assert account.changed() == []


def test_suspend_and_resume(account):
    """A suspended app is not applied: the status has a guard's code, and nothing is sent."""
    run(account)
    ledger.suspend(account.settings, account.desired, "incident")
    account.write(APP.replace("desiredCount: 1", "desiredCount: 2"))
    account.sent()
    assert run(account).exit_code == 4
    assert "UpdateService" not in account.sent()
    ledger.resume(account.settings, account.desired, "over")
    assert run(account).converged


def test_verbs_on_what_is_not_there(account):
    """A service that is not held is told as such."""
    run(account)
    with pytest.raises(UsageError, match="not held"):
        ledger.retry(account.settings, account.desired, WEB, "why")


def test_the_policy_asks_aws_nothing(account):
    """It follows from the files alone."""
    whole, parts = look.iam_policy([account.desired], "controller")
    assert whole["Statement"]
    assert parts == [whole]
    assert account.sent() == []


def test_apply_without_waiting_for_the_lease(account):
    """With nobody there it is taken at once."""
    assert run(replace(account), no_wait=True).converged


def test_a_saved_plan_is_checked_under_the_lease(account):
    """What moved between the preview and the lease is noticed, and nothing is sent."""
    digest = digest_of(look.preview(account.settings, account.desired).plan)
    with pytest.raises(GuardRefused, match="is not the plan any more"):
        run(account, digest="another")
    assert account.ecs.services.by_name == {}
    assert look.status(account.settings, account.desired).holder == ""
    assert run(account, digest=digest).converged


def test_the_reason_is_in_the_journal(account):
    """Why somebody applied stands with the lease that was taken for it."""
    run(account, reason="hotfix")
    found = ledger.history(account.settings, account.desired, limit=None, newest_first=False)
    assert found[0].content["kind"] == "LEASE"
    assert found[0].content["cause"] == "apply: hotfix"


def test_one_service_is_suspended_and_resumed(account):
    """Its difference waits until it is resumed; the app says so with a guard's code."""
    run(account)
    ledger.suspend(account.settings, account.desired, "slow disk", None, "service/web")
    account.write(APP.replace("desiredCount: 1", "desiredCount: 2"))
    account.sent()
    blocked = run(account)
    assert (blocked.exit_code, blocked.health) == (4, Health.SUSPENDED)
    assert "UpdateService" not in account.sent()
    ledger.resume(account.settings, account.desired, "ok", "service/web")
    assert run(account).converged
