"""What IAM's policy simulator says of a role that is to read what tasks start with.

iam:SimulatePrincipalPolicy. Called by the families whose things the execution role reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from reconciler.model.batches import batches
from reconciler.model.errors import NotFound
from reconciler.resources.preflight.reader import Reader
from reconciler.resources.preflight.scope import Verdict, failed, ok, warning

_SIMULATED = 50
"""ARNs in one simulation, well below what one answer holds (botocore: maxItemsType, 100)."""
SIMULATE = "iam:SimulatePrincipalPolicy"


class Wanted(NamedTuple):
    """An action that the role needs on things; `shared` when a policy of the thing may allow it, too."""

    action: str
    arns: Iterable[str]
    shared: bool


def may_read(reader: Reader, role: str, wanted: Iterable[Wanted]) -> Verdict:
    """Ask the simulator; what no identity policy allows, a policy of the thing itself may."""
    refused: list[str] = []
    doubtful: list[str] = []
    try:
        for one in wanted:
            for result in _not_allowed(reader, role, one):
                certain = result.get("EvalDecision") == "explicitDeny" or not one.shared
                known = certain and not result.get("MissingContextValues")
                short = str(result.get("EvalResourceName", "")).split(":", 5)[-1]
                (refused if known else doubtful).append(f"{one.action} on {short}")
    except NotFound:
        return warning("there is no such role to ask about")  # that it is missing fails by itself
    if refused:
        return failed(f"the role lacks {', '.join(refused)}: no task can start")
    if doubtful:
        return warning(f"the role itself has no {', '.join(doubtful)}; a policy there may allow it")
    return ok("the role may read them")


def _not_allowed(reader: Reader, role: str, wanted: Wanted) -> Iterator[dict[str, Any]]:
    for batch in batches(sorted(set(wanted.arns)), _SIMULATED):
        results = reader.listed(
            "iam",
            "SimulatePrincipalPolicy",
            "EvaluationResults",
            PolicySourceArn=role,
            ActionNames=[wanted.action],
            ResourceArns=batch,
        )
        yield from (result for result in results if result.get("EvalDecision") != "allowed")
