"""Every family of checks, and how their questions become findings. A new family is added here.

Called by `doctor` for everything and by `plan` for what a plan's steps rely on. A family never hides
another: what AWS refuses is the finding of the question that was asked.
"""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.model.errors import AccessDenied, AwsError, InvalidRequest
from reconciler.model.finding import Finding
from reconciler.resources.preflight import (
    alarms,
    caches,
    classic,
    cluster,
    discovery,
    environment_files,
    keys,
    listeners,
    logs,
    network,
    roles,
    secrets,
    sizes,
    target_groups,
    volumes,
)
from reconciler.resources.preflight.reader import Reader
from reconciler.resources.preflight.scope import Family, Question, Scope, Verdict, unseen, warning

FAMILIES: tuple[Family, ...] = (
    cluster.questions,
    sizes.questions,
    roles.questions,
    secrets.questions,
    environment_files.questions,
    logs.questions,
    network.questions,
    target_groups.questions,
    listeners.questions,
    classic.questions,
    discovery.questions,
    volumes.questions,
    keys.questions,
    alarms.questions,
    caches.questions,
)
"""In the order in which they are shown."""


def findings(
    reader: Reader, scope: Scope, families: Iterable[Family] = FAMILIES
) -> tuple[Finding, ...]:
    """Ask every question about the scope. Never raises AwsError."""
    return tuple(
        _finding(question, scope) for family in families for question in family(reader, scope)
    )


def _finding(question: Question, scope: Scope) -> Finding:
    verdict = _answer(question)
    return Finding(
        question.name,
        verdict.state,
        verdict.message,
        question.addresses,
        verdict.permission,
        scope.app.key,
    )


def _answer(question: Question) -> Verdict:
    """Look; what cannot be seen stops nothing, and neither does what AWS does not tell now."""
    try:
        return question.look()
    except AccessDenied as error:
        return unseen(f"{error.operation} needs {error.permission}", error.permission)
    except InvalidRequest as error:
        return warning(f"cannot be checked: {error}")
    except AwsError as error:
        return warning(f"cannot be checked now: {error}")
