"""Look-ups through the whole pass: what is asked, remembered, journaled, and what a new value does."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from reconciler.model.lookups import Deferred, Lookup, names_in
from reconciler.model.plan import Why
from reconciler.model.run import RunKey, RunState
from reconciler.plan.lookups import filled
from reconciler.plan.mask import SENSITIVE
from reconciler.plan.planner import make_plan
from tests.controller.lab import Controller, Lab, files, service
from tests.fakes.lookup_sources import FakeSsm
from tests.plan.builders import a_migration, a_task_definition
from tests.plan.scaling_world import a_scaling, tracking


def ssm(name):
    """Return a value that is only a look-up."""
    return Deferred((Lookup(f"ssm:{name}"),))


def variable(name, parameter):
    """Return a task definition with a variable from a parameter."""
    return a_task_definition(environment=[{"name": name, "value": ssm(parameter)}])


def app(*services, **fields):
    """Return an app whose look-ups are named."""
    made = files(*services, **fields)
    documents = [(s.service, s.task_definition) for s in made.services]
    documents += [(m.launch, m.task_definition) for m in made.migrations]
    documents += [
        (s.autoscaling.target, s.autoscaling.policies) for s in made.services if s.autoscaling
    ]
    return replace(made, lookups=frozenset(names_in(documents)))


class Shop:
    """A lab with SSM, and one controller in it."""

    def __init__(self):
        self.lab = Lab()
        self.ssm = FakeSsm()
        self.lab.handlers["ssm"] = self.ssm.handle
        self.controller = Controller(self.lab, "a")

    def told(self):
        """Return the journal's entries on look-ups, oldest first."""
        entries = [r.content for r in self.lab.store.journal(newest_first=False)]
        return [
            (e["address"], e["action"], e.get("before"), e.get("after"))
            for e in entries
            if e["kind"] == "LOOKUP"
        ]

    def plan(self):
        """Return what `diff` would say."""
        ledger = self.lab.store.read([])
        controller = self.controller
        observed = controller.observer.observe(controller.aws, self.lab.files, ledger)
        desired = filled(self.lab.files, observed.lookups, ledger.lookups)
        return make_plan(desired, observed)


@pytest.fixture
def shop():
    """Return a shop with two parameters and a service that has both."""
    made = Shop()
    made.ssm.put("/shop/host", "one.example")
    made.ssm.put("/shop/count", "2")
    web = service(td=variable("HOST", "/shop/host"), desiredCount=ssm("/shop/count"))
    made.lab.files = app(web, service("other"))
    assert made.controller.settle().status.converged
    return made


def test_values_are_journaled_once_with_what_relies_on_them(shop):
    """The first intent is preceded by the values that it is made of; nothing is written again."""
    values = {"ssm:/shop/count": "2", "ssm:/shop/host": "one.example"}
    assert shop.told() == [("service/web", "look-ups", {}, values)]
    shop.controller.wrote()
    assert shop.controller.reconcile().status.converged
    assert shop.controller.wrote() == []
    entries = [r.content for r in shop.lab.store.journal(newest_first=False)]
    assert [e["action"] for e in entries if e["address"] == "service/web"][:2] == [
        "look-ups",
        "RegisterTaskDefinition",
    ]


def test_a_pass_in_sync_costs_the_look_ups_and_no_more(shop):
    """One GetParameters for both parameters, beside what every pass costs."""
    shop.controller.transport.calls.clear()
    assert shop.controller.reconcile().status.converged
    assert Counter(f"{s}:{o}" for s, o, _ in shop.controller.transport.calls) == {
        "ecs:DescribeServices": 1,
        "ssm:GetParameters": 1,
        "dynamodb:GetItem": 1,
        "dynamodb:Query": 1,
    }


def test_a_new_value_is_a_change_that_says_so(shop):
    """The plan says lookup and both values; applying rolls the service and journals before and after."""
    shop.ssm.put("/shop/host", "two.example")
    [step] = [s for s in shop.plan().steps if s.changes]
    [change] = step.changes
    assert (change.why, change.observed, change.desired) == (
        Why.LOOKUP,
        "one.example",
        "two.example",
    )
    assert "${ssm:/shop/host}: one.example → two.example" in step.notes
    shop.controller.did()
    assert shop.controller.settle().status.converged
    assert shop.controller.did() == ["RegisterTaskDefinition", "UpdateService"]
    assert shop.told()[1:] == [
        (
            "service/web",
            "look-ups changed",
            {"ssm:/shop/host": "one.example"},
            {"ssm:/shop/host": "two.example"},
        )
    ]
    assert shop.plan().in_sync


def test_values_of_autoscaling_are_its_own(shop):
    """They are told with its calls, and a new one is a change of autoscaling alone that says so."""
    shop.ssm.put("/shop/max", "12")
    shop.ssm.put("/shop/load", "60")
    policies = {"cpu": tracking(value=ssm("/shop/load"))}
    scaling = a_scaling(1, ssm("/shop/max"), policies=policies)
    web = service(td=variable("HOST", "/shop/host"), autoscaling=scaling)
    shop.lab.files = app(web, service("other"))
    assert shop.controller.settle().status.converged
    before = {"ssm:/shop/load": "60", "ssm:/shop/max": "12"}
    assert ("autoscaling/web", "look-ups", {}, before) in shop.told()

    for name, old, new in (("/shop/max", "12", "20"), ("/shop/load", "60", "70")):
        shop.ssm.put(name, new)
        [step] = [s for s in shop.plan().steps if s.changes]
        assert (str(step.address), [c.why for c in step.changes]) == (
            "autoscaling/web",
            [Why.LOOKUP],
        )
        assert f"${{ssm:{name}}}: {old} → {new}" in step.notes
        assert shop.controller.settle().status.converged
        changed = ({f"ssm:{name}": old}, {f"ssm:{name}": new})
        assert shop.told()[-1] == ("autoscaling/web", "look-ups changed", *changed)
        assert shop.plan().in_sync


