"""Where a deployment waits for a person: at a lifecycle hook of the type PAUSE. Made by `resources.pause`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class Pause:
    """A hook of a service deployment that awaits an action.

    `then` is what ECS does by itself at `expires_at`: CONTINUE or ROLLBACK. Without `hook_id` nobody
    knows whether one waits: it was not permitted to see.
    """

    deployment_arn: str
    stage: str = ""
    hook_id: str = ""
    expires_at: datetime | None = None
    then: str = ""

    @property
    def text(self) -> str:
        """Say at which stage it waits, until when, and what to type."""
        if not self.hook_id:
            return (
                "a hook of the type PAUSE may wait for a person: "
                "without ecs:DescribeServiceDeployments that is not to be seen"
            )
        region = self.deployment_arn.split(":")[3]
        command = (
            f"aws ecs continue-service-deployment --region {region} "
            f"--service-deployment-arn {self.deployment_arn} --hook-id {self.hook_id}"
        )
        return f"waits at {self.stage} for a person{self._until()}; to go on: {command}"

    def _until(self) -> str:
        if self.expires_at is None:
            return ""
        end = f"{self.expires_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        return f" until {end}, then {self.then}" if self.then else f" until {end}"
