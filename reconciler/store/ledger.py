"""One app's ledger: the consistent snapshot, taking the lease, the journal and the status row.

Called by the controller's worker, `apply`, and the verbs of `cli` through `app`. What is written, and
under which conditions, is in `store.session` and `store.records`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import Any

from reconciler.aws.door import Aws
from reconciler.aws.items import from_item, to_item, to_value
from reconciler.aws.translate import expect
from reconciler.model.clock import Clock
from reconciler.model.errors import (
    ConditionFailed,
    CorruptLedger,
    LeaseHeld,
    NotFound,
    Superseded,
)
from reconciler.model.journal import JournalRecord
from reconciler.model.names import Address, AppKey
from reconciler.model.observed import LedgerView
from reconciler.model.release import Release
from reconciler.model.run import Run, RunKey, RunKind
from reconciler.model.status import AppStatus
from reconciler.model.suspension import Suspension
from reconciler.store import journal, records
from reconciler.store.fields import SCHEMA, Fields
from reconciler.store.head import Head, read_head
from reconciler.store.job_records import JOB, decode_job
from reconciler.store.members import Member
from reconciler.store.partition import items_of
from reconciler.store.releases import decode_release, read_releases, release_item
from reconciler.store.run_records import EXPIRY
from reconciler.store.session import Session
from reconciler.store.tables import Tables

_BATCH = 100
_PAGE = 100


def random_id() -> str:
    """Return 64 random bits in hexadecimal: operation ids and the nonces of commits."""
    return secrets.token_hex(8)


class AppStore:
    """The ledger of one app. Holds no state of its own: safe to make anew, used by one thread at a time.

    `ids` makes operation ids and nonces; the simulation brings a seeded one.
    """

    def __init__(
        self,
        aws: Aws,
        tables: Tables,
        clock: Clock,
        key: AppKey,
        *,
        ids: Callable[[], str] = random_id,
    ) -> None:
        self.aws = aws
        self.tables = tables
        self.clock = clock
        self.key = key
        self._ids = ids

    def read(self, wanted: Iterable[RunKey] = (), head: Head | None = None) -> LedgerView:
        """Return the app's snapshot: HEAD, its records, and its runs, in three reads; two after `head`.

        To the runs that are wanted are added the newest revision of each known migration, the one in
        flight, and every run of a job or a task that is not over; under a rollback what its jobs run
        from. HEAD is read first, all reads are consistent: a commit that is conditional on its journal
        number decides on this snapshot or fails.

        A missing table is an empty ledger with `tables_exist` False. Raises CorruptLedger, AwsError.
        """
        head = head or self.head()
        if not head.tables_exist:
            return LedgerView(key=self.key, tables_exist=False)
        try:
            items = items_of(self.aws, self.tables.state, self.key, "L#")
            view = _view(head, items, self.tables.state)
        except NotFound:
            return LedgerView(key=self.key, tables_exist=False)
        keys = {str(key) for key in wanted} | set(view.unfinished)
        keys |= {str(RunKey.migration(m.name, m.latest_revision)) for m in view.migrations.values()}
        if view.active_run:
            keys.add(view.active_run)
        going_on = view.suspension.jobs if view.suspension else {}
        releases = {release_item(address, begun) for address, begun in going_on.items()}
        found = self._read_items(sorted(keys | releases))
        if lost := sorted(set(view.unfinished) - found.keys()):
            raise self._lost(lost[0], "HEAD says that this run is not over")
        if lost := sorted(releases - found.keys()):
            raise self._lost(lost[0], "a rollback has the job run from it")
        table = self.tables.state
        runs = {key: records.decode_run(found[key], table) for key in sorted(keys & found.keys())}
        past = (decode_release(found[key], table) for key in sorted(releases))
        return replace(view, runs=runs, released_jobs={r.address: r for r in past})

    def head(self) -> Head:
        """Return HEAD alone: one read. Raises CorruptLedger, AwsError."""
        try:
            return read_head(self.aws, self.tables.state, self.key)
        except NotFound:
            return Head(self.key, tables_exist=False)

    def refuse_held(self, head: Head, member: Member) -> None:
        """Raise LeaseHeld while another living member owns the app.

        It names the holder, and says how long at most that can last if the holder is dead.
        """
        if head.owner not in (None, member.id) and not member.is_dead(head.owner):
            raise self._held(head.owner, member)

    def acquire(self, view: LedgerView, member: Member, cause: str = "") -> Session:
        """Take the app's lease and return the session; HEAD is created when there is none.

        Raises LeaseHeld as `refuse_held`, and LeaseLost when `member` may not act.
        """
        self.refuse_held(Head.of(view), member)
        session = Session(self.aws, self.tables, Head.of(view), member.id, self._ids)
        try:
            session.acquire(member.id, cause)
        except Superseded:
            head = self.head()
            if head.owner in (None, member.id):
                raise
            raise self._held(head.owner, member) from None
        return session

    def operator(self, view: LedgerView, actor: str) -> Session:
        """Return a session without a lease, for an operator's verb; `actor` is journaled as `who`.

        It shares the compare-and-set with everybody else: whoever decides on an older snapshot loses.
        """
        return Session(self.aws, self.tables, Head.of(view), actor, self._ids)

    def journal(
        self, *, newest_first: bool = True, limit: int | None = None, address: str | None = None
    ) -> Iterator[JournalRecord]:
        """Yield journal entries, at most `limit`, only those of `address` when it is given."""
        page = None if limit is None else min(_PAGE, max(1, limit if address is None else _PAGE))
        entries = journal.read_entries(
            self.aws, self.tables.journal, self.key, newest_first=newest_first, limit=page
        )
        try:
            yield from islice(
                (e for e in entries if address is None or e.content.get("address") == address),
                limit,
            )
        except NotFound:
            return

    def runs(self, kind: RunKind = RunKind.MIGRATION, name: str | None = None) -> list[Run]:
        """Return every run of a kind that the ledger has of this app, by name, the newest first.

        Only those of `name` when it is given; none that its job's history has forgotten, and none
        of a missing table.
        """
        prefix = f"{kind.item}#" if name is None else f"{kind.item}#{name}#"
        table = self.tables.state
        try:
            items = items_of(self.aws, table, self.key, prefix)
            found = [records.decode_run(item, table) for item in items if EXPIRY not in item]
        except NotFound:
            return []
        found.sort(key=lambda run: (run.ordinal, run.intent_at), reverse=True)
        return sorted(found, key=lambda run: run.name)

    def these_runs(self, keys: Iterable[RunKey]) -> list[Run]:
        """Return those of the runs that the ledger has, in one read; none of a missing table."""
        wanted = [str(key) for key in keys]
        if not wanted:
            return []
        try:
            found = self._read_items(sorted(wanted))
        except NotFound:
            return []
        return [records.decode_run(found[key], self.tables.state) for key in sorted(found)]

    def releases(self, address: Address) -> Iterator[Release]:
        """Yield what a resource was: a service's rollouts that ended well, what a job's runs started from.

        The newest first.
        """
        return read_releases(self.aws, self.tables.state, self.key, address)

    def entry(self, number: int) -> JournalRecord | None:
        """Return one journal entry, None when there is none of that number. Raises CorruptLedger."""
        return journal.read_entry(self.aws, self.tables.journal, self.key, number)

    def generation_of(self, commit: str) -> int | None:
        """Return the newest generation of a commit, named by how it begins; None when it is unknown."""
        for record in self.journal():
            if str(record.content.get("commit") or "").startswith(commit):
                return int(record.content.get("generation", 0))
        return None

    def verify(self) -> list[str]:
        """Return what is wrong with the journal's chain, in words; an empty list when it is whole."""
        return journal.verify(self.journal(newest_first=False), self.head())

    def write_status(self, status: AppStatus, epoch: int) -> None:
        """Store the status row; one of a newer epoch is left alone. Call it when it changed."""
        item = {"v": SCHEMA, "ep": epoch, "doc": records.status_document(status)}
        key = {"pk": f"A#{self.key}", "sk": records.STATUS}
        try:
            self.aws.call(
                "dynamodb",
                "PutItem",
                TableName=self.tables.state,
                Item=to_item({**item, **key}),
                ConditionExpression="attribute_not_exists(pk) OR ep <= :ep",
                ExpressionAttributeValues={":ep": to_value(epoch)},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ConditionFailed:
            return  # the successor has written its own: it knows better

    def _held(self, owner: str | None, member: Member) -> LeaseHeld:
        holder = owner or "nobody"
        wait = member.longest_wait(holder)
        return LeaseHeld(
            f"{self.key} is held by {holder}; if it died, that is known in at most "
            f"{wait.total_seconds():.0f} s",
            holder=holder,
            delay=min(wait, timedelta(seconds=5)),
        )

    def _lost(self, item: str, although: str) -> CorruptLedger:
        return CorruptLedger(
            f"{self.tables.state}: A#{self.key} has no item {item}, although {although}: put it back "
            "as it was"
        )

    def _read_items(self, sort_keys: list[str]) -> dict[str, dict[str, Any]]:
        """Return the plain items that are there, by their sort keys."""
        table = self.tables.state
        found: dict[str, dict[str, Any]] = {}
        left = [to_item({"pk": f"A#{self.key}", "sk": sort}) for sort in sort_keys]
        while left:
            batch, left = left[:_BATCH], left[_BATCH:]
            answer = self.aws.call(
                "dynamodb",
                "BatchGetItem",
                RequestItems={table: {"Keys": batch, "ConsistentRead": True}},
            )
            responses = expect(answer, "Responses", operation="dynamodb:BatchGetItem")
            items = (from_item(item) for item in responses.get(table, ()))
            found |= {str(item["sk"]): item for item in items}
            left += answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
        return found


def _view(head: Head, items: Iterable[Mapping[str, Any]], table: str) -> LedgerView:
    items = list(items)
    services, migrations, jobs, resources = {}, {}, {}, {}
    single: dict[str, Any] = {}
    for item in items:
        sort = str(item.get("sk"))
        if sort.startswith(records.SERVICE):
            service = records.decode_service(item, table)
            services[service.name] = service
        elif sort.startswith(records.MIGRATION):
            migration = records.decode_migration(item, table)
            migrations[migration.name] = migration
        elif sort.startswith(JOB):
            job = decode_job(item, table)
            jobs[job.name] = job
        elif sort.startswith(records.RESOURCE):
            resource = records.decode_resource(item, table)
            resources[resource.address] = resource
        elif sort == records.PINS:
            single["pins"] = records.decode_pins(item, table)
        elif sort == records.LOOKUPS:
            single["lookups"] = records.decode_lookups(item, table)
        elif sort == records.SUSPEND:
            single["suspension"] = records.decode_suspension(item, table)
        elif sort == records.STATUS:
            fields = Fields(table, f"{item.get('pk')} {sort}", item)
            single["status"] = fields.mapping("doc")
    return LedgerView(
        key=head.key,
        owner=head.owner,
        epoch=head.epoch,
        sequence=head.sequence,
        chain_hash=head.chain_hash,
        active_run=head.active,
        unfinished=head.unfinished,
        open_intents=head.open_intents,
        generation=head.generation,
        desired_hash=head.desired_hash,
        commit=head.commit,
        services=services,
        migrations=migrations,
        jobs=jobs,
        resources=resources,
        suspended=_suspended(items, table),
        **single,
    )


def _suspended(items: Iterable[Mapping[str, Any]], table: str) -> dict[str, Suspension]:
    """Return the suspensions of single addresses."""
    begin = f"{records.SUSPEND}#"
    named = ((str(item.get("sk")), item) for item in items)
    decoded = (
        (sort.removeprefix(begin), records.decode_suspension(item, table))
        for sort, item in named
        if sort.startswith(begin)
    )
    return {address: suspension for address, suspension in decoded if suspension is not None}
