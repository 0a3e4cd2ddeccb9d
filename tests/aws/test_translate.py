"""AWS's errors in our words."""

from __future__ import annotations

import pytest
from botocore import exceptions as boto

from reconciler.aws.identity import caller_identity
from reconciler.aws.translate import from_cancellation, from_code, from_exception
from reconciler.model import errors
from tests.fakes.clock import VirtualClock
from tests.fakes.transport import FakeTransport


@pytest.mark.parametrize(
    ("operation", "code", "kind"),
    [
        ("ecs:UpdateService", "ThrottlingException", errors.Throttled),
        ("dynamodb:PutItem", "ProvisionedThroughputExceededException", errors.Throttled),
        ("dynamodb:CreateTable", "LimitExceededException", errors.Throttled),
        ("ecs:CreateService", "LimitExceededException", errors.InvalidRequest),
        ("dynamodb:TransactWriteItems", "TransactionInProgressException", errors.Throttled),
        ("ecs:DescribeServices", "ClusterNotFoundException", errors.NotFound),
        ("ecs:UpdateService", "ServiceNotFoundException", errors.NotFound),
        ("dynamodb:GetItem", "ResourceNotFoundException", errors.NotFound),
        ("ecr:DescribeImages", "ImageNotFoundException", errors.NotFound),
        ("ecr:DescribeImages", "RepositoryNotFoundException", errors.NotFound),
        ("iam:GetRole", "NoSuchEntity", errors.NotFound),
        ("ecs:RunTask", "ClientException", errors.InvalidRequest),
        ("ecs:RunTask", "InvalidParameterException", errors.InvalidRequest),
        ("dynamodb:Query", "ValidationException", errors.InvalidRequest),
        ("ecs:RunTask", "ServerException", errors.OutcomeUnknown),
        ("dynamodb:PutItem", "InternalServerError", errors.OutcomeUnknown),
        ("ecs:RunTask", "ConflictException", errors.Conflict),
        ("sts:GetCallerIdentity", "ExpiredToken", errors.BadCredentials),
        ("ecs:RunTask", "UnrecognizedClientException", errors.BadCredentials),
        ("ecs:RunTask", "InvalidSignatureException", errors.BadCredentials),
        ("ecs:RunTask", "AccessDeniedException", errors.AccessDenied),
        ("dynamodb:PutItem", "ConditionalCheckFailedException", errors.ConditionFailed),
    ],
)
def test_codes_have_the_meaning_that_their_service_gives_them(operation, code, kind):
    """Each family of codes becomes the type by which callers decide."""
    error = from_code(operation, code, "why")
    assert type(error) is kind
    assert (error.operation, error.code) == (operation, code)


def test_what_is_not_aws_is_told_in_one_line():
    """A proxy's page, or a sign that steers a terminal, does not flood or steer the reader's."""
    page = "<html>\n<body>\x1b[31m" + "no\n" * 1000
    for error in (
        from_code("sts:GetCallerIdentity", "501", page, status=501),
        from_code("sts:GetCallerIdentity", "503", page, status=503),
        from_exception(boto.ResponseStreamingError(error=page), "sts:GetCallerIdentity"),
    ):
        assert str(error).isprintable()
        assert len(str(error)) < 800


def test_an_unknown_code_is_judged_by_the_status():
    """Above 500 the outcome is unknown, below it is a refusal."""
    assert type(from_code("ecs:X", "Strange", status=503)) is errors.OutcomeUnknown
    assert type(from_code("ecs:X", "Strange", status=400)) is errors.InvalidRequest


def test_access_denied_says_which_permission_to_add_for_whom_and_where():
    """The message names action, resource and principal that AWS named."""
    error = from_code(
        "ecs:UpdateService",
        "AccessDeniedException",
        "User: arn:aws:sts::1:assumed-role/ci/x is not authorized to perform: ecs:UpdateService on "
        "resource: arn:aws:ecs:r:1:service/c/web because no identity-based policy allows the "
        "ecs:UpdateService action",
    )
    assert str(error) == (
        "AWS refused ecs:UpdateService: not authorized; add the permission ecs:UpdateService on "
        "arn:aws:ecs:r:1:service/c/web to arn:aws:sts::1:assumed-role/ci/x"
    )
    assert error.permission == "ecs:UpdateService"


def test_access_denied_names_the_action_that_is_really_missing():
    """RunTask fails for want of iam:PassRole: that is the permission to add."""
    error = from_code(
        "ecs:RunTask",
        "AccessDeniedException",
        "User: arn:x is not authorized to perform: iam:PassRole on resource: arn:role because …",
    )
    assert error.permission == "iam:PassRole"


def test_an_explicit_deny_is_not_cured_by_adding_a_permission():
    """The advice is to remove the statement."""
    error = from_code(
        "ecs:RunTask",
        "AccessDeniedException",
        "User: arn:x is not authorized to perform: ecs:RunTask on resource: arn:y with an explicit "
        "deny in a service control policy",
    )
    assert "remove that statement" in str(error)
    assert "add the permission" not in str(error)


def test_a_denied_transaction_names_actions_that_exist():
    """IAM has no TransactWriteItems: PutItem and UpdateItem are what a policy must allow."""
    error = from_code("dynamodb:TransactWriteItems", "AccessDeniedException", "denied")
    assert error.permission == "dynamodb:PutItem, dynamodb:UpdateItem"


def test_a_conflict_hands_over_the_existing_tasks():
    """ConflictException's resourceIds are the ARNs of the tasks that the token started."""
    response = {"resourceIds": ["arn:t1"], "ResponseMetadata": {"RequestId": "r1"}}
    error = from_code("ecs:RunTask", "ConflictException", response=response)
    assert (error.resource_ids, error.request_id) == (("arn:t1",), "r1")


