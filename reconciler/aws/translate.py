"""The one place where AWS's errors become ours: codes and botocore's exceptions → `model.errors`.

Called by `reconciler.aws.boto` and by the fakes of the tests (`from_code`), so that both speak with
the same words. Messages are for users: what was refused, why, and what to do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.aws.codes import BUSY, kind_of
from reconciler.aws.items import from_item
from reconciler.aws.operations import is_mutating
from reconciler.model.errors import (
    AccessDenied,
    AwsError,
    BadCredentials,
    ConditionFailed,
    Conflict,
    InvalidRequest,
    OutcomeUnknown,
    Throttled,
    UnexpectedAnswer,
    Unreachable,
)

_LONGEST = 600
"""Characters of what an endpoint said that an error repeats."""

_DENIED_ACTION = re.compile(r"not authorized to perform:? `?([a-z0-9-]+:[A-Za-z0-9*]+)`?")
_DENIED_RESOURCE = re.compile(r"on resource:? (\S+)")
_DENIED_USER = re.compile(r"User: (\S+)")
_IAM_PREFIX = {
    # What IAM calls services that botocore knows by another name (service authorization reference).
    "efs": "elasticfilesystem",
    "elb": "elasticloadbalancing",
    "elbv2": "elasticloadbalancing",
    "service-quotas": "servicequotas",
}
_IAM_ACTION = {
    # Operations that IAM knows by another name.
    "s3:ListObjectsV2": "s3:ListBucket",
}
_ENDPOINT_ADVICE = ": an endpoint (AWS_ENDPOINT_URL*) is written http://HOST:PORT"
_PARAMETER_VALUE = re.compile(r"value: .*?, (?=type: |valid |allowed )", re.DOTALL)


def from_code(
    operation: str,
    code: str,
    message: str = "",
    *,
    status: int = 400,
    response: Mapping[str, Any] | None = None,
) -> AwsError:
    """Return the error for AWS's error `code` answered to `operation` (`ecs:UpdateService`).

    `response` is botocore's parsed error response; ResponseMetadata, the modelled members of the error
    (resourceIds, CancellationReasons, Item) are taken from it.
    """
    response = response or {}
    request_id = str(response.get("ResponseMetadata", {}).get("RequestId", ""))
    kind = kind_of(operation, code, status)
    text = _text(kind, operation, code or f"HTTP {status}", message)
    error = kind(text, operation=operation, code=code, request_id=request_id, response=response)
    if isinstance(error, AccessDenied):
        error.permission = _permission(operation, message)
        error.in_general = _denied_text(operation, _DENIED_RESOURCE.sub("", message))
    elif isinstance(error, Conflict):
        error.resource_ids = tuple(str(arn) for arn in response.get("resourceIds") or ())
    elif isinstance(error, ConditionFailed):
        _fill_condition(error, response)
    return error


def _text(kind: type[AwsError], operation: str, code: str, message: str) -> str:
    why = _one_line(message or code)
    known_as = f"{code}: {why}" if message else code
    if kind is InvalidRequest and code.endswith("501"):
        return f"the endpoint does not know {operation} ({known_as}): is it AWS?"
    if kind is AccessDenied:
        return _denied_text(operation, message)
    if kind is ConditionFailed:
        return f"{operation} was refused: what is stored is not as expected"
    if kind is OutcomeUnknown:
        return f"AWS failed at {operation} ({known_as}){_doubt(operation)}"
    known = {
        Throttled: f"AWS is throttling {operation}: {why}",
        BadCredentials: f"AWS did not accept the credentials ({code}): {why}",
    }
    return known.get(kind, f"AWS refused {operation}: {why}" + (f" ({code})" if message else ""))


def _one_line(text: str) -> str:
    """Return what an endpoint said as one line: what is not AWS may answer with a page."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def _doubt(operation: str) -> str:
    """Say what a lost answer leaves open: a read has no effect that could be in doubt."""
    if is_mutating(operation.rpartition(":")[2]):
        return ": it may or may not have taken effect"
    return ": nothing was changed; is the endpoint AWS, and does it answer in time?"


def _permission(operation: str, message: str) -> str:
    named = _DENIED_ACTION.search(message)
    if named:
        return named[1]
    if operation == "dynamodb:TransactWriteItems":
        return "dynamodb:PutItem, dynamodb:UpdateItem"  # there is no action for transactions
    if operation in _IAM_ACTION:
        return _IAM_ACTION[operation]
    service, _, name = operation.partition(":")
    return f"{_IAM_PREFIX.get(service, service)}:{name}"


def _denied_text(operation: str, message: str) -> str:
    permission = _permission(operation, message)
    resource = _DENIED_RESOURCE.search(message)
    where = f" on {resource[1]}" if resource else ""
    user = _DENIED_USER.search(message)
    who = f" to {user[1]}" if user else ""
    if "explicit deny" in message:
        advice = f"a policy denies {permission}{where} explicitly{who}: remove that statement"
    else:
        advice = f"add the permission {permission}{where}{who}"
    return f"AWS refused {operation}: not authorized; {advice}"


