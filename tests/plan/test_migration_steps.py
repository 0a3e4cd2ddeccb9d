"""Decision table of migrations and of the gate that they are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.desired import Guard, When
from reconciler.model.observed import LedgerView, MigrationRecord
from reconciler.model.plan import Effect, Verb
from reconciler.model.run import RunKey, RunState
from reconciler.model.status import Health, Sync
from reconciler.model.suspension import Suspension
from reconciler.plan.assess import assess
from reconciler.plan.gate import gates_of, older_than
from tests.plan.world import KEY, World, a_migration, a_run, a_service, an_app, image, only

REVISION = "20261122"


def ledger(*runs: object, active: object = None, latest: str = REVISION) -> LedgerView:
    """Return a ledger with runs of migration/db."""
    return LedgerView(
        key=KEY,
        runs={r.item_key: r for r in runs},
        migrations={"db": MigrationRecord("db", latest, 2)} if runs else {},
        active_run=active.item_key if active else None,
    )


TABLE = [
    (None, 1, Verb.RUN, Health.PROGRESSING, 1),
    (a_run(RunState.NOT_STARTED), 1, Verb.RUN, Health.PROGRESSING, 1),
    (a_run(RunState.LAUNCHING), 1, Verb.WAIT, Health.PROGRESSING, 1),
    (a_run(RunState.RUNNING), 1, Verb.WAIT, Health.PROGRESSING, 1),
    (a_run(RunState.STOPPING), 1, Verb.WAIT, Health.PROGRESSING, 1),
    (a_run(RunState.UNKNOWN), 1, Verb.HOLD, Health.UNKNOWN, 6),
    (a_run(RunState.FAILED), 1, Verb.HOLD, Health.DEGRADED, 6),
    (a_run(RunState.FAILED), 2, Verb.RUN, Health.PROGRESSING, 1),
    (a_run(RunState.FAILED, requested_attempt=2), 1, Verb.RUN, Health.PROGRESSING, 1),
    (a_run(RunState.SUCCEEDED), 9, Verb.NONE, Health.HEALTHY, 0),
]


@pytest.mark.parametrize(("run", "attempt", "verb", "health", "code"), TABLE)
def test_what_a_run_means(run: object, attempt: int, verb: Verb, health: Health, code: int) -> None:
    """Each state of the ledger has one step, one health and one exit code."""
    migration = a_migration(attempt=attempt)
    flying = run is not None and run.state.in_flight
    world = World(ledger=ledger(*([run] if run else []), active=run if flying else None))
    app = an_app(migrations=(migration,))
    plan = world.plan(app)
    step = only(plan, "migration/db")
    assert step.verb is verb
    status = assess(app, world.observe(app), plan)
    assert (status.health, status.exit_code) == (health, code)
    assert (status.sync is Sync.SYNCED) == (verb is Verb.NONE)


@pytest.mark.parametrize("state", [RunState.FAILED, RunState.UNKNOWN])
def test_a_stopped_migration_names_the_next_command(state: RunState) -> None:
    """Failed and unknown say what to type; what is unknown cannot be retried before it is settled."""
    run = a_run(state, reason="exit 1")
    world = World(ledger=ledger(run, active=run if state.in_flight else None))
    step = only(world.plan(an_app(migrations=(a_migration(),))), "migration/db")
    said = " ".join(step.notes)
    assert f"migration logs db {REVISION}" in said
    assert (f"migration retry db {REVISION} --reason" in said) == (state is RunState.FAILED)
    assert ("resolve" in said) == (state is RunState.UNKNOWN)


def test_a_run_shows_its_command_revision_and_guarantee() -> None:
    """The preview of a run says what would run, since when, and how sure it is to run once."""
    app = an_app(migrations=(a_migration(),))
    step = only(World().plan(app), "migration/db")
    assert (step.changes[0].desired, step.changes[0].effect) == (REVISION, Effect.RUN)
    assert "command: rails db:migrate" in step.notes
    assert any("token" in n for n in step.notes)
    guarded = only(World().plan(replace(app, guard=Guard(image="g:1"))), "migration/db")
    assert any("claim (" in n for n in guarded.notes)


OLDER = [
    ("20261121", "20261122", {}, True),
    ("20261123", "20261122", {}, False),
    ("9", "10", {}, True),
    ("abc", "def", {"abc": 1}, True),
    ("abc", "def", {}, False),
    ("abc", "abc", {"abc": 1}, False),
]


@pytest.mark.parametrize(("revision", "latest", "ordinals", "older"), OLDER)
def test_which_revision_is_older(revision: str, latest: str, ordinals: dict, older: bool) -> None:
    """Digits are compared as numbers, else the ledger's order decides, a stranger is new."""
    runs = [a_run(RunState.FAILED, r, ordinal=n) for r, n in ordinals.items()]
    view = replace(ledger(*runs), migrations={"db": MigrationRecord("db", latest, 2)})
    assert older_than(view, "db", revision) == (latest if older else "")


