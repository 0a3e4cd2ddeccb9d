"""What is wrong with the desired state, and where. Made by `source`, printed by `cli`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """An error stops the app; a warning is only said."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, order=True)
class Origin:
    """A place in a file; line and column count from 1. `file` is as the user would type it."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        """Spell it so that editors can jump to it."""
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Diagnostic:
    """One mistake: place, message, stable rule name, the line's text and the length to underline."""

    origin: Origin
    message: str
    rule: str
    severity: Severity = Severity.ERROR
    source_line: str = ""
    width: int = 1

    def __str__(self) -> str:
        """Spell it as compilers do: `file:line:col: error: message [rule]`."""
        return f"{self.origin}: {self.severity}: {self.message} [{self.rule}]"
