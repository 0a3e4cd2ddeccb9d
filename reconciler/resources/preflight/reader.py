"""The door to AWS as preflight uses it: each question is asked once, and silence is not waited for twice.

Made anew for each round of checks, so nothing that it remembers is older than the round.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from reconciler.aws.door import Aws
from reconciler.model.errors import AwsError, OutcomeUnknown, Throttled, Unreachable
from reconciler.plan.canonical import canonical_json

PATIENCE = timedelta(seconds=5)
"""The deadline of one question: a preflight answers soon, even where nothing does."""

SILENCE = (OutcomeUnknown, Throttled, Unreachable)
"""A part of AWS that says nothing now (a network without a way to it) says nothing to the next one."""


class Reader:
    """Asks AWS; the same question has the same answer, an error included."""

    def __init__(self, aws: Aws) -> None:
        """Ask through this door, with less patience."""
        self._aws = aws.within(PATIENCE)
        self._answers: dict[tuple[str, str, str], list[dict[str, Any]] | AwsError] = {}
        self._silent: dict[str, AwsError] = {}
        self._regions: dict[str, Reader] = {}

    def in_region(self, region: str) -> Reader:
        """Return the reader of a region: what it was told there is no answer for here."""
        if region not in self._regions:
            self._regions[region] = Reader(self._aws.in_region(region))
        return self._regions[region]

    def ask(self, service: str, operation: str, /, **params: Any) -> dict[str, Any]:
        """Return the answer, of a listing its first page. Raises AwsError."""
        return self._remembered(service, operation, params, paged=False)[0]

    def listed(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
        """Return what all pages of a listing have under `key`. Raises AwsError."""
        pages = self._remembered(service, operation, params, paged=True)
        return [item for page in pages for item in page.get(key) or ()]

    def _remembered(
        self, service: str, operation: str, params: dict[str, Any], *, paged: bool
    ) -> list[dict[str, Any]]:
        asked = (service, operation, canonical_json(params))
        if asked not in self._answers:
            self._answers[asked] = self._asked(service, operation, params, paged=paged)
        found = self._answers[asked]
        if isinstance(found, AwsError):
            raise found
        return found

    def _asked(
        self, service: str, operation: str, params: dict[str, Any], *, paged: bool
    ) -> list[dict[str, Any]] | AwsError:
        if service in self._silent:
            return self._silent[service]
        try:
            if paged:
                return list(self._aws.pages(service, operation, **params))
            return [self._aws.call(service, operation, **params)]
        except SILENCE as error:
            self._silent[service] = error
            return error
        except AwsError as error:
            return error
