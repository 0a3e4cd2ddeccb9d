"""A `door.Transport` made of fakes: one handler per service, AWS's Date header, a log, and faults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from email.utils import format_datetime
from typing import Any

from reconciler.model.clock import Clock

Handler = Callable[[str, Mapping[str, Any]], dict[str, Any]]


class FakeTransport:
    """Sends to `handlers[service](operation, params)`.

    `calls` lists every wire attempt as (service, operation, params). `before` and `after` are called
    around each one, with the same three: what they raise is a lost request, or a lost answer.
    """

    def __init__(self, clock: Clock, handlers: Mapping[str, Handler]) -> None:
        self.clock = clock
        self.handlers = dict(handlers)
        self.calls: list[tuple[str, str, Mapping[str, Any]]] = []
        self.regions: list[str] = []
        """The regions that were asked for; all of them are answered here."""
        self.before: Callable[[str, str, Mapping[str, Any]], None] | None = None
        self.after: Callable[[str, str, Mapping[str, Any]], None] | None = None

    def in_region(self, region: str) -> FakeTransport:
        """Note the region, and answer for it too."""
        self.regions.append(region)
        return self

    def send(
        self,
        service: str,
        operation: str,
        params: Mapping[str, Any],
        before_send: Callable[[], None],
    ) -> dict[str, Any]:
        """Make one wire attempt."""
        before_send()
        self.calls.append((service, operation, params))
        if self.before:
            self.before(service, operation, params)
        answer = self.handlers[service](operation, params)
        if self.after:
            self.after(service, operation, params)
        date = format_datetime(self.clock.now(), usegmt=True)
        metadata = {"RequestId": f"req-{len(self.calls)}", "HTTPHeaders": {"date": date}}
        return {**answer, "ResponseMetadata": {**metadata, "HTTPStatusCode": 200}}

    def operations(self) -> list[str]:
        """Return the operations that were sent, in order."""
        return [operation for _, operation, _ in self.calls]
