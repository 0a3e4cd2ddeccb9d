"""Documents with names as we write them, `minCapacity`, to and from APIs that spell them `MinCapacity`.

Called by `resources` and `plan` for the services whose names have a capital first letter (Application
Auto Scaling, ElastiCache). Only names of structures change; the keys of the user's own maps stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.shapes.botocore_model import Shape, written_name


def from_wire(shape: Shape, answer: Any) -> Any:
    """Return what AWS answered in the type `shape` as we write it: unknown and null members go."""
    match answer:
        case Mapping() if shape.kind == "structure":
            return {
                written_name(name): from_wire(shape.members[written_name(name)], value)
                for name, value in answer.items()
                if written_name(name) in shape.members and value is not None
            }
        case Mapping() if shape.element is not None:
            return {key: from_wire(shape.element, value) for key, value in answer.items()}
        case list() | tuple() if shape.element is not None:
            return [from_wire(shape.element, value) for value in answer]
        case _:
            return answer


def to_wire(shape: Shape, document: Any) -> Any:
    """Return a document of ours as botocore takes the type `shape`. KeyError for a foreign member."""
    match document:
        case Mapping() if shape.kind == "structure":
            return {
                shape.api_names[name]: to_wire(shape.members[name], value)
                for name, value in document.items()
            }
        case Mapping() if shape.element is not None:
            return {key: to_wire(shape.element, value) for key, value in document.items()}
        case list() | tuple() if shape.element is not None:
            return [to_wire(shape.element, value) for value in document]
        case _:
            return document
