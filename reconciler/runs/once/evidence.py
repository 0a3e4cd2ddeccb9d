"""Whether the task that holds a key is over, by ECS's own word; for --rerun-if-dead only.

Called by `start`. Needs ecs:DescribeTasks.
"""

from __future__ import annotations

from reconciler.runs.once.place import cluster_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reconciler.runs.once.calls import Caller

STOPPED = "stopped"
ALIVE = "alive"
GONE = "gone"
"""ECS does not show it: a stopped task is shown for about an hour, and an absence proves nothing."""


def state_of(caller: Caller, arn: str) -> str:
    """Ask ECS about a task; raises CallFailed. STOPPED means that all of its containers have ended."""
    answer = caller.call("DescribeTasks", {"cluster": cluster_of(arn), "tasks": [arn]})
    for task in answer.get("tasks") or ():
        if task.get("taskArn") == arn:
            return STOPPED if task.get("lastStatus") == "STOPPED" else ALIVE
    return GONE
