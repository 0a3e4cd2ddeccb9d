"""Preflight for a plan: the checks that the steps which start tasks rely on, and how long they hold.

Called through `resources.observe.Observer`, which lives as long as the process: passes every two seconds
ask AWS no more than one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta

from reconciler.aws.door import Aws
from reconciler.model.desired import DesiredApp
from reconciler.model.finding import Finding
from reconciler.model.names import Address
from reconciler.model.observed import ObservedApp
from reconciler.plan.canonical import canonical_json
from reconciler.resources.preflight.families import FAMILIES, findings
from reconciler.resources.preflight.reader import Reader
from reconciler.resources.preflight.scope import Family, Scope, whole

HOLDS = timedelta(minutes=1)
"""How long what was found is believed: a role that was made meanwhile is seen after that."""


class Preflight:
    """Checks what a plan would start, and remembers the newest round."""

    def __init__(self, families: Iterable[Family] = FAMILIES) -> None:
        """Begin with nothing known."""
        self._families = tuple(families)
        self._scope = ""
        self._until = 0.0
        self._found: tuple[Finding, ...] = ()

    def check(
        self, aws: Aws, desired: DesiredApp, observed: ObservedApp, starting: Collection[Address]
    ) -> tuple[Finding, ...]:
        """Return the findings about these resources; no call when there are none, or none is new.

        Never raises AwsError: what cannot be seen stops nothing.
        """
        if not starting:
            return ()
        scope = whole(desired, observed.services, lambda address: address in starting)
        if not (scope.workloads or scope.redis):
            return ()
        asked, now = _spelled(scope), aws.clock.boot_seconds()
        if asked != self._scope or now >= self._until:
            self._found = findings(Reader(aws), scope, self._families)
            self._scope, self._until = asked, now + HOLDS.total_seconds()
        return self._found


def _spelled(scope: Scope) -> str:
    """Spell what a round's findings depend on: the documents, and how many tasks would be new."""
    return canonical_json(
        [
            [scope.app.key, scope.app.account, scope.app.region, scope.app.cluster],
            [[str(w.address), w.fields, w.task_definition, w.is_new] for w in scope.workloads],
            [[str(r.address), r.group] for r in scope.redis],
        ]
    )
