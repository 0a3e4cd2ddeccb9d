"""Whether waiting has an end: has every app converged, or finally failed? Pure.

Asked by `loop` in the `until_converged` mode after every pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.controller.snapshot import Snapshot
from reconciler.controller.worker import End, Outcome
from reconciler.model.desired import DesiredApp
from reconciler.model.errors import AccessDenied, BadCredentials, InvalidRequest, NotFound
from reconciler.model.names import AppKey
from reconciler.model.status import Health

INVALID = 2

PATIENCE = 5
"""So many failed passes in a row are a failure to who waits (about 15 s with the default backoff)."""

REFUSALS = (AccessDenied, BadCredentials, NotFound, InvalidRequest)
REFUSED_PATIENCE = 2
"""What AWS refuses outright it goes on refusing; the second look is for its eventual consistency."""

FINAL_CODES = frozenset({4, 6, 8})
"""A guard refused, a migration failed or is unknown, a rollout was reverted: a person must act."""

TELLING_HEALTH = frozenset({Health.HELD, Health.DEGRADED, Health.SUSPENDED, Health.UNKNOWN})


@dataclass(frozen=True)
class Ending:
    """Why the controller ended: the exit code, and for each app that has not converged the reason."""

    exit_code: int
    reasons: Mapping[str, str] = field(default_factory=dict)


def verdict(snapshot: Snapshot, last: Mapping[AppKey, Outcome]) -> Ending | None:
    """Return how it ended, None while some app may still get on. The highest exit code wins.

    `last` has the newest outcome of each app, and none for an app that has work waiting.
    """
    failed: dict[str, tuple[int, str]] = {}
    for diagnostic in snapshot.unplaced:
        failed.setdefault(diagnostic.origin.file, (INVALID, str(diagnostic)))
    if not snapshot.keys() and not failed:
        failed["desired state"] = (INVALID, snapshot.problem or "the folder holds no app.yaml")
    for key in sorted(snapshot.keys() - snapshot.vanished):
        if key in snapshot.broken:
            failed[key] = (INVALID, "\n".join(str(d) for d in snapshot.broken[key]))
            continue
        outcome = last.get(key)
        if outcome is None:
            return None
        if has_converged(outcome, snapshot.apps[key]):
            continue
        if not has_failed(outcome):
            return None
        failed[key] = (outcome.exit_code or 1, _reason(outcome))
    code = max((code for code, _ in failed.values()), default=0)
    return Ending(code, {key: reason for key, (_, reason) in failed.items()})


def has_converged(outcome: Outcome, app: DesiredApp) -> bool:
    """Say whether the pass found the newest files carried out and working."""
    status = outcome.status
    if status is None or not status.converged:
        return False
    # A pass that began before the files changed speaks of the old ones.
    return status.content_hash in ("", app.content_hash)


def has_failed(outcome: Outcome) -> bool:
    """Say whether more passes of the same would change nothing, as far as one can tell."""
    match outcome.end:
        case End.STALLED:
            return True
        case End.RETRIED | End.CRASHED:
            refused = isinstance(outcome.error, REFUSALS)
            return outcome.failures >= (REFUSED_PATIENCE if refused else PATIENCE)
        case End.DONE:
            status = outcome.status
            if status is None or status.exit_code == 0:
                return False
            final = status.exit_code in FINAL_CODES and not outcome.under_way
            return final or not outcome.waits
        case _:
            return False


def _reason(outcome: Outcome) -> str:
    if outcome.error is not None:
        return outcome.message
    status = outcome.status
    if status is None:
        return "its status cannot be told"
    said = [status.message] if status.message else []
    said += [
        f"{r.address}: {r.message or r.health}"
        for r in status.resources
        if r.health in TELLING_HEALTH and f"{r.address}: {r.message}" not in status.message
    ]
    return "; ".join(said) or f"{status.sync}, {status.health}"
