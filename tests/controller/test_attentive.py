"""What waiting for a person costs, and how soon it ends."""

from __future__ import annotations

from datetime import timedelta

import pytest

from reconciler.controller.attentive import Attentive
from reconciler.model.errors import LeaseHeld
from reconciler.runs import operate
from reconciler.runs.operate import Operator, Subject
from tests.controller.lab import Controller, Lab, release
from tests.fakes.ecs_nature import Nature
from tests.plan.builders import KEY

RESYNC = timedelta(seconds=60)
WATCHED = 5.0


class Ends(Nature):
    """Commands end as they are told to."""

    code = 1

    def exit_code(self) -> int:
        return self.code


@pytest.fixture
def waiting():
    """Return a controller whose migration has failed, the passes around it, and the lab."""
    lab = Lab(Ends())
    lab.files = release(1)
    controller = Controller(lab, "a")
    passes = Attentive(controller.reconciler, RESYNC)
    for _ in range(30):
        result = passes.reconcile(KEY)
        if result.status.exit_code == 6:
            break
        lab.go_on((result.requeue_after or RESYNC).total_seconds())
    assert result.status.exit_code == 6
    passes.reconcile(KEY)
    controller.transport.calls.clear()
    return lab, controller, passes


HEARTBEAT = ("UpdateItem", "Query")


def _calls(controller) -> list[str]:
    """Return what was asked since the last time, but for the members' heartbeats."""
    found = [o for _, o, _ in controller.transport.calls if o not in HEARTBEAT]
    controller.transport.calls.clear()
    return found


def test_waiting_for_a_person_reads_one_item(waiting):
    """While nothing moves a look costs one read of HEAD, nothing of ECS, and says the same."""
    lab, controller, passes = waiting
    for _ in range(10):
        lab.go_on(WATCHED)
        assert passes.reconcile(KEY).status.exit_code == 6
    assert _calls(controller) == ["GetItem"] * 10


def test_drift_is_found_while_a_person_is_waited_for(waiting):
    """At the resync everything is looked at."""
    lab, controller, passes = waiting
    lab.go_on(RESYNC.total_seconds())
    passes.reconcile(KEY)
    assert "DescribeServices" in _calls(controller)


def test_what_a_person_does_is_heard_at_the_next_look(waiting):
    """`migration retry` writes to the ledger only, and the very next look carries it out."""
    lab, controller, passes = waiting
    subject = Subject(controller.store, "production", "db", "1")
    lab.ecs.tasks.nature.code = 0
    operate.retry(subject, Operator("arn:aws:iam::123456789012:user/anna", "mended"))
    lab.go_on(WATCHED)
    assert passes.reconcile(KEY).requeue_after is not None
    assert controller.settle().status.exit_code == 0


def test_changed_files_are_heard_at_once(waiting):
    """New files end the rest, and so does what is wrong with them."""
    lab, controller, passes = waiting
    controller.broken = "app.yaml:1:1: error: what is this?"
    assert "what is this?" in passes.reconcile(KEY).status.message
    lab.files = release(2)
    lab.ecs.tasks.nature.code = 0
    passes.reconcile(KEY)
    assert controller.reconciler.source.desired(KEY) is lab.files
    assert "TransactWriteItems" in _calls(controller)


def test_who_rests_hands_over(waiting):
    """Another member that asks for the app gets it, as from a controller that is busy."""
    _, controller, passes = waiting
    controller.member.view = controller.member.view.__class__(
        **{**controller.member.view.__dict__, "wants": {KEY: "somebody#else"}}
    )
    with pytest.raises(LeaseHeld, match="handed over"):
        passes.reconcile(KEY)