@pytest.mark.parametrize("state", [None, RunState.NOT_STARTED, RunState.FAILED])
def test_an_older_revision_never_runs_by_itself(state: RunState | None) -> None:
    """Whatever git's attempt says, an older revision is held and says why; the gate stays shut."""
    runs = [a_run(state, "20261121")] if state else []
    world = World(
        ledger=replace(ledger(*runs), migrations={"db": MigrationRecord("db", REVISION, 2)})
    )
    app = an_app(a_service(), migrations=(a_migration("20261121", attempt=5),))
    plan = world.plan(app)
    step = only(plan, "migration/db")
    assert step.verb is Verb.HOLD
    assert "older than 20261122" in step.summary
    assert only(plan, "service/web").blocked_by == ("migration/db",)
    assert assess(app, world.observe(app), plan).exit_code == 6


def test_going_back_to_a_succeeded_revision_is_in_sync() -> None:
    """A rollback of git to an older revision that succeeded runs nothing, gates nothing, and says so."""
    world = World(ledger=ledger(a_run(RunState.SUCCEEDED, "20261121", ordinal=1)))
    plan = world.plan(an_app(a_service(), migrations=(a_migration("20261121"),)))
    assert only(plan, "migration/db").verb is Verb.NONE
    assert "older than 20261122: nothing runs" in only(plan, "migration/db").summary
    assert only(plan, "service/web").blocked_by == ()


STATES = [None, *[s for s in RunState if s is not RunState.SUCCEEDED]]


@pytest.mark.parametrize("state", STATES)
def test_an_unfinished_migration_gates_every_new_task(state: RunState | None) -> None:
    """New task definitions and creations wait; a desired count passes with the live revision."""
    world = World()
    world.converge(an_app(a_service("web", desiredCount=1)))
    runs = {str(RunKey.migration("db", REVISION)): a_run(state)} if state else {}
    world.ledger = replace(world.ledger, runs=runs)
    web, worker = a_service("web", tag="2", desiredCount=4), a_service("worker")
    free, gated, creation = world.plan(an_app(web, worker, migrations=(a_migration(),))).steps[1:]
    assert free.blocked_by == ()
    assert free.request is not None
    assert free.request.update == {"service": "shop-production-web", "desiredCount": 4}
    assert (free.request.register, free.request.reuse_arn) == (None, "")
    assert gated.blocked_by == creation.blocked_by == ("migration/db",)


def test_a_gated_service_follows_when_the_migration_succeeded() -> None:
    """The free part does not make the ledger forget that the rest is still to come."""
    world = World()
    world.converge(an_app(a_service("web", tag="1", desiredCount=1)))
    app = an_app(a_service("web", tag="2", desiredCount=4), migrations=(a_migration(),))
    world.pass_over(app)
    world.pass_over(app)
    before = world.services["shop-production-web"].task_definition_arn
    world.finish(a_migration())
    world.converge(app)
    assert world.services["shop-production-web"].task_definition_arn != before
    assert world.plan(app).in_sync


def test_a_vanished_migration_keeps_gating() -> None:
    """Gone from the files is not given up: only `null` opens the gate."""
    world = World(ledger=ledger(a_run(RunState.FAILED)))
    app = an_app(a_service())
    plan = world.plan(app)
    assert only(plan, "migration/db").verb is Verb.HOLD
    assert "null" in only(plan, "migration/db").notes[0]
    assert only(plan, "service/web").blocked_by == ("migration/db",)
    dropped = replace(app, dropped_migrations=frozenset({"db"}))
    assert [str(s.address) for s in world.plan(dropped).steps] == ["service/web"]
    assert world.plan(dropped).steps[0].blocked_by == ()


