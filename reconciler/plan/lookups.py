"""Puts what look-ups gave into the documents: after it the planner sees values only.

Called by `resources.observe`, `controller.reconcile`, `app.look`, `doctor` and `render`. Pure. A
workload whose look-ups gave nothing, or the wrong thing, keeps its documents as written and says why in
`unresolved`: nothing is computed from half of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from reconciler.model.desired import (
    DesiredApp,
    DesiredAutoscaling,
    DesiredJob,
    DesiredMigration,
    DesiredRedis,
    DesiredService,
)
from reconciler.model.diagnostics import Origin
from reconciler.model.lookups import (
    Deferred,
    Lookup,
    Part,
    Remembered,
    Unresolved,
    Value,
    Values,
    names_in,
)
from reconciler.model.names import Path, dotted
from reconciler.plan.autoscaling.document import API as SCALING
from reconciler.plan.canonical import canonical_service, canonical_task_definition, item_key
from reconciler.plan.changes import origin_of
from reconciler.plan.fitting import Misfit, fit, member_of, scalar_text
from reconciler.plan.image_names import parse_image, tag_problem
from reconciler.plan.lookup_news import NOTHING, with_news
from reconciler.plan.mask import mask_value
from reconciler.shapes.botocore_model import Shape, input_of
from reconciler.shapes.redis_tables import ELASTICACHE
from reconciler.shapes.tables import SERVICE, TASK_DEFINITION, Kind, list_rule

Runs = TypeVar("Runs", DesiredMigration, DesiredJob)

_SCALING = {
    "target": "RegisterScalableTarget",
    "policies": "PutScalingPolicy",
    "scheduled": "PutScheduledAction",
}


def filled(desired: DesiredApp, values: Values, remembered: Remembered = NOTHING) -> DesiredApp:
    """Return the app with every look-up replaced by its value, typed as its field wants it.

    `values` is what was read, by name; a name that is not in it counts as not read. `remembered` are
    the values that were last relied on, for saying what has changed. Filling twice changes nothing.
    """
    if not desired.lookups:
        return desired
    return replace(
        desired,
        images={name: _image(image, values) for name, image in desired.images.items()},
        services=tuple(
            with_news(_service(service, values), values, remembered) for service in desired.services
        ),
        migrations=tuple(_run(m, values, "migrations") for m in desired.migrations),
        jobs=tuple(_run(job, values, "jobs") for job in desired.jobs),
        redis=tuple(_redis(redis, values) for redis in desired.redis),
    )


def filled_with(desired: DesiredApp, values: Values) -> DesiredApp:
    """Return the app with the look-ups that `values` answers filled in, the others as written.

    For `render`, which asks nobody: a value that does not fit stays out, and nothing is held.
    """
    return replace(
        desired,
        services=tuple(_service(service, values, partly=True) for service in desired.services),
        migrations=tuple(_run(m, values, "migrations", partly=True) for m in desired.migrations),
        jobs=tuple(_run(job, values, "jobs", partly=True) for job in desired.jobs),
    )


def _service(service: DesiredService, values: Values, *, partly: bool = False) -> DesiredService:
    if not _waits(service.service, service.task_definition, service.autoscaling):
        return service
    filling = _Filling(values, "services." + service.name, service.origins, partly)
    document = filling.document(service.service, input_of("CreateService"), SERVICE)
    task = _task(filling, service.task_definition)
    scaling = _autoscaling(filling, service.autoscaling)
    if filling.unresolved:
        return replace(service, unresolved=filling.reasons)
    return replace(
        service,
        service=canonical_service(document),
        task_definition=task,
        autoscaling=scaling,
        looked_up=filling.found,
    )


def _run(run: Runs, values: Values, section: str, *, partly: bool = False) -> Runs:
    if not _waits(run.launch, run.task_definition):
        return run
    filling = _Filling(values, f"{section}.{run.name}", run.origins, partly)
    launch = filling.document(run.launch, input_of("RunTask"), SERVICE, prefix="launch")
    task = _task(filling, run.task_definition)
    if filling.unresolved:
        return replace(run, unresolved=filling.reasons)
    return replace(
        run, launch=canonical_service(launch), task_definition=task, looked_up=filling.found
    )


def _redis(redis: DesiredRedis, values: Values) -> DesiredRedis:
    owned = redis.parameter_group
    parameters = owned.parameters if owned else {}
    if not _waits(redis.group, parameters):
        return redis
    filling = _Filling(values, "redis." + redis.name, redis.origins)
    shape = input_of("CreateReplicationGroup", ELASTICACHE)
    group = filling.document(redis.group, shape, None, prefix="group")
    filled_in = filling.document({"parameters": parameters}, None, None, prefix="parameterGroup")
    if filling.unresolved:
        return replace(redis, unresolved=filling.reasons)
    if owned is not None:
        owned = replace(owned, parameters=filled_in["parameters"])
    return replace(redis, group=group, parameter_group=owned, looked_up=filling.found)


def _autoscaling(
    filling: _Filling, scaling: DesiredAutoscaling | None
) -> DesiredAutoscaling | None:
    if scaling is None or not _waits(scaling):
        return scaling
    label = f"{filling.label}.autoscaling"
    inner = replace(filling, label=label, origins=scaling.origins, found={})
    shapes = {k: input_of(o, SCALING) for k, o in _SCALING.items()}
    filled_in = replace(
        scaling,
        target=inner.document(scaling.target, shapes["target"], None, prefix="target"),
        policies={
            name: inner.document(document, shapes["policies"], None, prefix="policies", name=name)
            for name, document in scaling.policies.items()
        },
        scheduled={
            name: inner.document(document, shapes["scheduled"], None, prefix="scheduled", name=name)
            for name, document in scaling.scheduled.items()
        },
    )
    return replace(filled_in, looked_up=inner.found)


def _task(filling: _Filling, document: Mapping[str, Any]) -> dict[str, Any]:
    shape = input_of("RegisterTaskDefinition")
    task = filling.document(document, shape, TASK_DEFINITION)
    waiting = [
        c["name"] for c in document.get("containerDefinitions", ()) if _waits(c.get("image"))
    ]
    for container in task.get("containerDefinitions", ()):
        if container["name"] in waiting and not isinstance(container["image"], Deferred):
            path = (TASK_DEFINITION, "containerDefinitions", container["name"], "image")
            filling.check_image(container["image"], path)
    return canonical_task_definition(task)


def _image(image: str, values: Values) -> str:
    if not isinstance(image, Deferred):
        return image
    try:
        return scalar_text(_resolved(image, values))
    except (_Failed, Misfit):
        return image


def _waits(*documents: Any) -> bool:
    """Say whether there is anything to fill in."""
    return any(
        True
        for document in documents
        for _ in names_in(
            [document.target, document.policies, document.scheduled]
            if isinstance(document, DesiredAutoscaling)
            else document
        )
    )


class _Failed(Exception):
    """A look-up gave nothing that can be used."""

    def __init__(self, why: Unresolved) -> None:
        super().__init__(why.reason)
        self.why = why


@dataclass
class _Filling:
    """One workload's documents: walks them, and keeps what was found and what was not."""

    values: Values
    label: str
    origins: Mapping[Path, Origin]
    partly: bool = False
    """Whether what has no value stays as it is written, instead of being a reason to hold."""
    unresolved: list[Unresolved] = field(default_factory=list)
    found: dict[Path, tuple[str, ...]] = field(default_factory=dict)

    @property
    def reasons(self) -> tuple[Unresolved, ...]:
        """Why the documents are not whole, each reason once."""
        return tuple(dict.fromkeys(self.unresolved))

    def document(
        self,
        document: Mapping[str, Any],
        shape: Shape | None,
        kind: Kind | None,
        *,
        prefix: str = "",
        name: str = "",
    ) -> dict[str, Any]:
        """Return a document with its look-ups filled in; without a shape every value is a text.

        Its paths begin with `prefix`, else the kind, and its `name` where there are several of it.
        """
        root: Path = (prefix or str(kind), *([name] if name else []))
        return dict(self._walk(document, shape, kind, root))

    def check_image(self, image: str, path: Path) -> None:
        """Hold an image that a look-up named to the policy that the files are held to."""
        parsed = parse_image(image)
        if parsed is None:
            self._complain(path, image, f"gave {image!r}, which is not an image")
        elif problem := tag_problem(parsed):
            self._complain(path, image, f"gave {image!r}: {problem}")

    def _walk(self, value: Any, shape: Shape | None, kind: Kind | None, path: Path) -> Any:
        match value:
            case Deferred():
                return self._fill(value, shape, path)
            case str() | int() | None:  # most values by far, and cheaper to tell than a map
                return value
            case Mapping():
                return {
                    name: self._walk(inner, member_of(shape, name), kind, (*path, name))
                    for name, inner in value.items()
                }
            case list() | tuple():
                element = shape.element if shape is not None else None
                return [
                    self._walk(item, element, kind, (*path, _step(kind, path, index, item)))
                    for index, item in enumerate(value)
                ]
            case _:
                return value

    def _fill(self, value: Deferred, shape: Shape | None, path: Path) -> Any:
        if self.partly and not self.values.keys() >= set(names_in(value)):
            return value
        try:
            found = _resolved(value, self.values)
            fitting = fit(found, shape)
        except (_Failed, Misfit) as failed:
            if not self.partly:
                self._explain(failed, value, path)
            return value
        self.found[path] = tuple(dict.fromkeys(names_in(value)))
        return fitting

    def _explain(self, failed: _Failed | Misfit, value: Deferred, path: Path) -> None:
        if isinstance(failed, Misfit):
            given = _shown(path, failed.value)
            self._complain(path, str(value), f"{value} gave {given}, but {failed}")
            return
        place = "" if failed.why.blocked_by else self._place(path)
        self.unresolved.append(replace(failed.why, place=place))

    def _complain(self, path: Path, name: str, problem: str) -> None:
        text = f"{self.label}.{dotted(path[1:])}: {problem}"
        self.unresolved.append(Unresolved(name, text, place=self._place(path)))

    def _place(self, path: Path) -> str:
        return str(origin_of(self.origins, path) or "")


