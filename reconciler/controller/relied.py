"""What an action relies on besides the files: digests of images and values of look-ups, remembered.

Called by `execute`. Digests are written with the first intent that relies on them; look-ups with an
entry of their own before it, which says what they were before.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.model.desired import DesiredApp
from reconciler.model.journal import Entry, EntryKind
from reconciler.model.names import Address
from reconciler.model.observed import ObservedApp
from reconciler.plan.freshness import secret_versions
from reconciler.plan.lookup_news import relied_on, shown_value
from reconciler.plan.pin import kept_pins
from reconciler.store.records import lookups_write, pins_write
from reconciler.store.session import Session, Write


class Relied:
    """The digests and values of one pass, and what the ledger knows of them by now."""

    def __init__(self, session: Session, desired: DesiredApp, observed: ObservedApp) -> None:
        self._session = session
        self._desired = desired
        self._observed = observed
        self._pins: Mapping[str, str] = observed.ledger.pins
        self._lookups = observed.ledger.lookups

    def writes(self) -> list[Write]:
        """Return the write that pins digests; none when the ledger has them already."""
        after = self._wanted_pins()
        return [pins_write(self._desired.key, self._pins, after)] if after != self._pins else []

    def landed(self) -> None:
        """Know that what `writes` returned is in the ledger."""
        self._pins = self._wanted_pins()

    def tell(self, address: Address, cause: str) -> None:
        """Journal the values that a resource is made of, with those before, where they are others."""
        name = str(address)
        values = relied_on(self._desired, address, self._observed.lookups)
        values |= secret_versions(self._desired, address, self._observed)
        before = self._lookups.get(name, {})
        if values == before:
            return
        changed = sorted(k for k in {*before, *values} if before.get(k) != values.get(k))
        entry = Entry(
            kind=EntryKind.LOOKUP,
            address=name,
            action="look-ups changed" if before else "look-ups",
            cause=cause,
            before={k: shown_value(k, before[k]) for k in changed if k in before},
            after={k: shown_value(k, values[k]) for k in changed if k in values},
        )
        declared = {str(a) for a in self._desired.addresses}
        kept = {k: v for k, v in self._lookups.items() if k in declared and k != name}
        after = {**kept, name: values} if values else kept
        self._session.commit([entry], [lookups_write(self._desired.key, self._lookups, after)])
        self._lookups = after

    def _wanted_pins(self) -> dict[str, str]:
        return kept_pins(self._observed.ledger.pins, self._observed.images)
