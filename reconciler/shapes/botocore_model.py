"""botocore's own service model as plain values: what fields AWS has, their types and limits.

Called by `source` to type and check what people write, by `plan` and `resources` to know all fields.
Nothing here is a list of our own: a field exists on the day the installed botocore has it. Limits that
the model leaves to its prose are in `shapes.limits`; defaults and orderings in `shapes.tables`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel

from reconciler.model.names import Path


@dataclass(frozen=True)
class Shape:
    """One type of AWS's model.

    `kind` is botocore's: structure, list, map, string, integer, long, double, float, boolean, blob,
    timestamp. `members` is filled for structures; for lists and maps `element` is their content.
    """

    raw: Any

    @cached_property
    def name(self) -> str:
        """The model's name of the type, `ContainerDefinition`."""
        return str(self.raw.name)

    @cached_property
    def kind(self) -> str:
        """The model's word for the type."""
        return str(self.raw.type_name)

    @cached_property
    def members(self) -> Mapping[str, Shape]:
        """The fields of a structure as they are written, in the model's order; empty for other kinds."""
        if self.kind != "structure":
            return {}
        return {written_name(name): _wrap(member) for name, member in self.raw.members.items()}

    @cached_property
    def api_names(self) -> Mapping[str, str]:
        """The fields of a structure as they are written → as the API spells them."""
        names = self.raw.members if self.kind == "structure" else ()
        return {written_name(name): name for name in names}

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The fields that a structure must have."""
        names = self.raw.required_members if self.kind == "structure" else ()
        return tuple(written_name(name) for name in names)

    @cached_property
    def element(self) -> Shape | None:
        """What a list or a map holds."""
        if self.kind == "list":
            return _wrap(self.raw.member)
        return _wrap(self.raw.value) if self.kind == "map" else None

    @cached_property
    def choices(self) -> tuple[str, ...]:
        """The values of an enumeration; empty when any text will do."""
        return tuple(self.raw.enum) if self.kind == "string" else ()

    def is_unset(self, text: str) -> bool:
        """Say whether a text is how Go writes an enumeration that is not set: as an empty one.

        Tools written in Go (`ecspresso init`) keep such fields, and AWS's SDK for Go does not send them.
        """
        return not text and bool(self.choices) and "" not in self.choices

    @cached_property
    def minimum(self) -> int | None:
        """Least value of a number, least length of a text or list."""
        return _number(self.raw.metadata.get("min"))

    @cached_property
    def maximum(self) -> int | None:
        """Greatest value of a number, greatest length of a text or list."""
        return _number(self.raw.metadata.get("max"))

    @property
    def documentation(self) -> str:
        """AWS's own words on it, as HTML."""
        return str(self.raw.documentation)

    @property
    def is_document(self) -> bool:
        """Whether any JSON may stand here."""
        return bool(getattr(self.raw, "is_document_type", False))

    @property
    def is_union(self) -> bool:
        """Whether exactly one of the structure's fields is to be set."""
        return bool(getattr(self.raw, "is_tagged_union", False))

    @property
    def is_sensitive(self) -> bool:
        """Whether AWS itself marks the value as not to be shown."""
        return bool(self.raw.metadata.get("sensitive", False))


def written_name(api_name: str) -> str:
    """Return the name of an API's field as it is written: `minCapacity` for `MinCapacity`."""
    return api_name[:1].lower() + api_name[1:]


@cache
def input_of(operation: str, service: str = "ecs") -> Shape:
    """Return the input of an API operation, as `input_of("CreateService")`; KeyError if unknown."""
    model = _model(service)
    if operation not in model.operation_names:
        raise KeyError(f"{service} has no operation {operation}")
    return _wrap(model.operation_model(operation).input_shape)


@cache
def required_at(operation: str, path: Path) -> frozenset[str]:
    """Return what the structure at a path of an input must have; a step may be an item's key.

    Empty where the model has no such place, or nothing is required.
    """
    shape: Shape | None = input_of(operation)
    for step in path:
        if shape is None:
            return frozenset()
        shape = shape.members.get(step) if shape.kind == "structure" else shape.element
    return frozenset(shape.required) if shape is not None else frozenset()


@cache
def shape_named(name: str, service: str = "ecs") -> Shape:
    """Return a type by its name in the model, as `shape_named("TaskDefinition")`; KeyError if unknown."""
    model = _model(service)
    if name not in model.shape_names:
        raise KeyError(f"{service} has no type {name}")
    return _wrap(model.shape_for(name))


@cache
def read_only_members(described: str, operation: str, service: str = "ecs") -> frozenset[str]:
    """Return what AWS answers in the type `described` but does not take in `operation`'s input."""
    answered = shape_named(described, service).members
    return frozenset(answered) - frozenset(input_of(operation, service).members)


@cache
def container_shape() -> Shape:
    """Return the type of one container of a task definition."""
    return shape_named("ContainerDefinition")


@cache
def known_regions() -> frozenset[str]:
    """Return every region the installed botocore has heard of."""
    partitions = Loader().load_data("partitions")["partitions"]
    return frozenset(name for p in partitions for name in p["regions"])


def suggest(word: str, choices: Iterable[str]) -> str:
    """Return ` (did you mean 'x'?)` for the nearest of `choices`, empty when none is near."""
    by_lower = {c.lower(): c for c in sorted(choices)}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return f" (did you mean '{by_lower[near[0]]}'?)" if near else ""


@cache
def _model(service: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


_SHAPES: dict[int, Shape] = {}


def _wrap(raw: Any) -> Shape:
    # botocore makes a new object each time it is asked; one wrapper per object keeps look-ups cached.
    return _SHAPES.setdefault(id(raw), Shape(raw))


def _number(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) else None
