"""Names as we write them and as the API spells them."""

from __future__ import annotations

from reconciler.shapes.botocore_model import input_of, shape_named
from reconciler.shapes.casing import from_wire, to_wire

SCALING = "application-autoscaling"


def test_an_answer_becomes_what_people_write_and_goes_back_as_it_came() -> None:
    """Names of structures change their first letter on every level, values and order do not."""
    policy = {
        "PolicyName": "cpu",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": 60.0,
            "CustomizedMetricSpecification": {"Dimensions": [{"Name": "A", "Value": "b"}]},
        },
    }
    shape = input_of("PutScalingPolicy", SCALING)
    written = from_wire(shape, policy)
    dimensions = written["targetTrackingScalingPolicyConfiguration"][
        "customizedMetricSpecification"
    ]["dimensions"]
    assert dimensions == [{"name": "A", "value": "b"}]
    assert to_wire(shape, written) == policy


def test_what_the_model_does_not_know_is_left_out_of_an_answer() -> None:
    """A member that AWS adds next year, and one without a value, are nothing to us."""
    shape = shape_named("ScalableTarget", SCALING)
    answer = {"MinCapacity": 1, "Nonsense": {"A": 1}, "RoleARN": None}
    assert from_wire(shape, answer) == {"minCapacity": 1}


def test_the_keys_of_maps_are_the_users_own() -> None:
    """A map is not a structure: its keys stay as they are."""
    shape = input_of("RegisterScalableTarget", SCALING)
    document = {"tags": {"Team": "a", "cost": "b"}}
    assert to_wire(shape, document) == {"Tags": {"Team": "a", "cost": "b"}}
    assert from_wire(shape, {"Tags": {"Team": "a"}}) == {"tags": {"Team": "a"}}


def test_required_fields_have_their_written_names() -> None:
    """What is missing is reported under the name that is to be written."""
    assert "policyName" in input_of("PutScalingPolicy", SCALING).required
