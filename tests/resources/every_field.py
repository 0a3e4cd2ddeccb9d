"""Every field of CreateService and RegisterTaskDefinition: examples made from botocore's shapes.

An example is the least document that has one field: what the model requires beside it, one item in each
list. `MEANINGS` has the values of fields whose meaning no shape tells (an image, a container's name).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from reconciler.shapes.botocore_model import Shape, input_of, required_at
from reconciler.shapes.limits import RANGES
from tests.plan.builders import image

SERVICE, TASK = "service", "taskDefinition"
OPERATIONS = {SERVICE: "CreateService", TASK: "RegisterTaskDefinition"}
OURS = {"cluster", "clientToken", "taskDefinition"}
"""What the reconciler fills in itself."""

CONTAINER = ("containerDefinitions", "*")
SECRET = "arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:shop-"
ROLE = "arn:aws:iam::123456789012:role/role-"

MEANINGS: dict[tuple[str, ...], tuple[Any, Any]] = {
    # A path → its value and another one, both valid and neither the default.
    (SERVICE, "serviceName"): ("shop", "shop"),
    (SERVICE, "launchType"): ("EC2", "EXTERNAL"),
    (SERVICE, "role"): (f"{ROLE}a", f"{ROLE}b"),
    (SERVICE, "schedulingStrategy"): ("DAEMON", "REPLICA"),
    (SERVICE, "deploymentController", "type"): ("CODE_DEPLOY", "EXTERNAL"),
    (SERVICE, "loadBalancers", "*", "containerName"): ("app", "sidecar"),
    (SERVICE, "loadBalancers", "*", "containerPort"): (80, 81),
    (SERVICE, "serviceRegistries", "*", "containerName"): ("app", "sidecar"),
    (SERVICE, "deploymentConfiguration", "lifecycleHooks", "*", "hookDetails"): (
        {"a": [1, True, {"b": "x"}]},
        {"a": [1, False, {"b": "x"}]},
    ),
    (SERVICE, "serviceConnectConfiguration", "services", "*", "discoveryName"): ("app-a", "app-b"),
    (SERVICE, "serviceConnectConfiguration", "containerConfigurations", "*", "logLevel"): (
        "debug",
        "info",
    ),
    (TASK, "family"): ("shop", "shop-b"),
    (TASK, "networkMode"): ("host", "none"),
    (TASK, "runtimePlatform", "operatingSystemFamily"): ("WINDOWS_SERVER_2022_CORE", "LINUX"),
    (TASK, *CONTAINER, "versionConsistency"): ("disabled", "enabled"),
    (TASK, "cpu"): ("1024", "2048"),
    (TASK, "memory"): ("4096", "8192"),
    (TASK, "requiresCompatibilities", "*"): ("EC2", "EXTERNAL"),
    (TASK, *CONTAINER, "name"): ("app", "application"),
    (TASK, *CONTAINER, "image"): (image("1"), image("2")),
    (TASK, *CONTAINER, "memory"): (512, 513),
    (TASK, *CONTAINER, "dependsOn", "*", "containerName"): ("sidecar", "sidecar"),
    (TASK, *CONTAINER, "mountPoints", "*", "sourceVolume"): ("data", "other"),
    (TASK, *CONTAINER, "secrets", "*", "valueFrom"): (f"{SECRET}a", f"{SECRET}b"),
    (TASK, *CONTAINER, "logConfiguration", "secretOptions", "*", "valueFrom"): (
        f"{SECRET}a",
        f"{SECRET}b",
    ),
    (TASK, *CONTAINER, "portMappings", "*", "containerPort"): (80, 81),
    (TASK, "volumes", "*", "name"): ("data", "date"),
}

BASE: dict[str, dict[str, Any]] = {
    # What every example stands in: two containers, one port, one volume, no Fargate.
    SERVICE: {"serviceName": "shop"},
    TASK: {
        "family": "shop",
        "memory": "4096",
        "requiresCompatibilities": ["EC2"],
        "volumes": [{"name": "data"}],
        "containerDefinitions": [
            {"name": "app", "image": image("1"), "portMappings": [{"containerPort": 80}]},
            {"name": "sidecar", "image": image("9")},
        ],
    },
}


@dataclass(frozen=True)
class Leaf:
    """One field that holds a value: `path` begins with the document, `*` is an item, `{}` a key."""

    path: tuple[str, ...]
    shape: Shape
    owner: str
    """The structure that has it, for limits."""

    @property
    def kind(self) -> str:
        return self.path[0]

    def __str__(self) -> str:
        return ".".join(self.path)

    def value(self, variant: int = 0) -> Any:
        """Return a valid value that is not AWS's default; another one for variant 1."""
        if self.path in MEANINGS:
            return MEANINGS[self.path][variant]
        return sample(self.shape, (self.owner, self.path[-1]), variant)


def leaves() -> list[Leaf]:
    """Return every field that holds a value, of both operations."""
    return [
        leaf
        for kind, operation in OPERATIONS.items()
        for name, member in input_of(operation).members.items()
        if name not in OURS
        for leaf in _leaves(member, (kind, name), operation, frozenset())
    ]