def test_a_failed_condition_carries_the_item_in_plain_values():
    """PutItem and UpdateItem give one item, or None when there was none."""
    response = {"Item": {"hb": {"N": "7"}}}
    error = from_code(
        "dynamodb:UpdateItem", "ConditionalCheckFailedException", "", response=response
    )
    assert error.items == ({"hb": 7},)
    assert from_code("dynamodb:PutItem", "ConditionalCheckFailedException").items == (None,)


def test_a_cancelled_transaction_is_judged_by_its_reasons():
    """A failed condition wins; other writers alone mean "ask again"; the rest is our mistake."""
    none, conflict = {"Code": "None"}, {"Code": "TransactionConflict"}
    failed = {"Code": "ConditionalCheckFailed", "Item": {"st": {"S": "CLAIMED"}}}
    operation = "dynamodb:TransactWriteItems"
    error = from_cancellation(operation, "", [none, failed, conflict])
    assert type(error) is errors.ConditionFailed
    assert error.items == (None, {"st": "CLAIMED"}, None)
    assert error.codes == ("None", "ConditionalCheckFailed", "TransactionConflict")
    assert type(from_cancellation(operation, "", [none, conflict])) is errors.Throttled
    reason = {"Code": "ValidationError"}
    assert type(from_cancellation(operation, "", [reason, conflict])) is errors.InvalidRequest


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (boto.NoCredentialsError(), errors.BadCredentials),
        (boto.ProfileNotFound(profile="x"), errors.BadCredentials),
        (boto.TokenRetrievalError(provider="sso", error_msg="expired"), errors.BadCredentials),
        (boto.UnauthorizedSSOTokenError(), errors.BadCredentials),
        (boto.EndpointConnectionError(endpoint_url="http://x"), errors.Unreachable),
        (boto.ConnectTimeoutError(endpoint_url="http://x"), errors.Unreachable),
        (boto.ProxyConnectionError(proxy_url="http://x"), errors.Unreachable),
        (
            boto.SSLError(endpoint_url="x", error="CERTIFICATE_VERIFY_FAILED"),
            errors.Unreachable,
        ),
        (boto.SSLError(endpoint_url="x", error="bad record"), errors.OutcomeUnknown),
        (boto.ReadTimeoutError(endpoint_url="http://x"), errors.OutcomeUnknown),
        (boto.ConnectionClosedError(endpoint_url="http://x"), errors.OutcomeUnknown),
        (boto.HTTPClientError(error="x"), errors.OutcomeUnknown),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), errors.OutcomeUnknown),
        (boto.NoRegionError(), errors.InvalidRequest),
        (boto.ParamValidationError(report="bad"), errors.InvalidRequest),
    ],
)
def test_what_botocore_raises_without_an_answer(raised, kind):
    """Never sent, perhaps done, or wrongly asked: three different things."""
    assert type(from_exception(raised, "ecs:RunTask")) is kind


def test_an_endpoint_that_is_no_url_says_how_one_is_written():
    """By itself botocore says only that it is invalid."""
    text = str(from_exception(ValueError("Invalid endpoint: 127.0.0.1:5833"), "sts:X"))
    assert "127.0.0.1:5833: an endpoint (AWS_ENDPOINT_URL*) is written http://HOST:PORT" in text
    assert "written" not in str(from_exception(boto.NoRegionError(), "ecs:RunTask"))


def test_a_rejected_parameter_does_not_show_its_value():
    """A value in a message may be a secret."""
    report = "Invalid type for parameter environment[0].value, value: hunter2, type: <class 'int'>"
    error = from_exception(boto.ParamValidationError(report=report), "ecs:RunTask")
    assert "hunter2" not in str(error)
    assert "environment[0].value" in str(error)


def test_identity_is_read_from_sts():
    """Account, ARN and user id; an endpoint that answers something else is found out."""
    clock = VirtualClock()
    answer = {"Account": "123456789012", "Arn": "arn:x", "UserId": "u"}
    transport = FakeTransport(clock, {"sts": lambda _o, _p: answer})
    from reconciler.aws.door import Aws

    identity = caller_identity(Aws(transport, clock))
    assert (identity.account, identity.arn, identity.user_id) == ("123456789012", "arn:x", "u")
    answer.pop("Account")
    with pytest.raises(errors.UnexpectedAnswer, match="really AWS"):
        caller_identity(Aws(transport, clock))


@pytest.mark.parametrize(
    ("operation", "says"),
    [
        ("sts:GetCallerIdentity", "nothing was changed; is the endpoint AWS"),
        ("ecs:UpdateService", "it may or may not have taken effect"),
    ],
)
def test_only_a_write_can_have_taken_effect(operation, says):
    """A read whose answer is lost leaves nothing in doubt, and the message does not say so."""
    lost = from_exception(boto.ReadTimeoutError(endpoint_url="http://x"), operation)
    assert says in str(lost)
    assert says in str(from_code(operation, "InternalFailure", "oops", status=500))


def test_what_an_endpoint_does_not_know_is_not_asked_again():
    """501 stays 501: a read is refused and names the status; a change may have been made behind a proxy."""
    refused = from_code("sts:GetCallerIdentity", "", status=501)
    assert type(refused) is errors.InvalidRequest
    assert "does not know sts:GetCallerIdentity" in str(refused)
    assert "HTTP 501" in str(refused)
    assert type(from_code("ecs:RunTask", "501", status=501)) is errors.OutcomeUnknown


def test_an_answer_without_code_and_message_tells_its_status():
    """As from a server that is not AWS: nothing else is known of it."""
    assert "(HTTP 503)" in str(from_code("sts:GetCallerIdentity", "", status=503))
