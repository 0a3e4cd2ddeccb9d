"""The Query protocol by botocore's own model: a form becomes parameters, a document becomes XML.

Called by `front`. Names and types are the model's; a member that the model lacks is a bug here and
raises KeyError.
"""

from __future__ import annotations

import functools
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

Form = Mapping[str, Sequence[str]]
_SERVICE = "elasticache"


@functools.cache
def _model() -> Any:
    import botocore.session  # noqa: PLC0415 - reads a large model, only when it is needed

    return botocore.session.get_session().get_service_model(_SERVICE)


def knows(operation: str) -> bool:
    """Whether the service has an operation of that name."""
    return operation in _model().operation_names


def parse(operation: str, form: Form) -> dict[str, Any]:
    """Return the parameters of a request, typed by the operation's input shape."""
    flat = {name: values[0] for name, values in form.items()}
    found = _parse(_model().operation_model(operation).input_shape, flat, "")
    return found if isinstance(found, dict) else {}


def _parse(shape: Any, flat: Mapping[str, str], prefix: str) -> Any:
    """Return the value under `prefix`, or None when the form does not hold it."""
    if shape.type_name == "structure":
        return _parse_structure(shape, flat, prefix)
    if shape.type_name == "list":
        return _parse_list(shape, flat, prefix)
    text = flat.get(prefix)
    if text is None:
        return None
    if shape.type_name == "boolean":
        return text.lower() == "true"
    return int(text) if shape.type_name in ("integer", "long") else text


def _parse_structure(shape: Any, flat: Mapping[str, str], prefix: str) -> Any:
    found = {}
    for name, member in shape.members.items():
        wire_name = member.serialization.get("name", name)
        value = _parse(member, flat, f"{prefix}.{wire_name}" if prefix else wire_name)
        if value is not None:
            found[name] = value
    return found or None


def _parse_list(shape: Any, flat: Mapping[str, str], prefix: str) -> Any:
    """Read `Prefix.Name.1…`; a lone `Prefix=` is an empty list."""
    if flat.get(prefix) == "":
        return []
    name = shape.member.serialization.get("name", "member")
    found: list[Any] = []
    while True:
        value = _parse(shape.member, flat, f"{prefix}.{name}.{len(found) + 1}")
        if value is None:
            return found or None
        found.append(value)


def answer(operation: str, document: Mapping[str, Any]) -> bytes:
    """Return the XML of a successful answer."""
    model = _model()
    shape = model.operation_model(operation).output_shape
    root = ET.Element(f"{operation}Response", xmlns=model.metadata["xmlNamespace"])
    if shape is not None:
        wrapper = shape.serialization.get("resultWrapper", f"{operation}Result")
        _fill(ET.SubElement(root, wrapper), shape, document)
    metadata = ET.SubElement(root, "ResponseMetadata")
    ET.SubElement(metadata, "RequestId").text = str(uuid.uuid4())
    return bytes(ET.tostring(root, encoding="utf-8"))


def _fill(element: ET.Element, shape: Any, value: Any) -> None:
    if shape.type_name == "structure":
        unknown = set(value) - set(shape.members)
        if unknown:
            raise KeyError(f"{shape.name} has no {', '.join(sorted(unknown))}")
        for name, member in shape.members.items():
            if value.get(name) is not None:
                child = ET.SubElement(element, member.serialization.get("name", name))
                _fill(child, member, value[name])
    elif shape.type_name == "list":
        name = shape.member.serialization.get("name", "member")
        for item in value:
            _fill(ET.SubElement(element, name), shape.member, item)
    else:
        element.text = _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return str(value)


def failure(code: str, message: str) -> tuple[int, bytes]:
    """Return the HTTP status and the XML of an error."""
    root = ET.Element("ErrorResponse", xmlns=_model().metadata["xmlNamespace"])
    error = ET.SubElement(root, "Error")
    for name, text in (("Type", "Sender"), ("Code", code), ("Message", message)):
        ET.SubElement(error, name).text = text
    ET.SubElement(root, "RequestId").text = str(uuid.uuid4())
    return _statuses().get(code, 400), bytes(ET.tostring(root, encoding="utf-8"))


@functools.cache
def _statuses() -> dict[str, int]:
    """Return code → HTTP status of every error of the model."""
    found = {}
    for shape in _model().error_shapes:
        error = shape.metadata.get("error", {})
        if "httpStatusCode" in error:
            found[error.get("code", shape.name)] = int(error["httpStatusCode"])
    return found
