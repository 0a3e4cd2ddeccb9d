"""Whether what somebody waits for holds, can still come, or never will by itself. Pure.

Called by `app.wait` at each look. What only a person, or another commit, can change is no reason to wait.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from reconciler.model.names import Address
from reconciler.model.observed import LedgerView
from reconciler.model.plan import Plan, Step, Verb
from reconciler.model.run import RunKind
from reconciler.model.status import AppStatus, Health, Sync
from reconciler.model.suspension import Suspension
from reconciler.plan.assess import GUARD, MIGRATION, SERVICE_KIND, UNHEALTHY, restricted
from reconciler.plan.gate import KIND
from reconciler.plan.image_problems import NOT_FOUND
from reconciler.plan.unresolved import FAILED

WORDS = ("converged", "synced", "healthy")
"""Conditions on what is live, judged by the files of who waits."""
MARKS = ("revision", "generation")
"""Conditions on what a controller has said, with a value: `revision=COMMIT`, `generation=N`."""


@dataclass(frozen=True)
class Outlook:
    """What a look showed: `holds`, or why not yet; `code` is not 0 when it never will by itself."""

    holds: bool
    text: str
    code: int = 0


def live_outlook(
    word: str,
    addresses: Collection[Address],
    status: AppStatus,
    plan: Plan,
    ledger: LedgerView,
) -> Outlook:
    """Judge `converged`, `synced` or `healthy` of an app, or of some of its resources."""
    part = restricted(status, addresses)
    text = _said(part)
    if _holds(word, part):
        return Outlook(True, text)
    asked = {str(address) for address in addresses}
    for name, suspension in ledger.suspensions.items():
        concerned = not name or not asked or name in asked
        if concerned and not suspension.until:
            return Outlook(False, f"{name} {suspension.text}".strip(), GUARD)
    health = {r.address: r.health for r in status.resources}
    held = {str(s.address): (s, _code(s, health[s.address])) for s in plan.steps if _is_held(s)}
    for step in plan.steps:
        if addresses and step.address not in addresses:
            continue
        for name in (str(step.address), *step.blocked_by):
            if name in held:
                culprit, code = held[name]
                return Outlook(False, f"{name}: {culprit.summary}", code)
    return Outlook(False, text)


def said_outlook(
    generation: int,
    addresses: Collection[Address],
    said: AppStatus | None,
    suspension: Suspension | None = None,
) -> Outlook:
    """Judge what a controller last said of the app: a generation, or a later one, has converged.

    While the app is suspended nobody keeps it so: what was said before does not count.
    """
    if suspension is not None:
        return Outlook(False, suspension.text, 0 if suspension.until else GUARD)
    if said is None or said.generation < generation:
        seen = "nothing yet" if said is None else f"generation {said.generation}"
        return Outlook(
            False, f"a controller has to take up generation {generation}, it said {seen}"
        )
    part = restricted(said, addresses)
    text = f"generation {said.generation}: {_said(part)}"
    if part.converged:
        return Outlook(True, text)
    final = said.exit_code in (GUARD, MIGRATION, UNHEALTHY)
    return Outlook(False, text, said.exit_code if final else 0)


def _holds(word: str, status: AppStatus) -> bool:
    match word:
        case "synced":
            return status.sync is Sync.SYNCED
        case "healthy":
            return status.health is Health.HEALTHY
        case _:
            return status.converged


def _said(status: AppStatus) -> str:
    """Say both axes, and why: what is said of the app, else of the first resource that is not there yet."""
    waiting = (r for r in status.resources if (r.sync, r.health) != (Sync.SYNCED, Health.HEALTHY))
    first = next((f"{r.address}: {r.message}" for r in waiting if r.message), "")
    why = status.message or first
    return f"{status.sync}, {status.health}{': ' + why if why else ''}"


def _is_held(step: Step) -> bool:
    if step.address.kind == RunKind.JOB:
        return False  # no app waits for a job
    # An image may yet be pushed, a parameter written: that is what a pipeline waits for.
    return step.verb is Verb.HOLD and not step.summary.startswith((NOT_FOUND, FAILED))


def _code(step: Step, health: Health) -> int:
    if step.address.kind == KIND:
        return MIGRATION
    reverted = step.address.kind == SERVICE_KIND and health is Health.HELD
    return UNHEALTHY if reverted else GUARD
