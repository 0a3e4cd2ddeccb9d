"""Which parameters of a Redis group wait for a reboot. AWS says that some do, and never which.

Called by `plan.redis.existing`. What we have sent is in the ledger; of what others have set only those can
be named that need a reboot at all [ElastiCache API, ParameterApplyStatus and ChangeType].
"""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.model.plan import Change, Effect
from reconciler.plan.redis.subject import RedisSubject

MEMORY = "reboot"
"""Under which name the ledger remembers them."""
_PENDING = "pending-reboot"


def is_pending(subject: RedisSubject) -> bool:
    """Say whether a member of the group waits for a reboot."""
    return subject.live.parameter_status == _PENDING


def words(subject: RedisSubject) -> str:
    """Say what waits, as far as it can be known."""
    if sent := _remembered(subject):
        return f"pending reboot of {', '.join(sent)}"
    live = subject.live.parameter_group
    attached = subject.live.group.get("cacheParameterGroupName")
    if live is not None and live.name == attached and live.reboot:
        names = ", ".join(sorted(live.reboot))
        return f"pending reboot; not sent from here, those of {live.name} that need one: {names}"
    return "pending reboot; AWS does not say of which parameter"


def remembered_after(subject: RedisSubject, sent: Iterable[Change]) -> list[str]:
    """Return what the ledger remembers once these changes are sent: until AWS says in-sync."""
    names = {c.path.rpartition(".")[2] for c in sent if c.effect is Effect.REBOOT}
    kept = () if subject.live.parameter_status == "in-sync" else _remembered(subject)
    return sorted({*kept, *names})


def _remembered(subject: RedisSubject) -> tuple[str, ...]:
    return tuple(subject.applied.get(MEMORY, ()))
