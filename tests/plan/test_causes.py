"""What ECS says in other words: every row of the table is reached by words that ECS really uses."""

from __future__ import annotations

import pytest

from reconciler.plan.causes import CODES, SIGNS, cause_of

SAID = [
    ("CannotPullContainerError: pull access denied for shop", "may not be pulled"),
    ("CannotPullContainerError: manifest unknown: no such tag", "no such tag"),
    ("CannotPullContainerError: no matching manifest for linux/arm64", "CPU architecture"),
    ("CannotPullContainerError: toomanyrequests: rate limit", "throttled"),
    ("CannotPullContainerError: dial tcp 1.2.3.4:443: i/o timeout", "no route"),
    ("CannotPullContainerError: write: no space left on device", "larger than the task's disk"),
    ("CannotPullContainerError: something new", "may not be pulled"),
    ("ResourceInitializationError: unable to pull secrets or registry auth", "secret"),
    ("ResourceInitializationError: failed to validate logger args: create stream", "log group"),
    ("ResourceInitializationError: failed to download environment file", "environment file"),
    ("ResourceInitializationError: failed to invoke EFS utils commands", "EFS"),
    ("ResourceInitializationError: something new", "out of reach"),
    ("CannotStartContainerError: exec format error", "another CPU architecture"),
    ("CannotStartContainerError: exec: /app: permission denied", "not executable"),
    ("CannotStartContainerError: exec: no such file", "is its command in the image"),
    ("OutOfMemoryError: container killed due to memory usage", "more memory"),
    ("Task failed ELB health checks in (target-group arn)", "load balancer's health check"),
    ("Task failed container health checks", "own health check"),
    ("RESOURCE:ENI", "network interface"),
    ("RESOURCE:FARGATE", "Fargate"),
    ("TaskFailedToStart: RESOURCE:MEMORY", "no room"),
    ("Capacity is unavailable at this time", "no room here"),
    ("TaskFailedToStart: EMPTY CAPACITY PROVIDER", "no instance"),
    ("Timeout waiting for network interface provisioning to complete.", "network interface"),
    ("Your Spot Task was interrupted.", "Spot"),
    ("Host EC2 (instance i-0123) terminated.", "instance"),
    ("reconciler: it ran longer than its timeout", "raise timeout"),
]


@pytest.mark.parametrize(("said", "meaning"), SAID)
def test_what_ecs_says_has_a_meaning(said: str, meaning: str) -> None:
    """Each text of AWS's documentation gives its own cause, and advice."""
    cause = cause_of(said, None)
    assert cause is not None
    assert meaning in cause.meaning
    assert cause.advice


def test_no_row_hides_behind_another() -> None:
    """Every row can be reached, and says where it is from."""
    for cause in SIGNS:
        assert cause_of(" ".join(cause.signs), None) is cause
    assert all(cause.source for cause in (*SIGNS, *CODES.values()))


def test_the_words_come_before_the_code() -> None:
    """137 alone is a kill; with OutOfMemory it is the memory; an ordinary code is left to the log."""
    assert cause_of("", 137) is CODES[137]
    memory = cause_of("OutOfMemoryError", 137)
    assert memory is not None
    assert "more memory" in memory.meaning
    assert cause_of("Essential container in task exited", 1) is None
    assert cause_of("", None) is None
