"""No field of botocore's model is lost: declared in YAML, sent, told by ECS, read, and no difference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.model.desired import DesiredApp
from reconciler.model.observed import LedgerView, ObservedApp
from reconciler.model.plan import ServiceRequest, Step, Verb
from reconciler.plan.planner import make_plan
from reconciler.shapes.default_values import default_row
from reconciler.source.folder import load_folder
from tests.resources.every_field import (
    CONTAINER,
    MEANINGS,
    SERVICE,
    TASK,
    Leaf,
    document,
    example,
    found,
    is_required,
    leaves,
)
from tests.resources.mirror import Mirror, _pins, validated

LEAVES = leaves()
HEADER = {
    "apiVersion": "reconciler/v1alpha1",
    "app": "shop",
    "environment": "production",
    "account": "123456789012",
    "region": "ap-northeast-1",
    "cluster": "production",
    "sync": {"defaults": "none"},
}
each_leaf = pytest.mark.parametrize("leaf", LEAVES, ids=str)


def declared(root: Path, documents: dict[str, dict[str, Any]]) -> DesiredApp:
    """Write the documents as YAML and read them as the controller does."""
    web = {**documents[SERVICE], "taskDefinition": documents[TASK]}
    folder = root / "production" / "shop"
    folder.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump({**HEADER, "services": {"web": web}}, sort_keys=False)
    (folder / "app.yaml").write_text(text, "utf-8")
    loaded = load_folder(root)
    assert not loaded.broken, "\n".join(map(str, loaded.diagnostics))
    return loaded.apps["production/shop"]


def of(*chosen: Leaf, variant: int = 0) -> dict[str, dict[str, Any]]:
    """Return both documents with examples of these fields in them."""
    return {
        kind: document(kind, *(example(x, variant) for x in chosen if x.kind == kind))
        for kind in (SERVICE, TASK)
    }


def created(desired: DesiredApp) -> ServiceRequest:
    """Return what is sent for an app that does not exist yet."""
    pins = _pins(desired)
    ledger = LedgerView(key=desired.key, pins=pins)
    nothing = ObservedApp(desired.key, {}, {}, images=pins, ledger=ledger)
    [step] = make_plan(desired, nothing).steps
    assert step.verb is Verb.CREATE
    assert isinstance(step.request, ServiceRequest)
    return step.request


def planned(desired: DesiredApp, observed: ObservedApp) -> list[Step]:
    """Return the plan's steps."""
    return list(make_plan(desired, observed).steps)


def values(documents: dict[str, Any], leaf: Leaf) -> list[Any]:
    """Return what the documents say at the leaf's path."""
    return found(documents[leaf.kind], leaf.path[1:])


def as_sent(leaf: Leaf, value: Any) -> Any:
    """Return the value as it is sent: a tag becomes the digest that it is pinned to."""
    if leaf.path == (TASK, *CONTAINER, "image"):
        return value.partition(":")[0] + "@sha256:" + "0" * 64
    return value


def test_the_model_is_walked() -> None:
    """The walk finds the fields of both operations, and a meaning is one of a field that exists."""
    assert len(LEAVES) > 240
    paths = {leaf.path for leaf in LEAVES}
    assert set(MEANINGS) <= paths


@each_leaf
def test_an_example_is_no_default(leaf) -> None:
    """Otherwise nothing below could fail for this field."""
    row = default_row(leaf.kind, leaf.path[1:])
    assert row is None or callable(row.value) or row.value != leaf.value()


@each_leaf
def test_a_field_is_sent_comes_back_and_is_no_difference(leaf, tmp_path) -> None:
    """YAML → desired → request → told by ECS where it tells it, with its defaults → observed: the same."""
    desired = declared(tmp_path, of(leaf))
    service = desired.services[0]
    documents = {SERVICE: service.service, TASK: service.task_definition}
    assert leaf.value() in values(documents, leaf)
    mirror = Mirror(desired, created(desired))
    sent = {SERVICE: mirror.create, TASK: mirror.register}
    assert as_sent(leaf, leaf.value()) in values(sent, leaf)
    observed = mirror.observe()
    [known] = [d for d in observed.task_definitions.values() if d.arn == mirror.arn]
    live = {SERVICE: observed.services["web"].service, TASK: known.content}
    if leaf.path[1] != "tags":
        assert as_sent(leaf, leaf.value()) in values(live, leaf)
    for memory in (observed, mirror.observe(remembered=False)):
        [step] = planned(desired, memory)
        assert (step.verb, step.changes) == (Verb.NONE, ())
        assert step.notes == ()


SEEN_OTHERWISE = {
    (SERVICE, "serviceName"),  # its name is how a service is found
    (SERVICE, "tags", "*", "key"),
    (SERVICE, "tags", "*", "value"),  # tests/plan/test_service_tags.py
    (TASK, "tags", "*", "key"),
    (TASK, "tags", "*", "value"),  # tags alone make no new revision
}


CHANGEABLE = [x for x in LEAVES if x.path not in SEEN_OTHERWISE and x.value(1) != x.value(0)]


