"""botocore's model as values."""

import pytest

from reconciler.shapes.botocore_model import (
    container_shape,
    input_of,
    known_regions,
    read_only_members,
    shape_named,
    suggest,
)


def test_inputs_have_their_fields():
    """A field is there because botocore has it, with kind, choices and limits."""
    service = input_of("CreateService")
    assert service.required == ("serviceName",)
    assert service.members["launchType"].choices[:2] == ("EC2", "FARGATE")
    weight = service.members["capacityProviderStrategy"].element.members["weight"]
    assert (weight.kind, weight.minimum, weight.maximum) == ("integer", 0, 1000)


def test_maps_and_lists_have_an_element():
    """Maps and lists say what they hold, other kinds say nothing."""
    options = shape_named("LogConfiguration").members["options"]
    assert (options.kind, options.element.kind) == ("map", "string")
    assert input_of("RunTask").element is None


def test_free_form_and_sensitive_fields_are_marked():
    """AWS's own marks come through."""
    hooks = shape_named("DeploymentLifecycleHook").members["hookDetails"]
    assert hooks.is_document
    assert container_shape().members["environment"].is_sensitive


def test_read_only_members_are_computed():
    """What is answered and not taken is read-only."""
    found = read_only_members("TaskDefinition", "RegisterTaskDefinition")
    assert {"revision", "status", "taskDefinitionArn"} <= found
    assert "family" not in found


def test_unknown_names_are_errors():
    """A misspelt operation is a mistake of the program."""
    with pytest.raises(KeyError):
        input_of("MakeService")
    with pytest.raises(KeyError):
        shape_named("Nope")


def test_suggestions():
    """The nearest name is offered, whatever its case, and none when nothing is near."""
    assert suggest("portMapings", container_shape().members) == " (did you mean 'portMappings'?)"
    assert (
        suggest("WORKINGDIRECTORY", ["workingDirectory"]) == " (did you mean 'workingDirectory'?)"
    )
    assert suggest("zzz", ["image"]) == ""


def test_regions_come_from_botocore():
    """The regions of all partitions."""
    assert {"ap-northeast-1", "cn-north-1", "us-gov-west-1"} <= known_regions()
