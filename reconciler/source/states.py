"""`tfstate:` → where the Terraform states are. Called by `document`; `resources.lookups` reads them."""

from __future__ import annotations

import re

from reconciler.model.names import NAME_PATTERN
from reconciler.source.nodes import Broken, Mapping, Node, Scalar, describe
from reconciler.source.report import Report, show

_S3 = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[^\s]{1,1024}")
_FILE = re.compile(r"[^\s/:\0][^:\0]{0,1023}")


def states_of(document: Mapping, report: Report) -> dict[str, str]:
    """Return the places of the states by name; the name is empty when there is only one.

    A place is `s3://bucket/key` or a path that begins in the app's folder.
    """
    node = document.get("tfstate")
    if node is None or isinstance(node, Broken):
        return {}
    if not isinstance(node, Mapping):
        place = _place(node, "tfstate", report)
        return {"": place} if place else {}
    states = {}
    for name, entry in node.entries.items():
        path = f"tfstate.{name}"
        if not NAME_PATTERN.fullmatch(name):
            message = (
                f"{show(name)} is not a name: lower-case letters, digits, '-' and '_', at most 63"
            )
            report.error(entry.place, message, "invalid-name", path="tfstate")
        elif place := _place(entry.value, path, report):
            states[name] = place
    return states


def _place(node: Node, path: str, report: Report) -> str:
    if isinstance(node, Broken):
        return ""
    if not isinstance(node, Scalar):
        message = f"must be s3://bucket/key or a file, not {describe(node)}"
        report.error(node.place, message, "wrong-type", path=path)
        return ""
    if not (_S3.fullmatch(node.text) or _FILE.fullmatch(node.text)):
        message = f"{show(node.text)} is neither s3://bucket/key nor a path from this folder on"
        report.error(node.place, message, "invalid-value", path=path)
        return ""
    return node.text
