"""BLUE_GREEN, LINEAR and CANARY: a service deployment goes through its lifecycle stages.

Called by `scheduler` under the world's lock while such a deployment is under way and not rolling
back. Both revisions run side by side until CLEAN_UP. Sources: the developer guide's pages on how
blue/green, linear and canary deployments work; DeploymentLifecycleHook in botocore's ECS model.
"""

from __future__ import annotations

from datetime import timedelta

from reconciler.local.ecs.deployments import add_event, current_deployment, fail
from reconciler.local.ecs.service_tasks import healthy, keep
from reconciler.local.ecs.state import (
    Document,
    LifecycleHook,
    Service,
    ServiceDeployment,
    Task,
    World,
)

STAGES = (
    "RECONCILE_SERVICE",
    "PRE_SCALE_UP",
    "SCALE_UP",
    "POST_SCALE_UP",
    "TEST_TRAFFIC_SHIFT",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRE_PRODUCTION_TRAFFIC_SHIFT",
    "PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
    "BAKE_TIME",
    "CLEAN_UP",
)
_BEFORE_SHIFT, _SHIFT = "PRE_PRODUCTION_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT"
_ALL = 100.0
_HOOK_MINUTES = 1440
_STAGE_LIMIT = timedelta(hours=24)


def shown_stage(current: ServiceDeployment) -> str:
    """Return the stage as an answer names it: what comes before a shift is a part of it there."""
    return _SHIFT if current.stage == _BEFORE_SHIFT else current.stage


def staged(service: Service) -> ServiceDeployment | None:
    """Return the service deployment under way that goes through stages, if there is one.

    The first deployment of a service has nothing to shift from: it is scaled up like any other.
    """
    current = current_deployment(service)
    if current is None or service.strategy == "ROLLING" or current.rollback is not None:
        return None
    return current if current.production is not None and not _complete(current) else None


def _complete(current: ServiceDeployment) -> bool:
    return current.target.rollout_state != "IN_PROGRESS"


def step(world: World, service: Service, current: ServiceDeployment, tasks: list[Task]) -> None:
    """Keep the tasks of both revisions, and go to the next stage when this one is done."""
    if current.status == "PENDING":
        return
    if not current.stage:
        several = len(current.sources) > 1
        _enter(world, service, current, STAGES[0] if several else STAGES[1])
    _keep_tasks(world, service, current, tasks)
    if _hooks_block(world, service, current) or current.rollback is not None:
        return
    if _stage_done(world, service, current, tasks):
        _leave(world, service, current)
    elif current.stage_since and world.now() >= current.stage_since + _STAGE_LIMIT:
        fail(world, service, f"ECS deployment: {current.stage} timed out.", rollback=True)


def _keep_tasks(
    world: World, service: Service, current: ServiceDeployment, tasks: list[Task]
) -> None:
    place, wanted = STAGES.index(current.stage), service.desired_count
    green = wanted if place >= STAGES.index("SCALE_UP") else 0
    blue = 0 if current.stage == "CLEAN_UP" else wanted
    keep(world, service, current.target, green, tasks)
    for source in current.sources:
        keep(world, service, source, blue if source is current.production else 0, tasks)


# --- stages --------------------------------------------------------------------------------------


def _enter(world: World, service: Service, current: ServiceDeployment, stage: str) -> None:
    current.stage, current.stage_since = stage, world.now()
    current.updated_at = world.now()
    current.bake_since = None
    if stage == "BAKE_TIME":
        current.test_weight = 0.0
    add_event(world, service, f"(deployment {current.target.id}) reached stage {stage}.")
    for hook in current.configuration.get("lifecycleHooks") or []:
        if stage in (hook.get("lifecycleStages") or []):
            current.hooks.append(_new_hook(world, hook, stage))


def _leave(world: World, service: Service, current: ServiceDeployment) -> None:
    place = STAGES.index(current.stage)
    if current.stage == _SHIFT and current.weight < _ALL:
        _enter(world, service, current, _BEFORE_SHIFT)  # once more before every step
        return
    if place + 1 < len(STAGES):
        _enter(world, service, current, STAGES[place + 1])
        return
    target = current.target
    target.rollout_state, target.updated_at = "COMPLETED", world.now()
    target.rollout_reason = f"ECS deployment {target.id} completed."
    add_event(world, service, f"(deployment {target.id}) deployment completed.")
    add_event(world, service, "has reached a steady state.")