@pytest.mark.parametrize(
    ("record", "state", "gates"),
    [
        (MigrationRecord("db", REVISION, 2), RunState.SUCCEEDED, False),
        (MigrationRecord("db", REVISION, 2), RunState.UNKNOWN, True),
        (MigrationRecord("db", REVISION, 2, gates=False), RunState.FAILED, False),
        (MigrationRecord("db", REVISION, 2, when="after"), RunState.FAILED, False),
    ],
)
def test_which_vanished_migrations_gate(
    record: MigrationRecord, state: RunState, gates: bool
) -> None:
    """Only unfinished `before` migrations whose record still gates."""
    view = replace(ledger(a_run(state)), migrations={"db": record})
    assert bool(gates_of(an_app(), view)) is gates


def test_the_run_of_a_dropped_migration_is_still_driven() -> None:
    """Its task is alive: somebody has to see it through, but it gates nothing."""
    run = a_run(RunState.RUNNING)
    world = World(ledger=ledger(run, active=run))
    app = an_app(a_service(), dropped_migrations=frozenset({"db"}))
    first, second = world.plan(app).steps
    assert (str(first.address), first.verb) == ("migration/db", Verb.WAIT)
    assert second.blocked_by == ()


def test_only_one_migration_runs_at_a_time() -> None:
    """Of two that could start the first goes; a running one holds back all others."""
    both = (a_migration(), a_migration(name="search"))
    first, second = World().plan(an_app(migrations=both)).steps
    assert (first.blocked_by, second.blocked_by) == ((), ("migration/db",))
    run = a_run(RunState.RUNNING, name="search")
    busy = LedgerView(key=KEY, runs={run.item_key: run}, active_run=run.item_key)
    first, second = World(ledger=busy).plan(an_app(migrations=both)).steps
    assert first.blocked_by == ("migration/search",)
    assert second.verb is Verb.WAIT


def test_a_run_of_another_revision_is_seen_through_first() -> None:
    """The new revision in git waits for the active one's end, in the same step."""
    run = a_run(RunState.RUNNING, "20261121")
    world = World(ledger=ledger(run, active=run, latest="20261121"))
    step = only(world.plan(an_app(migrations=(a_migration(),))), "migration/db")
    assert (step.verb, step.blocked_by) == (Verb.WAIT, ())
    assert "20261121 is running" in step.summary


def test_a_migration_after_waits_for_steady_services() -> None:
    """It runs when every service is steady on what is desired, and no before-migration is open."""
    app = an_app(a_service(), migrations=(a_migration(when=When.AFTER),))
    world = World()
    assert only(world.plan(app), "migration/db").blocked_by == ("service/web",)
    world.pass_over(app)
    assert only(world.plan(app), "migration/db").blocked_by == ("service/web",)
    world.judge(app)
    assert only(world.plan(app), "migration/db").blocked_by == ()


def test_a_missing_image_blocks_a_run() -> None:
    """There is nothing to run: it says so and nothing is written into the ledger."""
    world = World(missing_images=frozenset({image("1")}))
    app = an_app(migrations=(a_migration(),))
    step = only(world.plan(app), "migration/db")
    assert step.blocked_by == (f"image not found: {image('1')}",)
    assert assess(app, world.observe(app), world.plan(app)).exit_code == 3


def test_a_suspended_app_starts_nothing() -> None:
    """Every step is blocked, and why is said once; the task that runs already is still watched."""
    run = a_run(RunState.RUNNING)
    view = replace(ledger(run, active=run), suspension=Suspension("incident 7", "alice", ""))
    world = World(ledger=view)
    app = an_app(
        a_service(), migrations=(a_migration(), a_migration(name="search", when=When.AFTER))
    )
    plan = world.plan(app)
    assert [s.blocked_by[:1] for s in plan.steps if s.verb is not Verb.WAIT] == [
        ("suspension",)
    ] * 2
    assert [n for n in plan.notes if "incident 7" in n] == [
        "suspended: incident 7, by alice; resume with: reconciler -a production/shop resume"
    ]
    assert only(plan, "migration/db").blocked_by == ()
    status = assess(app, world.observe(app), plan)
    assert (status.health, status.exit_code) == (Health.SUSPENDED, 4)
    assert status.message.count("incident 7") == 1
    assert not [r for r in status.resources if "suspen" in r.message]


def test_a_suspended_app_in_sync_does_not_even_write_the_ledger() -> None:
    """Hands off means our tables too."""
    world = World()
    app = an_app(a_service())
    world.converge(app)
    world.ledger = replace(
        world.ledger, services={}, suspension=Suspension("incident 7", "alice", "")
    )
    assert only(world.plan(app), "service/web").request is None
