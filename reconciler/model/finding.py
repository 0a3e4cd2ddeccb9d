"""What a check of preflight found: read by the planner, by `doctor` and by whoever shows a plan."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from reconciler.model.errors import AccessDenied
from reconciler.model.names import Address, AppKey

AWS_REFUSED, GUARD_REFUSED = 3, 4
"""Exit codes (docs/cli.md)."""


class CheckState(StrEnum):
    """What became of a check."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNSEEN = "not permitted to see"


@dataclass(frozen=True)
class Finding:
    """One check's result: `name` is the thing looked at, `message` what is so, or wrong, about it.

    `addresses` are the resources that it concerns; none means the app as a whole. `permission` is the
    IAM action that would have told more, when the state is UNSEEN.
    """

    name: str
    state: CheckState
    message: str
    addresses: tuple[Address, ...] = ()
    permission: str = ""
    key: AppKey = ""
    guards: bool = False
    """Whether a failure means that these credentials must not act here at all (another account)."""

    @property
    def exit_code(self) -> int:
        """What a command ends with because of it; warnings and unseen things are 0."""
        if self.state is not CheckState.FAILED:
            return 0
        return GUARD_REFUSED if self.guards else AWS_REFUSED

    def concerns(self, address: Address) -> bool:
        """Whether it says something about this resource."""
        return address in self.addresses


def not_permitted(name: str, error: AccessDenied) -> Finding:
    """Say that these credentials may not see it, and what would permit that."""
    message = f"the role lacks {error.permission}"
    return Finding(name, CheckState.UNSEEN, message, permission=error.permission)
