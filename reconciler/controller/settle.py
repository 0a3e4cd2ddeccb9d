"""Before planning: bring our own records up to what is seen. No AWS mutation happens here.

Called by `reconcile` and `rollback` after observing. Two things are settled: rollouts that ended,
judged on our own deployment id, and intents that a crash left open.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from reconciler.model.events import Event, EventKind
from reconciler.model.journal import Entry, EntryKind
from reconciler.model.names import Address, AppKey
from reconciler.model.observed import ObservedApp, RolloutState, ServiceRecord
from reconciler.model.pause import Pause
from reconciler.model.release import Release
from reconciler.plan.rollout import judge
from reconciler.plan.subject import how_to_release
from reconciler.store.ledger import AppStore
from reconciler.store.records import bumped, service_write
from reconciler.store.releases import release_write
from reconciler.store.session import Session


def settle(
    session: Session,
    store: AppStore,
    observed: ObservedApp,
    report: Callable[[Event], None],
    explain: Callable[[ServiceRecord], Sequence[str]] = lambda _: (),
) -> ObservedApp:
    """Close open intents, record ended rollouts; return the snapshot with both taken in.

    `explain` says in lines why a rollout that is held from now on failed.
    """
    _close_open_intents(session, store, observed)
    records: dict[str, ServiceRecord] = dict(observed.ledger.services)
    for name, record in observed.ledger.services.items():
        live = observed.services.get(name)
        if live is not None and live.pause is not None:
            report(_waits(observed.key, name, live.pause, store.clock.now()))
        judged = judge(record, live) if live is not None else None
        if judged is None:
            continue
        entry = Entry(
            kind=EntryKind.SERVICE,
            address=f"service/{name}",
            action=str(judged.state).lower(),
            cause=f"deployment {record.deployment_id}",
            detail={"reason": judged.reason} if judged.reason else {},
        )
        writes = [service_write(observed.key, judged)]
        if judged.state is RolloutState.STEADY and judged.task_definition_arn:
            writes.append(release_write(observed.key, _release(judged, session.aws.now())))
        session.commit([entry], writes)
        records[name] = bumped(judged)
        why = explain(judged) if judged.state is RolloutState.HELD else ()
        running = live.running_count if live else 0
        report(_ended(observed.key, judged, running, store.clock.now(), why))
    return replace(observed, ledger=replace(observed.ledger, services=records, open_intents={}))


def _release(record: ServiceRecord, now: datetime) -> Release:
    """Return what can be gone back to from now on."""
    return Release(
        address=Address("service", record.name),
        begun=record.begun,
        generation=record.generation,
        commit=record.commit,
        at=now.isoformat(timespec="seconds"),
        task_definition_arn=record.task_definition_arn,
        applied=record.applied,
    )


def _ended(
    key: AppKey, record: ServiceRecord, running: int, now: datetime, why: Sequence[str]
) -> Event:
    """Return what is told about a rollout that came to its end."""
    address = f"service/{record.name}"
    if record.state is not RolloutState.HELD:
        return Event(EventKind.DONE, key, address, f"steady, {running} running", now)
    said = "\n".join((record.reason, *why, f"  {how_to_release(key, address)}"))
    return Event(EventKind.FAILED, key, address, said, now)


def _waits(key: AppKey, name: str, pause: Pause, now: datetime) -> Event:
    """Return what is told while a rollout waits for a person; who listens hears a repetition once."""
    return Event(EventKind.PROGRESS, key, f"service/{name}", pause.text, now)


def _close_open_intents(session: Session, store: AppStore, observed: ObservedApp) -> None:
    """Say of each open intent whether it took effect, as far as live AWS shows.

    A request may still be on its way (up to five minutes, the age that AWS accepts); if it arrives
    later it is drift, and healed. What counts here is that no intent stays open for ever.
    """
    for operation_id, number in sorted(observed.ledger.open_intents.items(), key=lambda i: i[1]):
        intent = store.entry(number)
        content = intent.content if intent else {}
        address = str(content.get("address", ""))
        entry = Entry(
            kind=EntryKind.OUTCOME,
            address=address,
            action=str(content.get("action", "")),
            cause="recovery",
            outcome=_took_effect(content.get("after"), address, observed),
        )
        session.outcome(operation_id, entry)


def _took_effect(after: object, address: str, observed: ObservedApp) -> str:
    live = observed.services.get(address.partition("/")[2])
    wanted = after.get("taskDefinition") if isinstance(after, dict) else None
    if live is None or not wanted:
        return "unknown"
    return "applied" if live.task_definition_arn == wanted else "not applied"
