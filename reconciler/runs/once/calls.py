"""Calls of DynamoDB and ECS: one wire attempt, what its answer means, and when it is made again.

Called by `ledger`, `evidence`, `table` and the guard. Everything asked for here may be repeated: each
write has a condition, and whoever called compares the nonce when it failed.
"""

from __future__ import annotations

import json
import zlib

from reconciler.runs.once.clock import Clock, parse_http_date
from reconciler.runs.once.credentials import Credentials, NoCredentials, suffix
from reconciler.runs.once.http import Address, Connection, NoAnswer, NotSent, proxy_for
from reconciler.runs.once.signature import Scope, signed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    Send = Callable[[str, Mapping[str, Any], float], tuple[Mapping[str, Any], "float | None"]]

ATTEMPT_SECONDS = 5.0
PATIENCE_SECONDS = 60.0
"""How long a call is repeated when nothing else is said."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_OK = 200

_PASSING = {
    "InternalServerError", "InternalFailure", "ServiceUnavailable", "ServiceUnavailableException",
    "ThrottlingException", "Throttling", "RequestLimitExceeded", "LimitExceededException",
    "ProvisionedThroughputExceededException", "TransactionConflictException", "ServerException",
    "RequestTimeout", "RequestTimeoutException",
}  # fmt: skip
_STALE_KEYS = {"ExpiredTokenException", "ExpiredToken", "UnrecognizedClientException"}
_SKEWED = {"RequestTimeTooSkewed", "InvalidSignatureException", "RequestExpired"}
_DENIED = {"AccessDeniedException", "AccessDenied", "UnauthorizedOperation"}
_TARGETS = {
    "dynamodb": ("DynamoDB_20120810", "1.0"),
    "ecs": ("AmazonEC2ContainerServiceV20141113", "1.1"),
}


class CallFailed(Exception):
    """AWS refused, or could not be reached; the message is for the user."""


class Passing(CallFailed):
    """May go by itself: throttled, not reached, or no answer."""


class Refused(CallFailed):
    """AWS said no, and would again."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code

    @property
    def is_denied(self) -> bool:
        """Whether a permission is missing."""
        return self.code in _DENIED


class NoTable(Refused):
    """The table does not exist."""


class StaleKeys(Refused):
    """The keys have expired or are not known yet: worth one more attempt with new ones."""


class ConditionFailed(Exception):
    """A write's condition did not hold; `item` is what is there, in DynamoDB's form, None for nothing."""

    def __init__(self, item: Mapping[str, Any] | None) -> None:
        super().__init__("the condition did not hold")
        self.item = item


class Wire:
    """One AWS service of one region: `send` is one wire attempt."""

    def __init__(
        self,
        service: str,
        region: str,
        environment: Mapping[str, str],
        credentials: Credentials,
        clock: Clock,
    ) -> None:
        self._scope = Scope(region, service)
        self._credentials = credentials
        self._clock = clock
        self._skew = 0.0
        name = f"AWS_ENDPOINT_URL_{service.upper()}"
        url = (
            environment.get(name)
            or environment.get("AWS_ENDPOINT_URL")
            or f"https://{service}.{region}.{suffix(region)}"
        )
        try:
            self.address, proxy = _place(url, environment)
        except ValueError as error:
            raise Refused(str(error)) from error
        self._connection = Connection(self.address, proxy, environment.get("AWS_CA_BUNDLE"))

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def send(
        self, operation: str, params: Mapping[str, Any], seconds: float
    ) -> tuple[Mapping[str, Any], float | None]:
        """Make one attempt; return the answer and AWS's time. Raises ConditionFailed or CallFailed."""
        target, version = _TARGETS[self._scope.service]
        body = json.dumps(params, separators=(",", ":")).encode("utf-8")
        headers = {
            "Host": self.address.authority,
            "Content-Type": f"application/x-amz-json-{version}",
            "X-Amz-Target": f"{target}.{operation}",
        }
        now = self._clock.wall() + self._skew
        try:
            made = signed(headers, body, self._credentials.keys(now), self._scope, now)
        except NoCredentials as error:
            raise Refused(str(error), "NoCredentials") from error
        made.pop("Host")
        try:
            answer = self._connection.exchange("POST", "/", made, body, seconds)
        except (NotSent, NoAnswer) as error:
            raise Passing(f"{self._name(operation)}: {error}") from error
        date = parse_http_date(answer.headers.get("date", ""))
        checksum = answer.headers.get("x-amz-crc32", "")
        if checksum.isdigit() and int(checksum) != zlib.crc32(answer.body):
            self._connection.close()
            raise Passing(f"{self._name(operation)}: the answer was damaged on its way")
        document = _document(answer.body)
        if answer.status == _OK:
            return document, date
        raise self._error(operation, answer.status, document, date)

    def _name(self, operation: str) -> str:
        return f"{self._scope.service}:{operation}"

    def _error(
        self, operation: str, status: int, document: Mapping[str, Any], date: float | None
    ) -> Exception:
        """Return what an answer other than 200 means."""
        code = str(document.get("__type") or document.get("code") or "").rpartition("#")[2]
        said = str(document.get("message") or document.get("Message") or f"HTTP {status}")
        text = f"{self._name(operation)}: {code or status}: {said}"
        if code == "ConditionalCheckFailedException":
            return ConditionFailed(document.get("Item"))
        if code in _SKEWED and date is not None:
            skew = date - self._clock.wall()
            if abs(skew - self._skew) > 60:  # noqa: PLR2004 - AWS allows five minutes
                self._skew = skew  # the machine's clock is wrong: sign by AWS's
                return Passing(text)
        if code in _STALE_KEYS:
            self._credentials.forget()
        return _refusal(code, status, text, self._name(operation))


