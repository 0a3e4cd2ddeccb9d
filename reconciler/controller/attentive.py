"""Between two passes over an app that only a person can help: whether anybody has done something.

Used by `app.act` around `Reconciler.reconcile` in the controller. `resume`, `retry` and `resolve` write to
the ledger alone, and are to be heard within seconds; looking at all of AWS that often would cost ten
times the steady state for as long as nobody comes. So the pass is asked for every few seconds
(`worker.ATTENTIVE`), and until something has moved it is one read of HEAD.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import NamedTuple

from reconciler.controller.reconcile import Reconciler, Result
from reconciler.controller.worker import NEEDS_A_PERSON
from reconciler.model.names import AppKey
from reconciler.store.head import Head


class _Mark(NamedTuple):
    """What a pass decides on besides AWS. `wanted_by` is who else asks for the app's lease."""

    content_hash: str
    problem: str
    sequence: int
    owner: str | None
    wanted_by: str | None = None


@dataclass(frozen=True)
class _Rest:
    """How a pass ended, what it decided on, and until when that is believed (boot seconds)."""

    result: Result
    mark: _Mark
    until: float


class Attentive:
    """Passes, without those that would only find again that a person is needed."""

    def __init__(self, reconciler: Reconciler, resync: timedelta) -> None:
        """Look at AWS anew after `resync` at the latest: drift is found while a person is waited for."""
        self._reconciler = reconciler
        self._resync = resync
        self._resting: dict[AppKey, _Rest] = {}

    def reconcile(self, key: AppKey) -> Result:
        """Do a pass, or return how the last one ended. Raises as `Reconciler.reconcile`."""
        now = self._reconciler.clock.boot_seconds()
        rest = self._resting.pop(key, None)
        if rest is not None and now < rest.until and self._now(key) == rest.mark:
            self._resting[key] = rest
            if rest.result.requeue_after is None:
                return rest.result
            return replace(rest.result, requeue_after=timedelta(seconds=rest.until - now))
        result = self._reconciler.reconcile(key)
        self._note(key, result)
        return result

    def _note(self, key: AppKey, result: Result) -> None:
        session = self._reconciler.session(key)
        if (
            session is None
            or result.status is None
            or result.status.exit_code not in NEEDS_A_PERSON
        ):
            return
        again = min(self._resync, result.requeue_after or self._resync)
        until = self._reconciler.clock.boot_seconds() + again.total_seconds()
        self._resting[key] = _Rest(result, self._mark(key, session.head), until)

    def _now(self, key: AppKey) -> _Mark:
        """Return the mark as of now: one read."""
        access = self._reconciler.open_app(self._reconciler.source.desired(key))
        mark = self._mark(key, access.store.head())
        wanted_by = access.member.view.wants.get(key)
        return mark if wanted_by == access.member.id else mark._replace(wanted_by=wanted_by)

    def _mark(self, key: AppKey, head: Head) -> _Mark:
        source = self._reconciler.source
        content = source.desired(key).content_hash
        return _Mark(content, source.problem(key), head.sequence, head.owner)
