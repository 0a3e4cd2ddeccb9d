"""AWS's error codes, by what they mean for the caller: data. Used by `reconciler.aws.translate` only.

Sources: botocore's service models and botocore/retries/standard.py; the general codes are those of
"Common errors" in the services' API references.
"""

from __future__ import annotations

import re

from reconciler.aws.operations import is_mutating
from reconciler.model.errors import (
    AccessDenied,
    AwsError,
    BadCredentials,
    ConditionFailed,
    Conflict,
    InvalidRequest,
    NotFound,
    OutcomeUnknown,
    Throttled,
)

_BY_CODE: dict[type[AwsError], str] = {
    Throttled: """
        Throttling ThrottlingException ThrottledException RequestThrottledException RequestThrottled
        TooManyRequestsException ProvisionedThroughputExceededException RequestLimitExceeded
        BandwidthLimitExceeded SlowDown PriorRequestNotComplete EC2ThrottledException
        TransactionInProgressException TransactionConflictException ThrottlingError
        ConcurrentUpdateException
        """,
    AccessDenied: """
        AccessDenied AccessDeniedException UnauthorizedOperation NotAuthorized AuthorizationError
        AuthorizationErrorException UnauthorizedException
        """,
    BadCredentials: """
        ExpiredToken ExpiredTokenException InvalidClientTokenId UnrecognizedClientException
        InvalidSignatureException SignatureDoesNotMatch IncompleteSignature InvalidAccessKeyId
        IncompleteSignatureException MissingAuthenticationToken MissingAuthenticationTokenException
        AuthFailure RequestExpired InvalidToken TokenRefreshRequired OptInRequired
        """,
    OutcomeUnknown: """
        InternalFailure InternalServerError InternalServerException InternalError ServerException
        InternalServiceException
        ServiceUnavailable ServiceUnavailableException RequestTimeout RequestTimeoutException
        500 502 503 504
        """,
    ConditionFailed: "ConditionalCheckFailedException TransactionCanceledException",
    Conflict: "ConflictException",
}
_KIND = {code: kind for kind, codes in _BY_CODE.items() for code in codes.split()}
_NOT_IMPLEMENTED = 501
"""RFC 9110: the server does not know the method. AWS knows its own; what is not AWS may answer so."""
_NOT_FOUND = re.compile(r"NotFound|NoSuch|DoesNotExist|^404$")

BUSY = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
"""Cancellation codes that say nothing about the stored items: another writer, or the rate."""


def kind_of(operation: str, code: str, status: int) -> type[AwsError]:
    """Return the error type for `code` of `operation` (`ecs:UpdateService`) with an HTTP status.

    DynamoDB's LimitExceededException is about concurrent table operations and passes; everybody
    else's is a quota that somebody has to raise. An unknown code below 500 is a refusal.
    """
    if code == "LimitExceededException" and operation.startswith("dynamodb:"):
        return Throttled
    kind = _KIND.get(code)
    if kind is not None:
        return kind
    if status == _NOT_IMPLEMENTED and not is_mutating(operation.rpartition(":")[2]):
        return InvalidRequest  # it stays so: asked again, the endpoint still does not know it
    if status >= 500:  # noqa: PLR2004 - HTTP's server errors
        return OutcomeUnknown
    return NotFound if _NOT_FOUND.search(code) else InvalidRequest