def is_required(leaf: Leaf) -> bool:
    """Whether the structure around a leaf cannot do without it."""
    return leaf.path[-1] in required_at(OPERATIONS[leaf.kind], leaf.path[1:-1])


def _leaves(
    shape: Shape, path: tuple[str, ...], owner: str, seen: frozenset[str]
) -> Iterator[Leaf]:
    if shape.kind == "structure" and not shape.is_document:
        if shape.name in seen:
            return  # a recursive type: its first turn has all its fields
        for name, member in shape.members.items():
            yield from _leaves(member, (*path, name), shape.name, seen | {shape.name})
    elif shape.kind in ("list", "map"):
        step = "*" if shape.kind == "list" else "{}"
        yield from _leaves(shape.element, (*path, step), owner, seen)
    else:
        yield Leaf(path, shape, owner)


def sample(shape: Shape, where: tuple[str, str], variant: int) -> Any:
    """Return a value of a simple type within its limits."""
    match shape.kind:
        case "boolean":
            # Only `essential` and `resetOnHealthyTask` are true by default.
            usual = where[1] in ("essential", "resetOnHealthyTask")
            return bool(variant) == usual
        case "integer" | "long":
            least, most = RANGES.get(where, (shape.minimum or 0, shape.maximum or 2**31 - 1))
            return min(least + 7, most - 1) + variant
        case "double" | "float":
            return 12.5 + variant
        case "structure":
            return {"a": variant}
        case "string" if shape.choices:
            # The last choices: defaults stand first in botocore's enumerations, or are NONE.
            usable = [c for c in shape.choices if c not in ("NONE", "DISABLED", "disabled")]
            return usable[-1 - min(variant, len(usable) - 1)]
        case _:
            # The owner is in it: an environment variable and a secret must not share their name.
            return f"{where[0][:8].lower()}-{'ab'[variant]}"


def example(leaf: Leaf, variant: int = 0) -> dict[str, Any]:
    """Return the part of a document that the leaf needs, its own value included."""
    root = input_of(OPERATIONS[leaf.kind])
    part = _built(root, leaf, 1, variant)
    return dict(part)


def _built(shape: Shape, leaf: Leaf, depth: int, variant: int) -> Any:
    if depth == len(leaf.path):
        return leaf.value(variant)
    step = leaf.path[depth]
    if step == "*":
        return [_built(shape.element, leaf, depth + 1, variant)]
    if step == "{}":
        return {"key": _built(shape.element, leaf, depth + 1, variant)}
    inner = _built(shape.members[step], leaf, depth + 1, variant)
    required = {} if depth == 1 else _required(shape, leaf.path[:depth], step)
    return {**required, step: inner}


def _required(shape: Shape, path: tuple[str, ...], but: str = "") -> dict[str, Any]:
    """Return what the model requires of a structure, and what its list tells its items apart by."""
    names = {*shape.required, *(n for n in _IDENTITY if n in shape.members)} - {but}
    found = {}
    for name in sorted(names):
        member = shape.members[name]
        found[name] = _value(member, (*path, name), shape.name)
    return found


_IDENTITY = ("name", "key", "portName", "targetGroupArn", "hostPath", "containerPort", "deviceName")


def _value(shape: Shape, path: tuple[str, ...], owner: str) -> Any:
    match shape.kind:
        case "structure" if not shape.is_document:
            return _required(shape, path)
        case "list":
            return [_value(shape.element, (*path, "*"), owner)]
        case "map":
            return {"key": _value(shape.element, (*path, "{}"), owner)}
        case _:
            return Leaf(path, shape, owner).value()


def merged(below: Any, above: Any) -> Any:
    """Lay one part over another: maps by key, lists by position."""
    if isinstance(below, dict) and isinstance(above, dict):
        keys = [*below, *(k for k in above if k not in below)]
        return {
            k: merged(below[k], above[k])
            if k in below and k in above
            else above.get(k, below.get(k))
            for k in keys
        }
    if isinstance(below, list) and isinstance(above, list):
        longest = max(len(below), len(above))
        return [
            merged(below[i], above[i])
            if i < len(below) and i < len(above)
            else (above if i < len(above) else below)[i]
            for i in range(longest)
        ]
    return above


def document(kind: str, *parts: dict[str, Any]) -> dict[str, Any]:
    """Return a whole document of a kind with these parts in it."""
    whole = BASE[kind]
    for part in parts:
        whole = merged(whole, part)
    return dict(whole)


def found(document: Any, path: tuple[str, ...]) -> list[Any]:
    """Return the values at a leaf's path, of all items and keys on the way."""
    if not path:
        return [document]
    step, rest = path[0], path[1:]
    if step == "*":
        return [v for item in document or () for v in found(item, rest)]
    if step == "{}":
        return [v for item in (document or {}).values() for v in found(item, rest)]
    if not isinstance(document, dict) or step not in document:
        return []
    return found(document[step], rest)
