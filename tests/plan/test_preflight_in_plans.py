"""What preflight found, in a plan: a failed check stops what would rely on it, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.desired import When
from reconciler.model.finding import CheckState, Finding
from reconciler.model.names import Address
from reconciler.model.plan import Plan, Step, Verb
from reconciler.model.status import Health
from reconciler.plan.assess import assess
from reconciler.plan.planner import make_plan
from reconciler.plan.preflight import check_lines, starting
from reconciler.plan.render import as_document, as_markdown, as_text
from tests.plan.builders import a_migration, a_service, an_app
from tests.plan.world import World
from tests.resources.everything import everything

WEB, WORKER, DB = (
    Address("service", "web"),
    Address("service", "worker"),
    Address("migration", "db"),
)
OK, WARNING, FAILED, UNSEEN = CheckState


def finding(state: CheckState, *addresses: Address, name: str = "role shop") -> Finding:
    """Return what a check said about some resources."""
    permission = "iam:GetRole" if state is UNSEEN else ""
    return Finding(name, state, "there is no role shop", addresses, permission)


RUN = a_migration()


def planned(*found: Finding, migrations=(RUN,), **fields) -> Plan:
    """Return the plan of an app that is to be created, with these findings."""
    app = an_app(a_service("web"), a_service("worker"), migrations=migrations, **fields)
    return make_plan(app, replace(World().observe(app), findings=found))


def steps(plan: Plan) -> dict[Address, Step]:
    """Return the steps by address."""
    return {step.address: step for step in plan.steps}


def test_everything_that_would_start_is_to_be_checked():
    """New services and migrations that run are; what is in sync is not."""
    assert starting(planned()) == {WEB, WORKER, DB}
    assert starting(Plan("a/b", (Step(WEB, Verb.NONE), Step(WORKER, Verb.HOLD)))) == frozenset()


def test_without_findings_the_plan_is_as_it_was():
    """Nothing is stopped, and no step has anything to say about checks."""
    plan = planned(migrations=())

    assert not any(step.blocked for step in plan.steps)
    assert not any(step.findings for step in plan.steps)


def test_a_failed_check_stops_its_service():
    """The step says which check it was and why; the other service goes on."""
    found = steps(planned(finding(FAILED, WEB), migrations=()))

    assert found[WEB].blocked_by == ("preflight: role shop: there is no role shop",)
    assert not found[WORKER].blocked


def test_a_failed_check_of_a_service_stops_the_migrations_before_it():
    """A migration cannot be taken back: it does not run for services that could not follow."""
    found = steps(planned(finding(FAILED, WEB)))

    assert found[DB].blocked_by == ("preflight of service/web",)
    assert found[WORKER].blocked_by == ("migration/db",)


def test_a_failed_check_of_a_migration_stops_it_and_what_waits_for_it():
    """The services wait at the gate as they always do."""
    found = steps(planned(finding(FAILED, DB)))

    assert found[DB].blocked_by == ("preflight: role shop: there is no role shop",)
    assert found[WEB].blocked_by == ("migration/db",)


def test_a_migration_after_waits_for_the_stopped_service():
    """It comes behind services that are settled, and a stopped one is not."""
    after = a_migration(name="after", when=When.AFTER)

    found = steps(planned(finding(FAILED, WEB), migrations=(after,)))

    assert str(WEB) in found[Address("migration", "after")].blocked_by


@pytest.mark.parametrize("state", [OK, WARNING, UNSEEN])
def test_nothing_else_stops_anything(state):
    """Warnings, what may not be seen and what is ok are told with the step, which goes on."""
    found = steps(planned(finding(state, WEB), migrations=()))

    assert not found[WEB].blocked
    assert [f.state for f in found[WEB].findings] == [state]
    assert found[WORKER].findings == ()


STATES = st.lists(st.sampled_from(list(CheckState)), max_size=4)


@given(web=STATES, worker=STATES, db=STATES)
def test_only_failed_checks_take_a_step_out_of_a_plan(web, worker, db):
    """Whatever is found: the same steps in the same order, and what is stopped has a failed check."""
    found = [
        finding(state, address)
        for address, states in ((WEB, web), (WORKER, worker), (DB, db))
        for state in states
    ]
    plain, plan = planned(), planned(*found)

    assert [(s.address, s.verb) for s in plan.steps] == [(s.address, s.verb) for s in plain.steps]
    stopped = {
        s.address for s in plan.steps if any(b.startswith("preflight:") for b in s.blocked_by)
    }
    assert stopped == {f.addresses[0] for f in found if f.state is FAILED}


def test_the_status_says_that_aws_would_refuse():
    """Exit code 3 for a service and for a migration, with the reason; converged is neither."""
    app = an_app(a_service("web"), migrations=(a_migration(),))
    for address in (WEB, DB):
        observed = replace(World().observe(app), findings=(finding(FAILED, address),))
        status = assess(app, observed, make_plan(app, observed))
        assert status.exit_code == 3
        assert "there is no role shop" in status.message
        assert not status.converged


def test_a_stopped_redis_group_says_that_aws_would_refuse():
    """Exit code 3, as for services: its subnet group is not there."""
    (redis,) = everything().redis
    app = replace(an_app(), redis=(redis,))
    observed = replace(World().observe(app), findings=(finding(FAILED, redis.address),))
    plan = make_plan(app, observed)

    status = assess(app, observed, plan)

    assert [s.verb for s in plan.steps] == [Verb.CREATE], plan.steps
    assert plan.steps[0].blocked_by[0].startswith("preflight: role shop")
    assert (status.exit_code, status.resources[0].health) == (3, Health.DEGRADED)


def test_a_stopped_migration_is_degraded():
    """As one whose image is not there."""
    app = an_app(migrations=(a_migration(),))
    observed = replace(World().observe(app), findings=(finding(FAILED, DB),))

    (line,) = assess(app, observed, make_plan(app, observed)).resources

    assert line.health is Health.DEGRADED


def test_findings_are_lines_with_signs():
    """A line for each failure, warning and thing that is not asked; one for all that may not be seen."""
    found = [
        finding(OK, WEB),
        finding(FAILED, WEB),
        finding(WARNING, WEB, name="alarm a"),
        finding(UNSEEN, WEB, name="role a"),
        replace(finding(UNSEEN, WEB, name="secret c"), message="it is far", permission=""),
        finding(UNSEEN, WEB, name="role b"),
    ]

    assert list(check_lines(found)) == [
        "✗ role shop: there is no role shop",
        "! alarm a: there is no role shop",
        "? secret c: it is far",
        "? not permitted to see: role a, role b (iam:GetRole)",
    ]


def test_every_form_of_a_plan_shows_them():
    """Text and markdown in lines, JSON with every check and its state."""
    plan = planned(finding(FAILED, WEB), finding(OK, WEB, name="cluster c"), migrations=())

    for text in (as_text(plan), as_markdown(plan)):
        assert "✗ role shop: there is no role shop" in text
        assert "blocked by preflight: role shop\n" in text
    resources = {r["address"]: r for r in as_document(plan)["resources"]}
    assert resources["service/web"]["checks"] == [
        {"name": "role shop", "state": "failed", "message": "there is no role shop"},
        {"name": "cluster c", "state": "ok", "message": "there is no role shop"},
    ]
    assert "checks" not in resources["service/worker"]