def test_a_value_whose_name_promises_a_secret_is_masked(shop):
    """Neither journal nor plan shows it, and a change of it is still one."""
    shop.ssm.put("/shop/API_TOKEN", "hunter2")
    shop.lab.files = app(service(td=variable("X", "/shop/API_TOKEN")))
    assert shop.controller.settle().status.converged
    shop.ssm.put("/shop/API_TOKEN", "hunter3")
    [step] = [s for s in shop.plan().steps if s.changes]
    assert f"${{ssm:/shop/API_TOKEN}}: {SENSITIVE} → {SENSITIVE}" in step.notes
    shop.controller.settle()
    assert "hunter" not in str(shop.told())


def test_a_lost_parameter_holds_its_service_and_nothing_else(shop):
    """What runs stays; the other service follows its files; the parameter's return releases it."""
    kept = shop.ssm.parameters.pop("/shop/host")
    web = service(td=variable("HOST", "/shop/host"), desiredCount=ssm("/shop/count"))
    shop.lab.files = app(web, service("other", tag="2"))
    shop.controller.did()
    status = shop.controller.settle().status
    assert not status.converged
    assert "there is no such parameter" in status.message
    assert status.exit_code == 3
    assert shop.controller.did() == ["RegisterTaskDefinition", "UpdateService"]
    shop.ssm.parameters["/shop/host"] = kept
    assert shop.controller.settle().status.converged
    assert shop.controller.did() == []


def test_a_value_that_takes_the_place_of_a_default_is_a_change_of_the_look_up(shop):
    """There and back: a parameter that appears, and one that goes, say so; the files did not change."""
    host = Deferred((Lookup("ssm:/shop/cdn", default=("plain.example",)),))
    task = a_task_definition(environment=[{"name": "HOST", "value": host}])
    shop.lab.files = app(service(td=task), service("other"))
    assert shop.controller.settle().status.converged
    assert shop.plan().in_sync

    shop.ssm.put("/shop/cdn", "cdn.example")
    [step] = [s for s in shop.plan().steps if s.changes]
    assert [c.why for c in step.changes] == [Why.LOOKUP]
    assert "${ssm:/shop/cdn}: absent → cdn.example" in step.notes
    assert shop.controller.settle().status.converged

    del shop.ssm.parameters["/shop/cdn"]
    [step] = [s for s in shop.plan().steps if s.changes]
    assert [c.why for c in step.changes] == [Why.LOOKUP]
    assert "${ssm:/shop/cdn}: cdn.example → absent" in step.notes
    assert shop.controller.settle().status.converged
    assert shop.told()[-2:] == [
        ("service/web", "look-ups changed", {name: before}, {name: after})
        for name, before, after in (
            ("ssm:/shop/cdn", None, "cdn.example"),
            ("ssm:/shop/cdn", "cdn.example", None),
        )
    ]
    assert shop.plan().in_sync


def test_a_default_that_is_edited_in_the_files_is_their_change(shop):
    """The parameter is still not there: nothing but the files has changed."""

    def hosted(default):
        value = Deferred((Lookup("ssm:/shop/cdn", default=(default,)),))
        task = a_task_definition(environment=[{"name": "H", "value": value}])
        return app(service(td=task), service("other"))

    shop.lab.files = hosted("one")
    assert shop.controller.settle().status.converged
    shop.lab.files = hosted("two")
    [step] = [s for s in shop.plan().steps if s.changes]
    assert [c.why for c in step.changes] == [Why.GIT]


def test_drift_of_a_looked_up_field_is_drift(shop):
    """The same value is no news: what somebody changed by hand is put back as such."""
    shop.lab.ecs.handle(
        "UpdateService",
        {"cluster": "production", "service": "shop-production-web", "desiredCount": 5},
    )
    [step] = [s for s in shop.plan().steps if s.changes]
    assert [c.why for c in step.changes] == [Why.DRIFT]
    assert not step.notes


def test_a_running_migration_does_not_need_its_parameters_any_more(shop):
    """Its request is frozen: a parameter that vanishes while it runs changes nothing."""
    shop.ssm.put("/shop/db", "url")
    task = a_task_definition(environment=[{"name": "URL", "value": ssm("/shop/db")}])
    task = {**task, "family": "shop-production-db"}
    migration = replace(a_migration("2"), task_definition=task, container="app")
    shop.lab.files = app(service("other"), migrations=(migration,))
    shop.controller.reconcile()
    shop.controller.reconcile()
    assert shop.lab.store.read([]).active_run
    del shop.ssm.parameters["/shop/db"]
    assert shop.controller.settle().status.converged
    run = shop.lab.store.read([RunKey.migration("db", "2")]).migration_run("db", "2")
    assert run is not None
    assert run.state is RunState.SUCCEEDED