@pytest.mark.parametrize("leaf", CHANGEABLE, ids=str)
def test_a_change_in_the_console_is_seen_and_put_right(leaf, tmp_path) -> None:
    """Another live value is a difference; what is sent has ours, and botocore takes it."""
    desired = declared(tmp_path, of(leaf))
    mirror = Mirror(desired, created(desired))
    edited = of(leaf, variant=1)
    if leaf.kind == SERVICE:
        mirror.overrides = {leaf.path[1]: edited[SERVICE][leaf.path[1]]}
    else:
        mirror.definition_overrides = edited[TASK]
    [*_, step] = planned(desired, mirror.observe())
    assert step.is_difference
    assert step.changes
    if step.verb is Verb.HOLD:
        assert step.summary
        return
    request = step.request
    update = {**request.update, "cluster": desired.cluster, "taskDefinition": mirror.arn}
    validated("UpdateService", update)
    sent = {
        SERVICE: update,
        TASK: validated("RegisterTaskDefinition", request.register or {})
        if request.register
        else mirror.register,
    }
    assert as_sent(leaf, leaf.value()) in values(sent, leaf)


FIELDS = sorted({leaf.path[1] for leaf in LEAVES if leaf.kind == SERVICE} - {"serviceName", "tags"})
STAYS = {"availabilityZoneRebalancing", "desiredCount", "launchType", "role", "schedulingStrategy"}


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_that_left_the_files_is_taken_back_once(field, tmp_path) -> None:
    """With what UpdateService takes, or with a note, or not at all where nobody could."""
    chosen = [leaf for leaf in LEAVES if leaf.path[:2] == (SERVICE, field)]
    before = declared(tmp_path / "a", of(*chosen))
    mirror = Mirror(before, created(before))
    after = declared(tmp_path / "b", of())
    mirror.desired = after
    [*_, step] = planned(after, mirror.observe())
    if field in STAYS:
        assert step.changes == ()
        return
    if not step.changes:
        assert any(field in note and "stays" in note for note in step.notes)
        return
    assert {c.path.split(".")[0] for c in step.changes} == {field}
    assert {str(c.why) for c in step.changes} == {"removed"}
    if step.verb is Verb.HOLD:
        return
    validated("UpdateService", {**step.request.update, "cluster": "production"})
    assert field not in step.request.applied[SERVICE]


def without(document: Any, path: tuple[str, ...]) -> Any:
    """Return the document without a leaf, in all its items."""
    step, rest = path[0], path[1:]
    if step == "*":
        return [without(item, rest) for item in document] if rest else []
    if not rest:
        return {k: v for k, v in document.items() if k != step}
    return {k: without(v, rest) if k == step else v for k, v in document.items()}


NESTED = [
    leaf
    for leaf in LEAVES
    if leaf.kind == SERVICE
    and len(leaf.path) > 2
    and leaf.path[1] not in {"tags", *STAYS}
    and leaf.path[-1] not in {"{}", "*", "key", "portName", "targetGroupArn", "logLevel"}
    and not is_required(leaf)
]


@pytest.mark.parametrize("leaf", NESTED, ids=str)
def test_a_part_that_left_the_files_is_taken_back_once(leaf, tmp_path) -> None:
    """What is then sent of its field is whole, and botocore takes it; afterwards it is not ours."""
    chosen = [x for x in LEAVES if x.path[:2] == leaf.path[:2]]
    documents = of(*chosen)
    before = declared(tmp_path / "a", documents)
    mirror = Mirror(before, created(before))
    smaller = {**documents, SERVICE: without(documents[SERVICE], leaf.path[1:])}
    after = declared(tmp_path / "b", smaller)
    mirror.desired = after
    [*_, step] = planned(after, mirror.observe())
    assert step.changes or step.notes
    if step.verb is Verb.UPDATE:
        update = validated("UpdateService", {**step.request.update, "cluster": "production"})
        assert leaf.value() not in found(update, leaf.path[1:])
        assert values({SERVICE: step.request.applied[SERVICE]}, leaf) == []


def fits(chosen: list[Leaf]) -> bool:
    """Whether AWS, and so we, would take these fields together."""
    tops = {leaf.path[1] for leaf in chosen if leaf.kind == SERVICE}
    exclusive = (
        {"launchType", "capacityProviderStrategy"},
        {"schedulingStrategy", "desiredCount"},
        {"schedulingStrategy", "deploymentController"},
    )
    return not any(pair <= tops for pair in exclusive)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=st.lists(st.sampled_from(LEAVES), min_size=2, max_size=25, unique=True).filter(fits))
def test_fields_together_come_back_and_are_no_difference(chosen, tmp_path) -> None:
    """Any set of fields in one service: nothing is lost and nothing differs."""
    desired = declared(tmp_path, of(*chosen))
    mirror = Mirror(desired, created(desired))
    sent = {SERVICE: mirror.create, TASK: mirror.register}
    for leaf in chosen:
        assert as_sent(leaf, leaf.value()) in values(sent, leaf)
    for memory in (mirror.observe(), mirror.observe(remembered=False)):
        [step] = planned(desired, memory)
        assert (step.verb, step.changes) == (Verb.NONE, ())
