"""IAM's policy simulator, where there is no IAM: a role that exists may do everything. Called by `front`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from xml.sax.saxutils import escape

OPERATION = "SimulatePrincipalPolicy"


def answer(
    form: Mapping[str, Sequence[str]], role_arn: Callable[[str], str | None]
) -> tuple[int, bytes]:
    """Return status and answer of SimulatePrincipalPolicy: each action on each resource is allowed.

    `role_arn` finds a role by its name; the simulator knows none that does not exist [M NoSuchEntity].
    """
    principal = form.get("PolicySourceArn", [""])[0]
    if ":role/" in principal and role_arn(principal.rpartition("/")[2]) != principal:
        said = (
            f"<Code>NoSuchEntity</Code><Message>Role {escape(principal)} cannot be found.</Message>"
        )
        error = f"<Error><Type>Sender</Type>{said}</Error><RequestId>simulated</RequestId>"
        return 404, f"<ErrorResponse>{error}</ErrorResponse>".encode()
    actions = _listed(form, "ActionNames")
    resources = _listed(form, "ResourceArns") or ["*"]
    members = "".join(
        f"<member><EvalActionName>{escape(action)}</EvalActionName>"
        f"<EvalResourceName>{escape(resource)}</EvalResourceName>"
        "<EvalDecision>allowed</EvalDecision></member>"
        for action in actions
        for resource in resources
    )
    result = f"<EvaluationResults>{members}</EvaluationResults><IsTruncated>false</IsTruncated>"
    body = (
        f"<{OPERATION}Response><{OPERATION}Result>{result}</{OPERATION}Result>"
        f"<ResponseMetadata><RequestId>simulated</RequestId></ResponseMetadata></{OPERATION}Response>"
    )
    return 200, body.encode()


def _listed(form: Mapping[str, Sequence[str]], name: str) -> list[str]:
    return [values[0] for key, values in form.items() if key.startswith(f"{name}.member.")]