def _shown(path: Path, value: Value) -> str:
    """Spell a value for a message, masked by the field's name; a list as SSM writes it."""
    listed = isinstance(value, tuple)
    text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
    named = path[:-1] if path[-1] == "value" else path
    return f"{'the list ' if listed else ''}{mask_value(named, text)!r}"


def _step(kind: Kind | None, path: Path, index: int, item: Any) -> str:
    """Return a list item's segment, as in the paths of `origins`."""
    rule = list_rule(kind, path[1:]) if kind is not None else None
    if rule is not None and rule.key and isinstance(item, Mapping):
        return item_key(rule, item) or str(index)
    return str(index)


def _resolved(value: Deferred, values: Values) -> Value:
    """Return what a deferred value becomes. Raises _Failed, Misfit."""
    return _joined(value.parts, values)


def _joined(parts: tuple[Part, ...], values: Values) -> Value:
    found = [part if isinstance(part, str) else _one(part, values) for part in parts]
    return found[0] if len(found) == 1 else "".join(scalar_text(one) for one in found)


def _not_read(name: str) -> Unresolved:
    """Say why there is no value: a Redis group that is not ready tells none yet."""
    group = name.split(".")[1] if name.startswith("redis.") else ""
    reason = f"${{{name}}} was not looked up"
    return Unresolved(name, reason, blocked_by=f"redis/{group}" if group else "")


def _one(look_up: Lookup, values: Values) -> Value:
    """Return one look-up's value; its default stands in for what is absent, not for what failed."""
    found = values[look_up.name] if look_up.name in values else _not_read(look_up.name)
    if isinstance(found, Unresolved):
        if not found.absent or look_up.default is None:
            raise _Failed(found)
        return _joined(look_up.default, values)
    if found == "" and look_up.default is not None:
        return _joined(look_up.default, values)
    return found