def _fill_condition(error: ConditionFailed, response: Mapping[str, Any]) -> None:
    reasons = response.get("CancellationReasons")
    if reasons is None:
        item = response.get("Item")
        error.items, error.codes = (from_item(item) if item else None,), (error.code,)
        return
    error.items = tuple(from_item(r["Item"]) if r.get("Item") else None for r in reasons)
    error.codes = tuple(str(r.get("Code", "None")) for r in reasons)


def from_cancellation(
    operation: str, message: str, reasons: Sequence[Mapping[str, Any]], request_id: str = ""
) -> AwsError:
    """Return the error for a cancelled transaction, judged by the reasons of its actions.

    ConditionFailed when some condition did not hold; Throttled when nothing but other writers or the
    rate stood in the way; InvalidRequest for the rest.
    """
    codes = {str(r.get("Code", "None")) for r in reasons} - {"None"}
    response = {
        "CancellationReasons": list(reasons),
        "ResponseMetadata": {"RequestId": request_id},
    }
    if "ConditionalCheckFailed" in codes:
        return from_code(operation, "TransactionCanceledException", message, response=response)
    if codes and codes <= BUSY:
        return from_code(operation, "TransactionConflictException", message, response=response)
    return from_code(operation, "ValidationException", message, response=response)


def from_exception(error: Exception, operation: str) -> AwsError:
    """Return our error for what botocore raised during `operation` (`ecs:UpdateService`).

    An exception that is nobody's answer (a bug, a fence) is not for here: callers pass it on.
    """
    from botocore import exceptions as boto  # noqa: PLC0415 - 100 ms that only real AWS calls need

    if isinstance(error, boto.ClientError):
        return _from_client_error(error, operation)
    if isinstance(error, boto.ParamValidationError):
        text = _PARAMETER_VALUE.sub("value: (not shown), ", str(error))
        return InvalidRequest(f"{operation} cannot be sent: {text}", operation=operation)
    if isinstance(error, _credential_errors()):
        return BadCredentials(_credential_text(error), operation=operation)
    if _never_sent(error):
        return Unreachable(f"AWS cannot be reached for {operation}: {error}", operation=operation)
    if isinstance(
        error,
        boto.NoRegionError | boto.UnknownRegionError | boto.EndpointProviderError
        | boto.InvalidRegionError | boto.InvalidEndpointConfigurationError | ValueError,
    ) and not isinstance(error, UnicodeDecodeError):  # fmt: skip
        advice = _ENDPOINT_ADVICE if "ndpoint" in str(error) else ""
        return InvalidRequest(f"{operation} cannot be sent: {error}{advice}", operation=operation)
    return OutcomeUnknown(
        f"the answer to {operation} was lost ({type(error).__name__}: {_one_line(str(error))})"
        f"{_doubt(operation)}",
        operation=operation,
    )


def _from_client_error(error: Any, operation: str) -> AwsError:
    response: Mapping[str, Any] = error.response
    described = response.get("Error", {})
    code, message = str(described.get("Code", "")), str(described.get("Message") or "")
    metadata = response.get("ResponseMetadata", {})
    if code == "TransactionCanceledException" and response.get("CancellationReasons"):
        return from_cancellation(
            operation,
            message,
            response["CancellationReasons"],
            str(metadata.get("RequestId", "")),
        )
    status = int(metadata.get("HTTPStatusCode") or 400)
    return from_code(operation, code, message, status=status, response=response)


def _credential_errors() -> tuple[type[Exception], ...]:
    from botocore import exceptions as boto  # noqa: PLC0415 - see from_exception

    return (
        boto.NoCredentialsError,
        boto.NoAuthTokenError,
        boto.PartialCredentialsError,
        boto.CredentialRetrievalError,
        boto.TokenRetrievalError,
        boto.ProfileNotFound,
        boto.ConfigParseError,
        boto.ConfigNotFound,
        boto.InvalidConfigError,
        boto.MetadataRetrievalError,
        boto.RefreshWithMFAUnsupportedError,
        boto.SSOError,
        boto.UnknownCredentialError,
        boto.LoginError,
    )


def _credential_text(error: Exception) -> str:
    from botocore import exceptions as boto  # noqa: PLC0415 - see from_exception

    if isinstance(error, boto.NoCredentialsError):
        return (
            "there are no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or run where a role is attached"
        )
    return f"the AWS credentials cannot be used: {error}"


def _never_sent(error: Exception) -> bool:
    """Return whether the connection was not even made, so that nothing can have happened."""
    from botocore import exceptions as boto  # noqa: PLC0415 - see from_exception

    if isinstance(
        error, boto.EndpointConnectionError | boto.ConnectTimeoutError | boto.ProxyConnectionError
    ):
        return True
    return isinstance(error, boto.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error)


def expect(answer: Mapping[str, Any], key: str, *, operation: str) -> Any:
    """Return what AWS must have answered under `key`; raises UnexpectedAnswer when it is not there."""
    if not isinstance(answer, Mapping) or key not in answer:
        raise UnexpectedAnswer(
            f"AWS answered {operation} without '{key}': is the endpoint really AWS?",
            operation=operation,
        )
    return answer[key]
