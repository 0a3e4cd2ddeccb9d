"""The tables of defaults, orderings, maps and effects against botocore's own model."""

from __future__ import annotations

import pytest

from reconciler.model.plan import Effect
from reconciler.shapes.botocore_model import Shape, input_of
from reconciler.shapes.default_values import DEFAULT_ROWS, UNKNOWN_ROWS
from reconciler.shapes.effects import RESETS, SERVICE_EFFECTS
from reconciler.shapes.tables import (
    AUTOSCALING,
    LIST_RULES,
    MAPS,
    READ_ONLY,
    SERVICE,
    TASK_DEFINITION,
)

OPERATIONS = {SERVICE: "CreateService", TASK_DEFINITION: "RegisterTaskDefinition"}
SCALING = "application-autoscaling"
SCALING_LISTS = {"policies": "PutScalingPolicy", "scheduledActions": "PutScheduledAction"}
RULES = [(kind, rule) for kind, rules in LIST_RULES.items() for rule in rules]
ROWS = [(kind, row) for kind, rows in DEFAULT_ROWS.items() for row in rows]
UNKNOWN = [(kind, row) for kind, rows in UNKNOWN_ROWS.items() for row in rows]


def root(kind, pattern):
    """Return the operation's input that a path begins in, and the rest of the path.

    An autoscaling document is the target's input, with what was put by name below its two lists.
    """
    if kind != AUTOSCALING:
        return input_of(OPERATIONS[kind]), pattern
    if pattern[0] in SCALING_LISTS:
        return input_of(SCALING_LISTS[pattern[0]], SCALING), pattern[2:]
    return input_of("RegisterScalableTarget", SCALING), pattern


def at(kind, pattern) -> Shape:
    """Return the type at a path of the table; KeyError when the model has no such place."""
    shape, pattern = root(kind, pattern)
    for step in pattern:
        if step == "*":
            assert shape.kind == "list", f"{pattern}: no list"
            shape = shape.element
        else:
            shape = shape.members[step]
    return shape


def name(case):
    """Name a test case by its kind and path."""
    return f"{case[0]}.{'.'.join(case[1].pattern)}"


@pytest.mark.parametrize("case", ROWS, ids=name)
def test_every_default_is_of_a_field_that_the_model_has(case) -> None:
    """A row of the table names a path of botocore's model, a value of its type, and its source."""
    kind, row = case
    shape = at(kind, row.pattern)
    assert row.source.split()[0].rstrip(":;") in {"OBS", "M", "D"}
    if callable(row.value) or repr(row.value) == "absent":
        return
    types = {"list": list, "structure": dict | list, "map": list, "boolean": bool, "string": str}
    assert isinstance(row.value, types.get(shape.kind, int | float))
    assert not shape.choices or row.value in shape.choices


@pytest.mark.parametrize("case", UNKNOWN, ids=name)
def test_every_unpredictable_field_is_one_that_the_model_has(case) -> None:
    """What cannot be told beforehand is named with its reason."""
    kind, row = case
    assert at(kind, row.pattern)
    assert row.reason


@pytest.mark.parametrize("case", RULES, ids=name)
def test_every_order_rule_is_of_a_list_and_its_key_of_the_item(case) -> None:
    """A list is keyed by fields that its items have, and a `value` rule by all that they have."""
    kind, rule = case
    shape = at(kind, rule.pattern)
    assert shape.kind == "list"
    keys = {field for part in rule.key for field in part.names}
    if not rule.key:
        assert shape.element.kind != "structure"
        return
    assert keys <= set(shape.element.members)
    if rule.value:
        # The comparison then sees these two fields only: a third one would be lost.
        assert set(shape.element.members) == keys | {rule.value}


@pytest.mark.parametrize("kind", OPERATIONS)
def test_the_users_own_maps_are_those_of_the_model(kind) -> None:
    """Each map of the model is declared as a whole, and so is any free JSON."""
    found = set()

    def walk(shape, path, seen) -> None:
        if shape.kind == "map" or shape.is_document:
            found.add(path)
        elif shape.kind == "list":
            walk(shape.element, (*path, "*"), seen)
        elif shape.kind == "structure" and shape.name not in seen:
            for field, member in shape.members.items():
                walk(member, (*path, field), {*seen, shape.name})

    walk(input_of(OPERATIONS[kind]), (), set())
    assert set(MAPS[kind]) == found


def test_one_place_has_one_row() -> None:
    """No field has two defaults, nor a default and a reason why there is none."""
    for kind in OPERATIONS:
        patterns = [row.pattern for row in (*DEFAULT_ROWS[kind], *UNKNOWN_ROWS[kind])]
        assert len(patterns) == len(set(patterns))
        assert len(LIST_RULES[kind]) == len({rule.pattern for rule in LIST_RULES[kind]})


def test_every_field_of_a_service_has_an_effect_with_its_source() -> None:
    """What a change of a CreateService field does is written down, not guessed."""
    ours = {"cluster", "clientToken", "taskDefinition"}
    assert set(SERVICE_EFFECTS) == set(input_of("CreateService").members) - ours
    assert all(row.source for row in SERVICE_EFFECTS.values())
    create_only = set(input_of("CreateService").members) - set(input_of("UpdateService").members)
    replaced = {name for name, row in SERVICE_EFFECTS.items() if row.effect is Effect.REPLACE}
    assert replaced == create_only - ours - {"tags"}


def test_every_reset_is_a_field_that_update_takes() -> None:
    """A removed field can only be reset by something that UpdateService has."""
    assert set(RESETS) <= set(input_of("UpdateService").members)


def test_nothing_that_can_be_declared_is_taken_for_read_only() -> None:
    """What people may set is never dropped from what they write, but for what we fill in."""
    ours = {"cluster", "clientToken", "taskDefinition"}
    for kind, operation in OPERATIONS.items():
        assert READ_ONLY[kind] & set(input_of(operation).members) <= ours
