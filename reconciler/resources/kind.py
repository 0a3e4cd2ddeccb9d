"""The contract between the controller and one kind of AWS resource.

A kind is a value, not a class to inherit from; its verbs are plain functions attached by decorator.
Kinds whose steps are nothing but calls (`model.plan.ApiCall`) attach one verb for each API operation.
Verbs are safe to repeat; they never wait, retry, log or count, and importing a kind has no effect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from reconciler.aws.door import Aws
from reconciler.model.errors import AwsError

ObservedT = TypeVar("ObservedT")


@dataclass(frozen=True)
class Answer:
    """What AWS said to a mutation: its request id, and the facts of it that the journal keeps."""

    request_id: str
    result: Mapping[str, Any]


Observe = Callable[[Aws, str, Sequence[str]], Mapping[str, ObservedT]]
Change = Callable[[Aws, Mapping[str, Any]], Answer]
Call = Callable[[Aws, str, Mapping[str, Any]], Answer]
"""Makes one API operation, by its name, with its input as botocore takes it."""


@dataclass
class Kind(Generic[ObservedT]):
    """One kind of AWS resource: its name, the IAM actions that each verb needs, and its verbs."""

    name: str
    permissions: Mapping[str, tuple[str, ...]]
    observe: Observe[ObservedT] = field(init=False)
    create: Change = field(init=False)
    update: Change = field(init=False)
    delete: Change = field(init=False)
    immutable: bool = False
    """Whether AWS offers no update and no delete that we would use (task definitions)."""
    calls: dict[str, Call] = field(default_factory=dict)
    """API operation → the verb that makes the call, for kinds that are changed by several operations."""

    def on_observe(self, verb: Observe[ObservedT]) -> Observe[ObservedT]:
        """Say how to read resources: (door, cluster, names) → name → observed; absent is left out."""
        self.observe = verb
        return verb

    def on_create(self, verb: Change) -> Change:
        """Say how to ask AWS for the resource."""
        self.create = verb
        return verb

    def on_update(self, verb: Change) -> Change:
        """Say how to change the resource in place."""
        self.update = verb
        return verb

    def on_delete(self, verb: Change) -> Change:
        """Say how to ask AWS to remove the resource; already gone is success."""
        self.delete = verb
        return verb

    def on_call(self, *operations: str) -> Callable[[Call], Call]:
        """Say how to make these API operations; a step's `ApiCall` names one of them."""

        def attach(verb: Call) -> Call:
            self.calls.update(dict.fromkeys(operations, verb))
            return verb

        return attach

    def missing_verbs(self) -> tuple[str, ...]:
        """Name the verbs this kind should have and has not been given."""
        wanted: tuple[str, ...] = ("observe", "create", "update", "delete")
        if self.calls:
            wanted = ("observe",)
        elif self.immutable:
            wanted = ("observe", "create")
        return tuple(verb for verb in wanted if not hasattr(self, verb))


def already(error: AwsError) -> Answer:
    """Make an Answer of a refusal that says that it is so already; its code is the fact to keep."""
    return Answer(error.request_id, {"already": error.code})


def answer(response: Mapping[str, Any], **result: Any) -> Answer:
    """Make an Answer of a botocore response and the facts to keep."""
    return Answer(str(response.get("ResponseMetadata", {}).get("RequestId", "")), result)
