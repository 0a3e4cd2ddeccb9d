"""The app of the simulation: one migration and one service whose image needs the migration's revision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from reconciler.model.desired import (
    DesiredApp,
    DesiredMigration,
    DesiredService,
    Guard,
    SyncPolicy,
    When,
)
from reconciler.model.names import Address

KEY = "production/shop"
REPOSITORY = "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/shop"


@dataclass(frozen=True)
class Wish:
    """What the files say, and since which change: `generation` counts the edits."""

    revision: str = "1"
    attempt: int = 1
    generation: int = 1


def image(revision: str) -> str:
    """Return the image that needs a revision."""
    return f"{REPOSITORY}@sha256:{int(revision):064x}"


@lru_cache(maxsize=64)
def sample(wish: Wish, *, guard: bool = True) -> DesiredApp:
    """Return the desired state for a wish."""
    container = {"name": "app", "essential": True, "image": image(wish.revision)}
    migration = DesiredMigration(
        address=Address("migration", "db"),
        revision=wish.revision,
        attempt=wish.attempt,
        when=When.BEFORE,
        container="app",
        task_definition={
            "family": "shop-production-db",
            "networkMode": "awsvpc",
            "requiresCompatibilities": ["FARGATE"],
            "cpu": "512",
            "memory": "1024",
            "containerDefinitions": [
                {
                    **container,
                    "command": ["migrate"],
                    "environment": [{"name": "REVISION", "value": wish.revision}],
                }
            ],
        },
        launch={"launchType": "FARGATE"},
        timeout=timedelta(minutes=20),
        start_timeout=timedelta(minutes=15),
    )
    service = DesiredService(
        address=Address("service", "web"),
        service={
            "serviceName": "shop-production-web",
            "launchType": "FARGATE",
            "deploymentConfiguration": {
                "deploymentCircuitBreaker": {"enable": True, "rollback": True}
            },
        },
        task_definition={
            "family": "shop-production-web",
            "networkMode": "awsvpc",
            "requiresCompatibilities": ["FARGATE"],
            "cpu": "512",
            "memory": "1024",
            "containerDefinitions": [container],
        },
    )
    return DesiredApp(
        key=KEY,
        app="shop",
        environment="production",
        account="123456789012",
        region="ap-northeast-1",
        cluster="production",
        folder="desired/production/shop",
        content_hash=f"{wish.generation:064x}",
        sync=SyncPolicy(),
        guard=Guard(image=f"{REPOSITORY}-guard@sha256:{0:064x}") if guard else None,
        services=(service,),
        migrations=(migration,),
    )