def _refusal(code: str, status: int, text: str, name: str) -> CallFailed:
    """Return the error for a code of AWS."""
    if code in _STALE_KEYS:
        return StaleKeys(text, code)
    if code in _DENIED:
        return Refused(f"{text} (add {name} to the role)", code)
    if code == "ResourceNotFoundException":
        return NoTable(text, code)
    if code in _PASSING or status >= 500 or status == 429:  # noqa: PLR2004 - HTTP's own words
        return Passing(text)
    return Refused(text, code)


class Caller:
    """Repeats what may be repeated, and knows AWS's time. `send` is the seam of the tests."""

    def __init__(self, send: Send, clock: Clock) -> None:
        self._send, self._clock = send, clock
        self._date: float | None = None
        self._dated = 0.0

    def now(self) -> float | None:
        """Return AWS's time, in seconds since 1970; None before the first answer."""
        if self._date is None:
            return None
        return self._date + self._clock.boot() - self._dated

    def once(self, operation: str, params: Mapping[str, Any], seconds: float) -> Mapping[str, Any]:
        """Make one wire attempt."""
        answer, date = self._send(operation, params, seconds)
        if date is None and self._date is None:
            date = self._clock.wall()  # not AWS: an emulator without a Date header
        if date is not None:
            self._date, self._dated = date, self._clock.boot()
        return answer

    def call(
        self,
        operation: str,
        params: Mapping[str, Any],
        patience: float = PATIENCE_SECONDS,
        on_pause: Callable[[str], None] | None = None,
    ) -> Mapping[str, Any]:
        """Make attempts until one is answered, for `patience` seconds; then Passing is raised."""
        ends = self._clock.boot() + patience
        pause, renewed = _FIRST_PAUSE, False
        while True:
            left = ends - self._clock.boot()
            try:
                return self.once(operation, params, max(1.0, min(ATTEMPT_SECONDS, left)))
            except StaleKeys:
                if renewed:
                    raise
                renewed = True
            except Passing as passing:
                wait = self._clock.jittered(pause)
                if self._clock.boot() + wait >= ends:
                    raise
                if on_pause:
                    on_pause(str(passing))
                self._clock.sleep(wait)
                pause = min(pause * 2, _LONGEST_PAUSE)


def _place(url: str, environment: Mapping[str, str]) -> tuple[Address, Address | None]:
    """Return an endpoint's address and the proxy before it; raises ValueError."""
    address, path = Address.parse(url)
    if path.strip("/"):
        raise ValueError(f"{url}: an endpoint with a path is not supported")
    return address, proxy_for(address, environment)


def _document(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body) if body else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
