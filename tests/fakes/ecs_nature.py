"""What the fake ECS leaves open: how the world behaves, and a model of the user's command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class Nature:
    """How the world behaves, where AWS leaves it open. The nominal one has no bad luck.

    Times are in seconds. A seeded subclass draws them; a directed one overrides a single method.
    """

    def refuses(self, request: Mapping[str, Any]) -> str:
        """Return a reason for `failures[]`, empty to launch."""
        return ""

    def visible_after(self) -> float:
        """Until DescribeTasks knows the task."""
        return 0.5

    def boot(self) -> float:
        """Until the task's containers may start."""
        return 5.0

    def fails_to_start(self) -> bool:
        """Whether the image cannot be pulled."""
        return False

    def guard_answer_lost(self) -> bool:
        """Whether the guard's claim is applied and its answer lost."""
        return False

    def guard_dies(self) -> bool:
        """Whether the task is killed between the claim and the user's command."""
        return False

    def duration(self) -> float:
        """How long the user's command takes."""
        return 20.0

    def exit_code(self) -> int:
        """How the user's command ends."""
        return 0

    def host_lost(self) -> bool:
        """Whether ECS loses the exit code of a command that ran (host gone)."""
        return False

    def stop_grace(self) -> float:
        """Between StopTask and the end of the command."""
        return 3.0


@dataclass
class Execution:
    """One start of the user's command, as the command itself would count it."""

    token: str
    arn: str
    environment: Mapping[str, str]
    started: float
    ended: float | None = None
    exit_code: int | None = None


class Commands:
    """Counts what the user's commands did. Subclass it to check properties at the moment of a start."""

    def __init__(self) -> None:
        self.executions: list[Execution] = []

    def start(self, execution: Execution) -> None:
        """Note that the command starts now."""
        self.executions.append(execution)

    def end(self, execution: Execution, code: int, at: float) -> None:
        """Note that the command has ended."""
        execution.exit_code, execution.ended = code, at

    @property
    def running(self) -> list[Execution]:
        """Commands that are under way."""
        return [e for e in self.executions if e.ended is None]


class Exits(Nature):
    """Commands that exit with these codes, one after the other, then 0; each runs for so long."""

    def __init__(self, *codes: int, seconds: float = 20.0) -> None:
        self.codes = list(codes)
        self.seconds = seconds

    def exit_code(self) -> int:
        return self.codes.pop(0) if self.codes else 0

    def duration(self) -> float:
        return self.seconds
