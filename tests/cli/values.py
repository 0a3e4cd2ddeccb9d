"""Values that the tests of the verbs share: apps, plans, statuses, journal records, runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from reconciler.app.look import Preview, StatusReport
from reconciler.model.desired import DesiredApp, DesiredMigration, DesiredService, When
from reconciler.model.journal import JournalRecord
from reconciler.model.names import Address
from reconciler.model.observed import LedgerView, ObservedApp
from reconciler.model.plan import Change, Effect, Plan, Step, Verb, Why
from reconciler.model.run import GuardMode, Run, RunState
from reconciler.model.status import AppStatus, Health, ResourceStatus, Sync

WEB = Address("service", "web")
DB = Address("migration", "db")
AT = datetime(2026, 11, 22, 12, tzinfo=UTC)


def service(name: str = "web") -> DesiredService:
    """Make a service whose container has one secret-looking value."""
    container = {
        "name": "app",
        "image": "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/shop:1",
        "environment": [{"name": "API_TOKEN", "value": "hunter2"}, {"name": "MODE", "value": "no"}],
    }
    return DesiredService(
        Address("service", name),
        {"serviceName": f"shop-production-{name}", "desiredCount": 2},
        {"family": f"shop-production-{name}", "containerDefinitions": [container]},
    )


def migration() -> DesiredMigration:
    """Make a migration."""
    return DesiredMigration(
        address=DB,
        revision="20261122",
        attempt=1,
        when=When.BEFORE,
        container="db",
        task_definition={"family": "shop-production-db", "containerDefinitions": []},
        launch={"launchType": "FARGATE"},
        timeout=timedelta(minutes=20),
        start_timeout=timedelta(minutes=5),
    )


def desired(key: str = "production/shop") -> DesiredApp:
    """Make an app with one service and one migration."""
    environment, app = key.split("/")
    return DesiredApp(
        key=key,
        app=app,
        environment=environment,
        account="123456789012",
        region="ap-northeast-1",
        cluster=environment,
        folder=f"desired/{key}",
        content_hash="c" * 64,
        services=(service(),),
        migrations=(migration(),),
    )


def plan(key: str = "production/shop", *, differs: bool = True) -> Plan:
    """Make a plan: the service would be updated, the migration is in sync."""
    change = Change("desiredCount", 1, 2, Why.GIT, Effect.NO_ROLLOUT)
    web = Step(WEB, Verb.UPDATE, "scale", (change,)) if differs else Step(WEB, Verb.NONE)
    return Plan(key, (Step(DB, Verb.NONE), web))


def status(key: str = "production/shop", *, code: int = 0, converged: bool = True) -> AppStatus:
    """Make an app's status."""
    sync = Sync.SYNCED if converged else Sync.OUT_OF_SYNC
    health = Health.HEALTHY if converged else Health.DEGRADED
    resources = (
        ResourceStatus(DB, Sync.SYNCED, Health.HEALTHY, "succeeded in 38s", "", "20261122"),
        ResourceStatus(WEB, sync, health, "1 task draining", "2/2", ":43"),
    )
    return AppStatus(key, sync, health, 3, "b7710de9", "c" * 64, resources, "", code)


def preview(app: DesiredApp, *, differs: bool = True) -> Preview:
    """Make what `diff` is given."""
    observed = ObservedApp(
        app.key, {}, {}, {}, ledger=LedgerView(app.key, owner="host#1", epoch=14)
    )
    return Preview(app, observed, plan(app.key, differs=differs), status(app.key))


def report(app: DesiredApp, *, code: int = 0, converged: bool = True) -> StatusReport:
    """Make what `status` is given."""
    seen = preview(app)
    now = status(app.key, code=code, converged=converged)
    return StatusReport(app, seen.observed, seen.plan, now, "host#1 (epoch 14)")


def record(number: int) -> JournalRecord:
    """Make a journal entry as the store gives it back."""
    content = {
        "n": number,
        "app": "production/shop",
        "kind": "INTENT",
        "address": "service/web",
        "action": "UpdateService",
        "cause": "git b7710de9",
        "op": "o1",
        "epoch": 14,
        "who": "host#abc",
        "at": "2026-11-22T12:00:00.000+00:00",
        "generation": 3,
        "commit": "b7710de9",
        "before": {"desiredCount": 1},
        "after": {"desiredCount": 2},
        "outcome": "",
        "request_id": "",
        "detail": {},
    }
    return JournalRecord(number, "0" * 64, f"{number:064d}", "{}", content)


def run(state: RunState = RunState.SUCCEEDED) -> Run:
    """Make a run of the migration."""
    return Run(
        name="db",
        revision="20261122",
        state=state,
        attempt=1,
        launch=1,
        ordinal=1,
        mode=GuardMode.CLAIM,
        container="db",
        token="t",
        started_by="s",
        request={"taskDefinition": "secret-free"},
        timeout_seconds=1200,
        start_timeout_seconds=300,
        intent_at=AT,
        version=1,
        exit_code=0 if state is RunState.SUCCEEDED else 1,
    )
