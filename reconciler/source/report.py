"""Collects what is wrong: every step of `source` adds to it and goes on, so that one pass says all."""

from __future__ import annotations

from reconciler.model.diagnostics import Diagnostic, Origin, Severity
from reconciler.plan.mask import mask_text
from reconciler.source.nodes import Place

_LONGEST = 60
_ABSENCE = frozenset({"required", "unknown-reference", "unknown-name", "unknown-container"})
"""Rules that a file which could not be read may explain."""


class Report:
    """Diagnostics of one folder, each said once per place."""

    def __init__(self) -> None:
        self._found: dict[tuple[Origin, str, str], Diagnostic] = {}
        self.incomplete = False
        """Some file could not be read: what is absent may stand there, and is not reported."""

    def error(self, place: Place, message: str, rule: str, *, path: str = "") -> None:
        """Add an error. `path` names the field in the message; equal mistakes at one place are one."""
        self._add(place, message, rule, path, Severity.ERROR)

    def warning(self, place: Place, message: str, rule: str, *, path: str = "") -> None:
        """Add a warning."""
        self._add(place, message, rule, path, Severity.WARNING)

    def extend(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        """Add what another report found."""
        for found in diagnostics:
            self._found.setdefault((found.origin, found.rule, found.message), found)

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Everything found, by place."""
        return tuple(sorted(self._found.values(), key=lambda d: (d.origin, d.rule, d.message)))

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The errors alone."""
        return tuple(d for d in self.diagnostics if d.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """The warnings alone."""
        return tuple(d for d in self.diagnostics if d.severity is Severity.WARNING)

    def _add(self, place: Place, message: str, rule: str, path: str, severity: Severity) -> None:
        if self.incomplete and rule in _ABSENCE:
            return
        text = f"{path}: {message}" if path else message
        line = place.file.line(place.line)
        diagnostic = Diagnostic(
            origin=place.origin,
            message=text,
            rule=rule,
            severity=severity,
            source_line=mask_text(line),
            width=max(1, min(place.width, len(line) - place.column + 1)),
        )
        self._found.setdefault((place.origin, rule, message), diagnostic)


def show(text: str) -> str:
    """Quote a written value for a message: short, on one line, secrets out."""
    safe = "".join(c if c.isprintable() else "?" for c in mask_text(text))
    return f"'{safe}'" if len(safe) <= _LONGEST else f"'{safe[:_LONGEST]}…'"
