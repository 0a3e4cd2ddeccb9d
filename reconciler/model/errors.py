"""Everything that can go wrong, as types.

Raised by every layer, turned into exit codes by `cli` and into backoff, Stalled or stop by the
controller's worker. AWS errors are made in one place, `reconciler.aws.translate`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from reconciler.model.diagnostics import Diagnostic


class ReconcilerError(Exception):
    """Base of what we raise on purpose. The message is for the user; there is never a traceback."""

    exit_code = 1


class TemporaryError(ReconcilerError):
    """It may work later: the worker backs off, or waits `delay` when given."""

    def __init__(self, message: str, *, delay: timedelta | None = None) -> None:
        super().__init__(message)
        self.delay = delay


class PermanentError(ReconcilerError):
    """It will not work until somebody changes something: the app is Stalled until then."""


class UsageError(ReconcilerError):
    """The command line asks for something that cannot be."""

    exit_code = 2


class InvalidDesiredState(PermanentError):
    """The files are wrong; every mistake is in `diagnostics`, with its position."""

    exit_code = 2

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__("\n".join(str(d) for d in diagnostics))
        self.diagnostics = tuple(diagnostics)


class GuardRefused(PermanentError):
    """A guard of the desired state says no: wrong account, suspended, prune not allowed."""

    exit_code = 4


class LeaseHeld(TemporaryError):
    """Another member owns the app. `holder` is its name."""

    exit_code = 5

    def __init__(self, message: str, *, holder: str, delay: timedelta | None = None) -> None:
        super().__init__(message, delay=delay)
        self.holder = holder


class LeaseLost(ReconcilerError):
    """We are no longer the one who may act: stop at once, touch nothing, look again."""

    exit_code = 5


class Superseded(TemporaryError):
    """Somebody committed to the app's journal since our snapshot: read again, decide again."""


class Unsure(Superseded):
    """It stayed unknown whether our commit was written: read again, it may have been."""


class CorruptLedger(PermanentError):
    """A stored item does not have the form we write; names table, key and attribute."""


class AwsError(TemporaryError):
    """AWS refused a call or could not be reached.

    `operation` is like `ecs:UpdateService`, `code` AWS's error code, `request_id` may be empty.
    """

    exit_code = 3

    def __init__(
        self,
        message: str,
        *,
        operation: str,
        code: str = "",
        request_id: str = "",
        response: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.operation = operation
        self.code = code
        self.request_id = request_id
        self.response: Mapping[str, Any] = response or {}


class AccessDenied(AwsError):
    """The credentials may not do this; `permission` is the IAM action to add, at first the operation.

    `in_general` is the message without the resource: alike for all that the permission is lacking for.
    """

    def __init__(self, message: str, *, operation: str, **known: Any) -> None:
        super().__init__(message, operation=operation, **known)
        self.permission = operation
        self.in_general = message


class BadCredentials(AwsError):
    """There are no credentials, or AWS does not accept them."""


class Throttled(AwsError):
    """AWS did not do it because of the rate. It is safe to ask again."""


class OutcomeUnknown(AwsError):
    """The answer was lost (timeout, reset, 5xx): the call may have taken effect, or may yet."""


class Unreachable(AwsError):
    """The request never reached AWS (connection refused, name not resolved): nothing happened."""


class NotFound(AwsError):
    """The thing named in the call does not exist (cluster, table, service, image …)."""


class InvalidRequest(AwsError):
    """AWS rejects the parameters: asking again with the same ones cannot work."""


class Conflict(AwsError):
    """RunTask's clientToken was used with other parameters; `resource_ids` are the task ARNs."""

    resource_ids: tuple[str, ...] = ()


class ConditionFailed(AwsError):
    """A conditional write was refused; `items` are the items as they are, aligned with the request.

    One element for PutItem and UpdateItem, one for each action of a transaction (None where the
    item does not exist or that action's condition held). Values are plain Python.
    """

    items: tuple[Mapping[str, Any] | None, ...] = ()
    codes: tuple[str, ...] = ()
    """The cancellation code of each action of a transaction ("None", "ConditionalCheckFailed" …)."""


class RegistryError(TemporaryError):
    """An image registry other than ECR did not answer as it should: throttled, 5xx, unreadable."""

    exit_code = 3


class UnexpectedAnswer(AwsError):
    """AWS answered something that our code cannot read (truncated, missing keys)."""
