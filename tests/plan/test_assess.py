"""Status of a part of an app; whole apps are assessed in the tests of the steps."""

from __future__ import annotations

from reconciler.model.names import Address
from reconciler.model.status import AppStatus, Health, ResourceStatus, Sync
from reconciler.plan.assess import restricted


def test_the_status_of_a_part_is_about_that_part_alone() -> None:
    """`apply service/web` is done when service/web is, whatever the others do."""
    web, other = Address("service", "web"), Address("service", "other")
    whole = AppStatus(
        key="production/shop",
        sync=Sync.OUT_OF_SYNC,
        health=Health.HELD,
        generation=1,
        commit="",
        content_hash="",
        resources=(
            ResourceStatus(web, Sync.SYNCED, Health.HEALTHY),
            ResourceStatus(other, Sync.OUT_OF_SYNC, Health.HELD, exit_code=8),
        ),
        exit_code=8,
    )

    assert restricted(whole, {web}).converged
    assert restricted(whole, {web}).exit_code == 0
    assert restricted(whole, {other}).exit_code == 8
    assert restricted(whole, set()) is whole
