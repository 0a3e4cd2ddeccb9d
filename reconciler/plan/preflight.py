"""What preflight found, in a plan: which steps are to be checked, and which are stopped by what was found.

Called by `planner`, `assess` and `render`, and by `controller.planning`, which has the checks made. A failed
check stops what starts tasks of that resource. It stops the migrations before the services, too: they
cannot be taken back, and are for services that could not follow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from reconciler.model.desired import DesiredApp
from reconciler.model.finding import CheckState, Finding
from reconciler.model.names import Address
from reconciler.model.observed import ObservedApp
from reconciler.model.plan import Effect, Plan, Step, Verb

WORD = "preflight"
"""How a reason begins that is a failed check."""

_STOPPED_THEMSELVES = ("service", "migration", "job")

SIGNS = {
    CheckState.OK: "✔",
    CheckState.WARNING: "!",
    CheckState.FAILED: "✗",
    CheckState.UNSEEN: "?",
}


def starting(plan: Plan) -> frozenset[Address]:
    """Return the resources of which a plan would start tasks, or make new ones: those to be checked."""
    return frozenset(step.address for step in plan.steps if _starts(step))


def stops(observed: ObservedApp, address: Address) -> tuple[str, ...]:
    """Return, in words, the failed checks that keep a resource's tasks from being started."""
    return tuple(_reason(finding) for finding in _failed(observed, address))


def shortened(reason: str, findings: Iterable[Finding]) -> str:
    """Return a reason without what `check_lines` say of it below the step."""
    found = next((finding for finding in findings if _reason(finding) == reason), None)
    return f"{WORD}: {found.name}" if found else reason


def stopped_services(desired: DesiredApp, observed: ObservedApp) -> tuple[str, ...]:
    """Return, in words, the services whose failed checks keep a migration before them from running."""
    return tuple(
        f"{WORD} of {service.address}"
        for service in desired.services
        if any(_failed(observed, service.address))
    )


def is_stopped(steps: Iterable[Step]) -> bool:
    """Say whether some step waits for a failed check."""
    return any(reason.startswith(WORD) for step in steps for reason in step.blocked_by)


def with_findings(observed: ObservedApp, steps: Sequence[Step]) -> list[Step]:
    """Return the steps with what was found about each, at those that start tasks or make something.

    Services, migrations and jobs have been stopped by `stops` already, each in its own way; the others are
    here.
    """
    return [_told(observed, step) if _starts(step) else step for step in steps]


def _told(observed: ObservedApp, step: Step) -> Step:
    told = replace(step, findings=tuple(_about(observed, step.address)))
    if step.address.kind in _STOPPED_THEMSELVES:
        return told
    return replace(told, blocked_by=(*stops(observed, step.address), *step.blocked_by))


def check_lines(findings: Iterable[Finding]) -> Iterator[str]:
    """Yield a line for each failure, warning and thing not asked; one for all that may not be seen."""
    unseen = []
    for finding in findings:
        if finding.permission:
            unseen.append(finding)
        elif finding.state is not CheckState.OK:
            yield f"{SIGNS[finding.state]} {finding.name}: {finding.message}"
    if unseen:
        names = ", ".join(f.name for f in unseen)
        wanted = ", ".join(sorted({f.permission for f in unseen}))
        yield f"{SIGNS[CheckState.UNSEEN]} {CheckState.UNSEEN}: {names} ({wanted})"


def _reason(finding: Finding) -> str:
    return f"{WORD}: {finding.name}: {finding.message}"


def _starts(step: Step) -> bool:
    if step.verb in (Verb.CREATE, Verb.RUN):
        return True
    return step.verb in (Verb.UPDATE, Verb.ADOPT) and any(
        change.effect is Effect.ROLLOUT or change.path == "desiredCount" for change in step.changes
    )


def _failed(observed: ObservedApp, address: Address) -> Iterator[Finding]:
    return (f for f in _about(observed, address) if f.state is CheckState.FAILED)


def _about(observed: ObservedApp, address: Address) -> Iterator[Finding]:
    return (finding for finding in observed.findings if finding.concerns(address))
