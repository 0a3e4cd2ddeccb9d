"""A task definition in a file of its own, as `task run` takes it."""

from __future__ import annotations

import pytest

from reconciler.model.errors import InvalidDesiredState
from reconciler.source.task_file import read_task_definition

FILE = """
Family: raw
container_definitions:
  - name: app
    image: app:1
    esential: true
"""


def wrong(text: str) -> list[str]:
    """Return every mistake of a file, spelled as compilers do."""
    with pytest.raises(InvalidDesiredState) as caught:
        read_task_definition("td.yaml", text)
    return [f"{d.origin}: {d.message}" for d in caught.value.diagnostics]


def test_a_word_that_aws_does_not_know_is_refused():
    """Nothing is left out of a task that is about to run: it says the place and what may be meant."""
    (found,) = wrong(FILE)
    assert found == (
        "td.yaml:6:5: taskDefinition.containerDefinitions.app: unknown field 'esential' "
        "(did you mean 'essential'?)"
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("essential: maybe", "td.yaml:6:16: …essential: must be true or false, not 'maybe'"),
        ("memory: plenty", "td.yaml:6:13: …memory: must be a whole number, not 'plenty'"),
        ("command: ls", "td.yaml:6:14: …command: must be a list, not a single value"),
        ("Environment: {A: b}", "td.yaml:6:5: …environment: must be a list, not a map"),
        ("links: [[a]]", "td.yaml:6:13: …links.0: must be a single value, not a list"),
        ("Image: app:2", "td.yaml:6:5: 'Image' is there twice, the other time in another spelling"),
    ],
)
def test_a_value_of_another_type_is_refused_at_its_place(line, said):
    """File, line and column, as of the desired files; never an answer of AWS in its place."""
    (found,) = wrong(FILE.replace("esential: true", line))
    assert (
        found.replace("taskDefinition.containerDefinitions.app.", "…").replace(
            "taskDefinition: ", ""
        )
        == said
    )


def test_every_mistake_is_said_at_once_and_tabs_keep_their_columns():
    """A file of JSON that is indented with tabs has its columns, too."""
    found = wrong('{\n\t"cpu": [],\n\t"family": {"a": 1}\n}')
    assert [text.partition(": ")[0] for text in found] == ["td.yaml:2:2", "td.yaml:3:2"]


def test_a_file_that_is_a_list_is_refused_at_its_place():
    """A container list alone is no task definition."""
    (found,) = wrong("- name: app\n  image: app:1\n")
    assert found.startswith("td.yaml:1:1: ")


def test_a_pasted_answer_will_do():
    """Of a whole answer of DescribeTaskDefinition what can be registered is taken, in any spelling."""
    inner = (
        '{"taskDefinitionArn": "arn", "revision": 3, "family": "raw", "containerDefinitions": []}'
    )
    assert read_task_definition("td.json", f'{{"taskDefinition": {inner}, "tags": []}}') == {
        "family": "raw",
        "containerDefinitions": [],
    }
