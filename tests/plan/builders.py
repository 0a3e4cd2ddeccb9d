"""Desired and ledger values with sensible fillings, for the planner's tests."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.model.desired import (
    DesiredApp,
    DesiredJob,
    DesiredMigration,
    DesiredService,
    When,
)
from reconciler.model.due import JobPolicy
from reconciler.model.names import Address
from reconciler.model.plan import Plan, Step
from reconciler.model.run import GuardMode, Run, RunState
from reconciler.plan.canonical import canonical_service, canonical_task_definition

KEY = "production/shop"
ACCOUNT = "123456789012"
REPOSITORY = f"{ACCOUNT}.dkr.ecr.ap-northeast-1.amazonaws.com/shop"
EPOCH = datetime(2026, 11, 22, tzinfo=UTC)


def image(tag: str) -> str:
    """Spell an image reference."""
    return f"{REPOSITORY}:{tag}"


def digest(reference: str) -> str:
    """Spell what the registry resolves a reference to."""
    repository, _, tag = reference.rpartition(":")
    return f"{repository}@sha256:{tag.encode().hex():0<64}"


def a_task_definition(tag: str = "1", **container: Any) -> dict[str, Any]:
    """Return a task definition as `source` writes it."""
    return canonical_task_definition(
        {
            "family": "shop-production-web",
            "cpu": "512",
            "memory": "1024",
            "networkMode": "awsvpc",
            "containerDefinitions": [
                {
                    "name": "app",
                    "image": image(tag),
                    "environment": [{"name": "RAILS_ENV", "value": "production"}],
                    "secrets": [{"name": "MASTER_KEY", "valueFrom": "/shop/MASTER_KEY"}],
                    **container,
                }
            ],
        }
    )


def a_service(
    name: str = "web", tag: str = "1", *, td: dict[str, Any] | None = None, **fields: Any
) -> DesiredService:
    """Return a desired service; `fields` are CreateService's, and `after`, `written`, `origins`."""
    own = ("after", "written", "origins", "autoscaling")
    extra = {k: fields.pop(k) for k in own if k in fields}
    document = {"serviceName": f"shop-production-{name}", **fields}
    definition = dict(td or a_task_definition(tag))
    definition["family"] = f"shop-production-{name}"
    return DesiredService(
        Address("service", name), canonical_service(document), definition, **extra
    )


def a_migration(
    revision: str = "20261122", *, name: str = "db", when: When = When.BEFORE, attempt: int = 1
) -> DesiredMigration:
    """Return a desired migration."""
    return DesiredMigration(
        address=Address("migration", name),
        revision=revision,
        attempt=attempt,
        when=when,
        container=name,
        task_definition=canonical_task_definition(
            {
                "family": f"shop-production-{name}",
                "containerDefinitions": [
                    {"name": name, "image": image("1"), "command": ["rails", "db:migrate"]}
                ],
            }
        ),
        launch={},
        timeout=timedelta(minutes=20),
        start_timeout=timedelta(minutes=15),
    )


def a_job(
    schedule: str = "0 3 * * *", *, name: str = "report", tag: str = "1", **fields: Any
) -> DesiredJob:
    """Return a desired job; `policy` words as those of JobPolicy, the rest as fields of DesiredJob."""
    words = {f.name for f in dataclasses.fields(JobPolicy)}
    policy = JobPolicy(**{k: fields.pop(k) for k in tuple(fields) if k in words})
    container = {"name": name, "image": image(tag), "command": ["rake", "report"]}
    document = {"family": f"shop-production-{name}", "containerDefinitions": [container]}
    return DesiredJob(
        address=Address("job", name),
        schedule=schedule,
        time_zone=fields.pop("time_zone", "UTC"),
        policy=policy,
        container=name,
        start_timeout=timedelta(minutes=15),
        **{
            "task_definition": canonical_task_definition(document),
            "launch": {},
            "timeout": timedelta(minutes=20),
            **fields,
        },
    )


def an_app(
    *services: DesiredService, migrations: tuple[DesiredMigration, ...] = (), **fields: Any
) -> DesiredApp:
    """Return a desired app."""
    return DesiredApp(
        key=KEY,
        app="shop",
        environment="production",
        account=ACCOUNT,
        region="ap-northeast-1",
        cluster="production",
        folder="desired/production/shop",
        content_hash="c" * 64,
        services=services,
        migrations=migrations,
        **fields,
    )


def a_run(state: RunState, revision: str = "20261122", *, name: str = "db", **fields: Any) -> Run:
    """Return a ledger's run."""
    values: dict[str, Any] = {
        "attempt": 1,
        "launch": 0,
        "ordinal": 1,
        "mode": GuardMode.CLAIM,
        "container": name,
        "token": "t",
        "started_by": "s",
        "request": {},
        "timeout_seconds": 1200,
        "start_timeout_seconds": 900,
        "intent_at": EPOCH,
        "version": 1,
        **fields,
    }
    return Run(name=name, revision=revision, state=state, **values)


def only(plan: Plan, address: str) -> Step:
    """Return the one step of an address."""
    steps = [s for s in plan.steps if str(s.address) == address]
    assert len(steps) == 1, steps
    return steps[0]
