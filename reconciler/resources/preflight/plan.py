"""Preflight for a plan: the checks that the steps which start tasks rely on, and how long they hold.

Called through `resources.observe.Observer`, which lives as long as the process: passes every two seconds
ask AWS no more than one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta

from reconciler.aws.door import Aws
from reconciler.model.desired import DesiredApp
from reconciler.model.finding import CheckState, Finding
from reconciler.model.names import Address
from reconciler.model.observed import ObservedApp
from reconciler.model.run import RunState
from reconciler.plan.canonical import canonical_json
from reconciler.resources.preflight.families import FAMILIES, findings
from reconciler.resources.preflight.reader import Reader
from reconciler.resources.preflight.scope import Family, Scope, whole

HOLDS = timedelta(minutes=1)
"""How long what was found is believed: a role that was made meanwhile is seen after that."""

TRUSTED = timedelta(minutes=10)
"""How long a job is not checked again that was in order, is as it was, and ends well each time."""

_IN_ORDER = (CheckState.OK, CheckState.UNSEEN)


class Preflight:
    """Checks what a plan would start, and remembers the newest round."""

    def __init__(self, families: Iterable[Family] = FAMILIES) -> None:
        """Begin with nothing known."""
        self._families = tuple(families)
        self._scope = ""
        self._until = 0.0
        self._found: tuple[Finding, ...] = ()
        self._trusted: dict[Address, tuple[str, float]] = {}
        """Job → how it was spelled when it was in order, and until when that is believed."""

    def check(
        self, aws: Aws, desired: DesiredApp, observed: ObservedApp, starting: Collection[Address]
    ) -> tuple[Finding, ...]:
        """Return the findings about these resources; no call when there are none, or none is new.

        Never raises AwsError: what cannot be seen stops nothing.
        """
        scope = whole(
            desired,
            observed.services,
            lambda address: (
                address in starting and not self._is_trusted(aws, desired, observed, address)
            ),
        )
        if not (scope.workloads or scope.redis):
            return ()
        asked, now = _spelled(scope), aws.clock.boot_seconds()
        if asked != self._scope or now >= self._until:
            self._found = findings(Reader(aws), scope, self._families)
            self._scope, self._until = asked, now + HOLDS.total_seconds()
            self._trust(desired, scope, now)
        return self._found

    def _is_trusted(
        self, aws: Aws, desired: DesiredApp, observed: ObservedApp, address: Address
    ) -> bool:
        """Say whether a job need not be asked about: its runs prove what a check would find."""
        spelled, until = self._trusted.get(address, ("", 0.0))
        return (
            aws.clock.boot_seconds() < until
            and _ended_well(observed, address)
            and spelled == _spelled_alone(desired, address)
        )

    def _trust(self, desired: DesiredApp, scope: Scope, now: float) -> None:
        """Remember which of the jobs that were just looked at are in order."""
        ends = now + TRUSTED.total_seconds()
        for address in scope.addresses:
            mine = (finding for finding in self._found if finding.concerns(address))
            if address.kind == "job" and all(f.state in _IN_ORDER for f in mine):
                self._trusted[address] = (_spelled_alone(desired, address), ends)
            else:
                self._trusted.pop(address, None)


def _ended_well(observed: ObservedApp, address: Address) -> bool:
    record = observed.ledger.jobs.get(address.name) if address.kind == "job" else None
    ended = record.recent[-1:] if record else ()
    return any(run.state is RunState.SUCCEEDED for run in ended)


def _spelled_alone(desired: DesiredApp, address: Address) -> str:
    return _spelled(whole(desired, only=lambda other: other == address))


def _spelled(scope: Scope) -> str:
    """Spell what a round's findings depend on: the documents, and how many tasks would be new."""
    return canonical_json(
        [
            [scope.app.key, scope.app.account, scope.app.region, scope.app.cluster],
            [[str(w.address), w.fields, w.task_definition, w.is_new] for w in scope.workloads],
            [[str(r.address), r.group] for r in scope.redis],
        ]
    )
