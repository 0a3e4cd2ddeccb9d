"""How long things take in the embedded world: short by default, AWS's own with `Times.real()`.

Windows that our code relies on (stopped tasks stay for an hour, tokens for their lifetime plus an
hour) are not shortened: tests move the world's clock instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Times:
    """Durations of the world.

    `health_scale` multiplies a health check's declared interval and start period, `bake_scale` a
    declared bake time; `stage` is how long a lifecycle stage takes at least. `restart_backoff` is the
    first pause after a failed task; it doubles up to `restart_backoff_limit`.
    """

    provisioning: timedelta = timedelta(seconds=0.05)
    healthy_after: timedelta = timedelta(seconds=0.3)
    deprovisioning: timedelta = timedelta(seconds=0.02)
    restart_backoff: timedelta = timedelta(seconds=0.1)
    restart_backoff_limit: timedelta = timedelta(seconds=2)
    stop_timeout: timedelta = timedelta(seconds=10)
    health_scale: float = 0.02
    stage: timedelta = timedelta(seconds=0.02)
    bake_scale: float = 0.02
    visible_after: timedelta = timedelta()
    """Until then a new task is MISSING and unlisted: the API is eventually consistent."""
    cache_creating: timedelta = timedelta(seconds=0.2)
    cache_modifying: timedelta = timedelta(seconds=0.2)
    cache_applying: timedelta = timedelta(seconds=0.1)
    cache_rebooting: timedelta = timedelta(seconds=0.2)
    cache_deleting: timedelta = timedelta(seconds=0.1)
    forget_stopped: timedelta = timedelta(hours=1)
    forget_inactive_service: timedelta = timedelta(hours=1)
    tick: timedelta = timedelta(seconds=0.02)

    def bake(self, minutes: float) -> timedelta:
        """Return how long a bake time of so many minutes takes."""
        return timedelta(minutes=minutes * self.bake_scale)

    @classmethod
    def real(cls) -> Times:
        """Return AWS's durations: 40 s until a task without health checks counts as healthy.

        Sources: DeploymentConfiguration in botocore's ECS model (40 s), ECS service throttle logic (15
        min), StopTask (30 s); provisioning and the times of ElastiCache are what they usually take.
        """
        return cls(
            provisioning=timedelta(seconds=15),
            healthy_after=timedelta(seconds=40),
            deprovisioning=timedelta(seconds=10),
            restart_backoff=timedelta(seconds=10),
            restart_backoff_limit=timedelta(minutes=15),
            stop_timeout=timedelta(seconds=30),
            health_scale=1.0,
            stage=timedelta(seconds=5),
            bake_scale=1.0,
            visible_after=timedelta(seconds=1),
            cache_creating=timedelta(minutes=8),
            cache_modifying=timedelta(minutes=10),
            cache_applying=timedelta(seconds=30),
            cache_rebooting=timedelta(minutes=2),
            cache_deleting=timedelta(minutes=5),
        )
