"""Who we are in AWS: asked of STS by `app`, for the account guard and for the journal's `who`."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.aws.door import Aws
from reconciler.aws.translate import expect


@dataclass(frozen=True)
class Identity:
    """The caller: account id of twelve digits, ARN of the user or assumed role, unique id."""

    account: str
    arn: str
    user_id: str


def caller_identity(aws: Aws) -> Identity:
    """Return whose credentials these are. Needs no permission (sts:GetCallerIdentity cannot be denied).

    Raises BadCredentials, Unreachable, UnexpectedAnswer.
    """
    answer = aws.call("sts", "GetCallerIdentity")
    return Identity(
        account=expect(answer, "Account", operation="sts:GetCallerIdentity"),
        arn=expect(answer, "Arn", operation="sts:GetCallerIdentity"),
        user_id=str(answer.get("UserId", "")),
    )
