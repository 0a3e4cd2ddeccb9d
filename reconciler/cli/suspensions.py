"""What the verbs that show an app say of its suspensions: `status` and `job list`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from reconciler.cli.output import local_time

if TYPE_CHECKING:  # completion loads verbs: what they only name is not imported
    from reconciler.model.names import AppKey
    from reconciler.model.suspension import Suspension


def suspension_lines(key: AppKey, suspensions: Mapping[str, Suspension]) -> Iterator[str]:
    """Say of each suspension, by address and empty for the whole app: who, when, why, and what ends it."""
    from reconciler.model.suspension import resume  # noqa: PLC0415 - as above

    for address, suspension in suspensions.items():
        until = f" until {local_time(suspension.until)}" if suspension.until else ""
        begun = f"by {suspension.by} at {local_time(suspension.at)}"
        what = f"{address} suspended".lstrip()
        yield f"! {what} {begun}{until}: {suspension.reason}; resume with: {resume(key, address)}"
