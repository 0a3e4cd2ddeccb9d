"""IAM's policy simulator, where there is no IAM: every role may do everything. Called by `front`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

OPERATION = "SimulatePrincipalPolicy"


def answer(form: Mapping[str, Sequence[str]]) -> bytes:
    """Return the answer to SimulatePrincipalPolicy: each action on each resource is allowed."""
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
    return (
        f"<{OPERATION}Response><{OPERATION}Result>{result}</{OPERATION}Result>"
        f"<ResponseMetadata><RequestId>simulated</RequestId></ResponseMetadata></{OPERATION}Response>"
    ).encode()


def _listed(form: Mapping[str, Sequence[str]], name: str) -> list[str]:
    return [values[0] for key, values in form.items() if key.startswith(f"{name}.member.")]
