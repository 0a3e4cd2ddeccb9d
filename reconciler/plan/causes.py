"""Why a container ended badly or never began: a table from what ECS says to the likely cause and the advice.

Read by `runs.diagnosis` for runs of every kind and for the tasks of a rollout. PURE data and one look-up.
The words are those of AmazonECS stopped-task-error-codes and api_failures_messages, exit codes those of
shells and of Docker.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Cause(NamedTuple):
    """One row: what ECS says (all of `signs`), what it usually means, what to do, and where that is from."""

    signs: tuple[str, ...]
    meaning: str
    advice: str
    source: str
    code: int = 0
    """What shells and `docker run` end with where the command itself could not be executed; else 0."""


_STOPPED = "AmazonECS stopped-task-error-codes"
_FAILURES = "AmazonECS api_failures_messages"
_PULL = "AmazonECS task_cannot_pull_image"
_INIT = "AmazonECS resource-initialization-error"
_EXEC = "docker run: exit status; opencontainers/runc: unable to start container process"

NOT_EXECUTABLE, NOT_FOUND = 126, 127

SIGNS: tuple[Cause, ...] = (
    Cause(
        ("longer than its timeout",),
        "it ran longer than its timeout and was stopped: raise timeout",
        "give it longer, or look in the log for what it waited for",
        "runs.decide",
    ),
    Cause(
        ("CannotPullContainer", "failed to resolve ref", "not found"),
        "there is no such image: its repository or its tag does not exist",
        "check the image's name and tag",
        _PULL,
    ),
    Cause(
        ("CannotPullContainer", "manifest"),
        "the image has no such tag, or none for this CPU architecture",
        "check the tag, and runtimePlatform against the image's platform",
        _PULL,
    ),
    Cause(
        ("CannotPullContainer", "denied"),
        "the image or its repository does not exist, or may not be pulled",
        "check the image's name, and the execution role's permissions on ECR",
        _PULL,
    ),
    Cause(
        ("CannotPullContainer", "toomanyrequests"),
        "the registry has throttled the pull",
        "wait, or pull through a cache or with credentials",
        _PULL,
    ),
    Cause(
        ("CannotPullContainer", "i/o timeout"),
        "the registry is out of reach: no route from the subnet",
        "check NAT gateway, assignPublicIp or the VPC endpoints of ECR and S3",
        _PULL,
    ),
    Cause(
        ("CannotPullContainer", "no space"),
        "the image is larger than the task's disk",
        "raise ephemeralStorage",
        _PULL,
    ),
    Cause(
        ("CannotPullContainer",),
        "the image or its repository does not exist, or may not be pulled",
        "check the image's name, the execution role and the route to the registry",
        _PULL,
    ),
    Cause(
        ("ResourceInitializationError", "secret"),
        "a secret or parameter does not exist, or the execution role may not read it",
        "check the reference under secrets and the execution role",
        _INIT,
    ),
    Cause(
        ("ResourceInitializationError", "ogger"),
        "the log group does not exist, or the execution role may not write to it",
        "make the log group, or set awslogs-create-group",
        _INIT,
    ),
    Cause(
        ("ResourceInitializationError", "environment file"),
        "an environment file on S3 does not exist, or the execution role may not read it",
        "check environmentFiles and the execution role",
        _INIT,
    ),
    Cause(
        ("ResourceInitializationError", "EFS"),
        "the EFS file system could not be mounted",
        "check its mount targets, their security groups, and the task role",
        _INIT,
    ),
    Cause(
        ("ResourceInitializationError",),
        "a secret, a log group or the network was out of reach before the container started",
        "check the execution role, and the route to Secrets Manager, SSM and CloudWatch Logs",
        _INIT,
    ),
    Cause(
        ("exec format error",),
        "the image is for another CPU architecture than the task's",
        "build for it, or set runtimePlatform.cpuArchitecture",
        _STOPPED,
    ),
    Cause(
        ("CannotStartContainer", "exec: ", "permission denied"),
        "the command is in the image, and not executable",
        "make it executable, or call it through its interpreter",
        _EXEC,
        NOT_EXECUTABLE,
    ),
    Cause(
        ("CannotStartContainer", "exec: ", "executable file not found"),
        "the command was not found in the image",
        "check command, entryPoint and PATH",
        _EXEC,
        NOT_FOUND,
    ),
    Cause(
        ("CannotStartContainer", "exec: ", "no such file or directory"),
        "the command was not found in the image",
        "check command, entryPoint and workingDirectory",
        _EXEC,
        NOT_FOUND,
    ),
    Cause(
        ("CannotStartContainer",),
        "the container could not be started: is its command in the image?",
        "check command, entryPoint and workingDirectory",
        _STOPPED,
    ),
    Cause(
        ("CannotCreateContainer",),
        "the container could not be made: a volume, a name or its resources",
        "check mountPoints and volumes",
        _STOPPED,
    ),
    Cause(
        ("CannotInspectContainer",),
        "the container runtime lost sight of the container",
        "try again; on EC2 look at the instance's Docker",
        _STOPPED,
    ),
    Cause(
        ("ContainerRuntimeTimeout",),
        "the container runtime did not answer in time",
        "try again; on EC2 look at the instance's load",
        _STOPPED,
    ),
    Cause(
        ("OutOfMemory",),
        "the container used more memory than it may: raise memory",
        "raise memory, or find what grew",
        _STOPPED,
    ),
    Cause(
        ("failed ELB health checks",),
        "the load balancer's health check of the target failed",
        "check its path, port and matcher, the security groups, and healthCheckGracePeriodSeconds",
        _STOPPED,
    ),
    Cause(
        ("failed container health checks",),
        "the container's own health check failed",
        "check the healthCheck's command, and give it a longer startPeriod",
        _STOPPED,
    ),
    Cause(
        ("RESOURCE:ENI",),
        "no instance has a network interface left",
        "add instances, larger ones, or awsvpcTrunking",
        _FAILURES,
    ),
    Cause(
        ("RESOURCE:FARGATE",),
        "Fargate has no room here just now, or the account's vCPU quota is used up",
        "try again, use more subnets, or raise the quota",
        _FAILURES,
    ),
    Cause(
        ("Capacity is unavailable",),
        "Fargate has no room here just now",
        "try again, or use subnets of more availability zones",
        _STOPPED,
    ),
    Cause(
        ("RESOURCE:",),
        "the cluster has no room for the task",
        "add instances, ask for less cpu and memory, or use Fargate",
        _FAILURES,
    ),
    Cause(
        ("AGENT",),
        "the instance's ECS agent is not connected",
        "restart the agent or replace the instance",
        _FAILURES,
    ),
    Cause(
        ("ATTRIBUTE",),
        "no instance has what the task definition requires",
        "check requiresAttributes against the instances",
        _FAILURES,
    ),
    Cause(
        ("EMPTY CAPACITY PROVIDER",),
        "the capacity provider has no instance",
        "look at its Auto Scaling group",
        _FAILURES,
    ),
    Cause(
        ("network interface provisioning",),
        "the task got no network interface in time",
        "check the subnets' free addresses and the quota of interfaces",
        _STOPPED,
    ),
    Cause(("AccessDenied",), "a permission is missing", "add it: reconciler doctor", _STOPPED),
    Cause(("not authorized",), "a permission is missing", "add it: reconciler doctor", _STOPPED),
    Cause(
        ("SpotInterruption",),
        "a Spot interruption: run without Spot what must come to its end",
        "start it again, on FARGATE",
        _STOPPED,
    ),
    Cause(
        ("Your Spot Task was interrupted",),
        "a Spot interruption: run without Spot what must come to its end",
        "start it again, on FARGATE",
        _STOPPED,
    ),
    Cause(
        ("Host EC2",),
        "the instance that ran the task was terminated",
        "look at the Auto Scaling group's activity",
        "apache/airflow: ecs operator",
    ),
    Cause(
        ("performing maintenance",),
        "Fargate retired the host of the task",
        "start it again",
        "AmazonECS task-maintenance",
    ),
    Cause(
        ("Scaling activity initiated",),
        "the service's scheduler stopped the task: the service is deployed or scaled in",
        "look at the service's deployment",
        _STOPPED,
    ),
)
"""The first row of which every sign is in what ECS says."""

CODES: Mapping[int, Cause] = {
    NOT_EXECUTABLE: Cause(
        (), "the command is not executable", "check its mode and its first line", "POSIX sh"
    ),
    NOT_FOUND: Cause(
        (), "the command was not found in the image", "check command and PATH", "POSIX sh"
    ),
    134: Cause((), "the program aborted (SIGABRT)", "look in the log", "signal(7)"),
    137: Cause(
        (),
        "killed: out of memory, or by somebody from outside",
        "raise memory, or look who stopped it",
        "signal(7)",
    ),
    139: Cause((), "the program crashed (segmentation fault)", "look in the log", "signal(7)"),
    143: Cause(
        (), "terminated from outside before it had finished", "look who stopped it", "signal(7)"
    ),
}
"""By the exit code, where ECS has nothing to say."""


def cause_of(said: str, code: int | None) -> Cause | None:
    """Return the likely cause of what ECS said and of the exit code, None when the log has to tell."""
    for cause in SIGNS:
        if all(sign in said for sign in cause.signs):
            return cause
    return CODES.get(code) if code is not None else None


def refused_command(said: object) -> int:
    """Return 126 or 127 when ECS says of a container that its command cannot be executed or found; else 0.

    Then it certainly never ran, although the container was made and has the runtime's id.
    """
    cause = cause_of(said, None) if isinstance(said, str) else None
    return cause.code if cause else 0
