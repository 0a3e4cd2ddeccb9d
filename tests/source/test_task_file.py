"""A task definition in a file of its own, as `task run` takes it."""

from __future__ import annotations

import pytest

from reconciler.model.errors import UsageError
from reconciler.source.task_file import read_task_definition

FILE = """
Family: raw
container_definitions:
  - name: app
    image: app:1
    esential: true
"""


def test_a_word_that_aws_does_not_know_is_refused():
    """Nothing is left out of a task that is about to run: it says the line and what may be meant."""
    with pytest.raises(UsageError) as caught:
        read_task_definition("td.yaml", FILE)
    said = "td.yaml:6: containerDefinitions.esential is unknown to AWS (did you mean 'essential'?)"
    assert str(caught.value) == said


def test_a_pasted_answer_will_do():
    """Of a whole answer of DescribeTaskDefinition what can be registered is taken, in any spelling."""
    inner = (
        '{"taskDefinitionArn": "arn", "revision": 3, "family": "raw", "containerDefinitions": []}'
    )
    assert read_task_definition("td.json", f'{{"taskDefinition": {inner}, "tags": []}}') == {
        "family": "raw",
        "containerDefinitions": [],
    }