def _stage_done(
    world: World, service: Service, current: ServiceDeployment, tasks: list[Task]
) -> bool:
    """Do the work of a stage; whether nothing of it is left. Each takes a moment at least."""
    if current.stage_since and world.now() < current.stage_since + world.times.stage:
        return False
    if current.stage == _SHIFT:
        return _shift(world, service, current)
    if current.stage == "BAKE_TIME":
        return _baked(world, current, current.configuration.get("bakeTimeInMinutes") or 0)
    if current.stage == "TEST_TRAFFIC_SHIFT":
        current.test_weight = _ALL
    return _tasks_done(world, service, current, tasks)


def _tasks_done(
    world: World, service: Service, current: ServiceDeployment, tasks: list[Task]
) -> bool:
    """Whether the tasks are those that the stage waits for."""
    own = [t for t in tasks if t.started_by == current.target.id]
    if current.stage == "RECONCILE_SERVICE":
        production = current.production
        return all(t in own or t.started_by == (production and production.id) for t in tasks)
    if current.stage == "SCALE_UP":
        return sum(healthy(world, t) for t in own) >= service.desired_count
    return current.stage != "CLEAN_UP" or len(own) == len(tasks)


def _shift(world: World, service: Service, current: ServiceDeployment) -> bool:
    """Take one step of the traffic shift, and wait after it unless it was the last one."""
    step_percent, minutes = _step(service.strategy, current.configuration)
    if current.bake_since is None:
        current.bake_since = world.now()
        rest = service.strategy == "CANARY" and current.weight > 0
        current.weight = _ALL if rest else min(_ALL, current.weight + step_percent)
    return current.weight >= _ALL or _baked(world, current, minutes)


def _step(strategy: str, configuration: Document) -> tuple[float, float]:
    """Return the percentage of a step and the minutes to wait after it, with ECS's defaults."""
    if strategy == "CANARY":
        canary = configuration.get("canaryConfiguration") or {}
        return float(canary.get("canaryPercent", 5.0)), canary.get("canaryBakeTimeInMinutes", 10)
    if strategy == "LINEAR":
        linear = configuration.get("linearConfiguration") or {}
        return float(linear.get("stepPercent", 10.0)), linear.get("stepBakeTimeInMinutes", 6)
    return _ALL, 0


def _baked(world: World, current: ServiceDeployment, minutes: float) -> bool:
    since = current.bake_since or current.stage_since
    return since is None or world.now() >= since + world.times.bake(minutes)


# --- hooks ---------------------------------------------------------------------------------------


def _new_hook(world: World, hook: Document, stage: str) -> LifecycleHook:
    """Make a hook that waits. There is no Lambda here: a function is taken to have succeeded."""
    timeout = hook.get("timeoutConfiguration") or {}
    minutes = int(timeout.get("timeoutInMinutes", _HOOK_MINUTES))
    pause = hook.get("targetType") == "PAUSE"
    return LifecycleHook(
        id=world.new_uuid(),
        stage=stage,
        target_type="PAUSE" if pause else "AWS_LAMBDA",
        target_arn=str(hook.get("hookTargetArn") or ""),
        status="AWAITING_ACTION" if pause else "SUCCEEDED",
        expires_at=world.now() + timedelta(minutes=minutes),
        timeout_action=str(timeout.get("action") or "ROLLBACK"),
    )


def _hooks_block(world: World, service: Service, current: ServiceDeployment) -> bool:
    """Whether a PAUSE hook of this stage waits; one whose time is over takes its timeout action."""
    waiting = [h for h in current.hooks if h.status == "AWAITING_ACTION"]
    for hook in waiting:
        if world.now() >= hook.expires_at:
            resolve(world, service, current, hook, "TIMED_OUT")
    return any(h.status == "AWAITING_ACTION" for h in current.hooks)


def resolve(
    world: World, service: Service, current: ServiceDeployment, hook: LifecycleHook, status: str
) -> None:
    """End a waiting hook: SUCCEEDED goes on, FAILED rolls back, TIMED_OUT does what is configured."""
    hook.status, current.updated_at = status, world.now()
    back = status == "FAILED" or (status == "TIMED_OUT" and hook.timeout_action == "ROLLBACK")
    if back:
        word = "timed out" if status == "TIMED_OUT" else "was rolled back"
        reason = f"ECS deployment: the lifecycle hook at {hook.stage} {word}."
        fail(world, service, reason, rollback=True)
