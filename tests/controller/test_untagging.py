"""A tag that left the files, through the executor: journaled, fenced, repeatable after a crash."""

from __future__ import annotations

import pytest

from reconciler.model.errors import OutcomeUnknown
from tests.controller.lab import Controller, Lab, files, lose, service

TEAM = [{"key": "team", "value": "shop"}]


@pytest.fixture
def lab():
    """Return an account with a cluster and nothing on it."""
    return Lab()


@pytest.fixture
def tagged(lab):
    """Return the controller after a service with a tag has converged."""
    controller = Controller(lab, "a")
    lab.files = files(service(tags=TEAM))
    assert controller.settle().status.converged
    controller.did()
    lab.story()
    return controller


def tags(lab) -> set[str]:
    """Return the live tags' keys."""
    return {t["key"] for t in lab.live()["tags"]}


def test_an_intent_a_call_an_outcome_and_a_memory_without_it(lab, tagged):
    """UntagResource is all that happens, and the next pass has nothing to do."""
    lab.files = files(service())
    assert tagged.settle().status.converged
    assert tagged.did() == ["UntagResource"]
    assert "team" not in tags(lab)
    assert "reconciler:app" in tags(lab)
    assert [line for line in lab.story() if "Untag" in line]
    assert "tags" not in lab.ledger.services["web"].applied["service"]
    tagged.reconcile()
    assert tagged.did() == []


def test_a_tag_goes_before_the_rest_is_remembered(lab, tagged):
    """Otherwise a crash in between would leave a tag that nobody knows to be ours."""
    lab.files = files(service(desiredCount=2))
    assert tagged.settle().status.converged
    assert tagged.did() == ["UntagResource", "UpdateService"]


@pytest.mark.parametrize("applied", [True, False])
def test_a_lost_answer_is_made_up_for(lab, tagged, applied):
    """Whether it took effect or not, the tag is gone in the end and nothing is left open."""
    lab.files = files(service())
    lose(
        tagged,
        "UntagResource",
        OutcomeUnknown("lost", operation="ecs:UntagResource"),
        applied=applied,
    )
    successor = None
    try:
        tagged.settle()
    except OutcomeUnknown:
        successor = tagged.crash()
    (successor or tagged).settle()
    assert "team" not in tags(lab)
    assert not lab.ledger.open_intents


def test_it_is_said_which_tags_were_set(lab, tagged):
    """Not that the service is ours now: it was before."""
    lab.files = files(service(tags=[*TEAM, {"key": "cost", "value": "a"}]))
    assert tagged.settle().status.converged
    assert "set the tags cost" in "\n".join(event.message for event in tagged.events)
