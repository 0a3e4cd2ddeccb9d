"""What the ledger remembers of a service's autoscaling: what was declared, and what of it we made.

Called by the autoscaling steps and by `resources.observe`, which reads live AWS for what is remembered.
What we took over we never delete: that is why the two are told apart.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.model.names import Address
from reconciler.model.observed import LedgerView
from reconciler.plan.autoscaling.document import POLICIES, Place

KIND = "autoscaling"


@dataclass(frozen=True)
class Memory:
    """`declared` is the last applied document, None when none was; `made` the places that we put."""

    service_name: str
    declared: Mapping[str, Any] | None = None
    made: frozenset[Place] = frozenset()

    @property
    def is_empty(self) -> bool:
        """Whether nothing of this service's scaling was ever ours."""
        return self.declared is None and not self.made

    def policies_given_up(self, wanted: Collection[str]) -> frozenset[str]:
        """Return the policies that we put and that are not wanted any more: they are deleted."""
        declared = (self.declared or {}).get(POLICIES, {})
        return frozenset(n for n in declared if (POLICIES, n) in self.made and n not in wanted)

    def as_applied(self) -> dict[str, Any]:
        """Return it as the ledger keeps it."""
        return {
            "serviceName": self.service_name,
            "autoscaling": None if self.declared is None else dict(self.declared),
            "made": [list(place) for place in sorted(self.made)],
        }


def memory_of(ledger: LedgerView, address: Address) -> Memory | None:
    """Return what is remembered at an address, None when nothing is."""
    record = ledger.resources.get(str(address))
    if record is None or not record.applied:
        return None
    return Memory(
        service_name=str(record.applied["serviceName"]),
        declared=record.applied["autoscaling"],
        made=frozenset((section, name) for section, name in record.applied["made"]),
    )


def remembered(ledger: LedgerView) -> dict[Address, Memory]:
    """Return everything that is remembered of autoscaling, by address."""
    addresses = (Address.parse(text) for text in ledger.resources)
    found = ((a, memory_of(ledger, a)) for a in addresses if a.kind == KIND)
    return {address: memory for address, memory in found if memory is not None}
