"""Steps that are nothing but calls: journaled one by one, remembered with the last."""

from __future__ import annotations

import pytest

from reconciler.aws.door import Aws
from reconciler.controller.calls import Calls
from reconciler.model.errors import AwsError
from reconciler.model.names import Address
from reconciler.model.plan import ApiCall, ResourceRequest
from reconciler.resources import kinds
from reconciler.resources.kind import Kind, answer
from tests.controller.lab import Controller, Lab

ADDRESS = Address("thing", "one")
APPLIED = {"size": "2"}


@pytest.fixture
def made(monkeypatch):
    """Return the calls that a kind called `thing` has been asked to make."""
    made = []
    kind: Kind = Kind("thing", {})

    @kind.on_call("Make", "Change", "Break")
    def call(_: Aws, operation, parameters):
        if operation == "Break":
            raise AwsError("no", operation="x:Break", code="No", request_id="r9")
        made.append((operation, dict(parameters)))
        return answer({"ResponseMetadata": {"RequestId": f"r{len(made)}"}})

    monkeypatch.setattr(kinds, "KINDS", {"thing": kind})
    return made


@pytest.fixture
def controller():
    """Return a controller that holds the lease of its app."""
    controller = Controller(Lab(), "a")
    controller.settle()
    return controller


def make(controller, *operations, intended=None):
    """Make the calls as `execute` does, on a new snapshot."""
    ledger = controller.store.read()
    session = controller.store.acquire(ledger, controller.member)
    calls = tuple(ApiCall("thing", name, {"Name": name}) for name in operations)
    record = ledger.resources.get(str(ADDRESS))
    Calls(controller.aws, session, ADDRESS, "git", record).make(
        ResourceRequest(APPLIED, calls, intended)
    )


def told(controller):
    """Return kind, action and outcome of what the journal has of the resource, oldest first."""
    entries = controller.store.journal(newest_first=False, address=str(ADDRESS))
    return [(e.content["kind"], e.content["action"], e.content.get("outcome", "")) for e in entries]


def test_each_call_has_its_intent_and_outcome(controller, made):
    """The calls go out in order, each between two entries, and then the ledger remembers."""
    make(controller, "Make", "Change")
    assert made == [("Make", {"Name": "Make"}), ("Change", {"Name": "Change"})]
    assert told(controller) == [
        ("INTENT", "Make", ""),
        ("OUTCOME", "Make", "ok"),
        ("INTENT", "Change", ""),
        ("OUTCOME", "Change", "ok"),
    ]
    assert controller.store.read().resources[str(ADDRESS)].applied == APPLIED


def test_a_refused_call_ends_the_step(controller, made):
    """What comes after it is not sent, and nothing is remembered as applied."""
    with pytest.raises(AwsError):
        make(controller, "Make", "Break", "Change")
    assert [name for name, _ in made] == ["Make"]
    assert told(controller)[-1] == ("OUTCOME", "Break", "No")
    assert str(ADDRESS) not in controller.store.read().resources


def test_without_calls_only_the_ledger_learns(controller, made):
    """Adopting without a difference is one entry; the same memory again is none."""
    make(controller)
    make(controller)
    assert (made, told(controller)) == ([], [("RESOURCE", "remember", "")])
    assert controller.store.read().resources[str(ADDRESS)].version == 1


def test_what_is_intended_is_remembered_before_the_first_call(controller, made):
    """A refused call leaves the intention; the next step goes on from it to what is applied."""
    intended = {"made": ["one"]}
    with pytest.raises(AwsError):
        make(controller, "Break", "Change", intended=intended)
    assert controller.store.read().resources[str(ADDRESS)].applied == intended
    make(controller, "Make", "Change", intended=intended)
    record = controller.store.read().resources[str(ADDRESS)]
    assert (record.applied, record.version) == (APPLIED, 2)
    make(controller, intended=intended)  # without a call there is nothing to intend
    assert controller.store.read().resources[str(ADDRESS)] == record
