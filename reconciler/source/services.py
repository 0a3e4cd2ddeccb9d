"""`services:` → DesiredService values. Called by `document`; the common part is `workload`."""

from __future__ import annotations

from reconciler.model.desired import DesiredService
from reconciler.model.names import Address
from reconciler.shapes.botocore_model import suggest
from reconciler.shapes.controllers import ECS, controller_of
from reconciler.shapes.tables import TASK_DEFINITION
from reconciler.source.autoscaling import build_autoscaling
from reconciler.source.checks import Checks
from reconciler.source.fields import MANAGED_SERVICE, SERVICE_OWN, service_fields
from reconciler.source.nodes import Entry, Mapping, Node, Place, Scalar, Sequence
from reconciler.source.own import ServiceSection, check
from reconciler.source.report import Report, show
from reconciler.source.workload import AppContext, Assembled, Rules, assemble
from reconciler.source.written import write_defaults, write_names


def service_rules() -> Rules:
    """Return what may be written in a service."""
    return Rules(
        section="services",
        prefix="service",
        operation="CreateService",
        fields=service_fields(),
        own=SERVICE_OWN,
        managed=MANAGED_SERVICE - {"taskDefinition"},
    )


def build_service(name: str, entry: Entry, context: AppContext) -> DesiredService | None:
    """Return the service; None when it cannot be read at all. Mistakes are reported."""
    workload = assemble(name, entry, service_rules(), context)
    if workload is None:
        return None
    write_names(workload, context)
    bare = not workload.task.get("containerDefinitions")
    if not bare:  # without containers nothing is said of the tasks, and nothing is to be written
        write_defaults(workload, context, blocking_logs=False)
    Checks(workload, context).run()
    _deployer(workload, context)
    own = entry.value.entries.get("autoscaling") if isinstance(entry.value, Mapping) else None
    autoscaling = build_autoscaling(workload, own, context.report) if own else None
    words = own_words(entry, workload.label, context.report)
    workload.canonical()
    written = {p for p in workload.written if not (bare and p[0] == TASK_DEFINITION)}
    return DesiredService(
        address=Address("service", name),
        service=workload.api,
        task_definition={} if bare else workload.task,
        written=frozenset(written),
        carried=workload.carried,
        origins=workload.origins,
        autoscaling=autoscaling,
        on_moved_tag=words.onMovedTag,
        on_changed_secret=words.onChangedSecret,
    )


def own_words(entry: Entry, label: str, report: Report) -> ServiceSection:
    """Return a service's own words; the empty ones when something is wrong with them."""
    if not isinstance(entry.value, Mapping):
        return ServiceSection()
    written = entry.value.only(set(ServiceSection.model_fields))
    return check(ServiceSection, written, label, report) or ServiceSection()


def _deployer(workload: Assembled, context: AppContext) -> None:
    controller = controller_of(workload.api)
    if controller != ECS and workload.api.get("schedulingStrategy") == "DAEMON":
        # "REPLICA … is required if the service uses the CODE_DEPLOY or EXTERNAL" [M CreateService]
        message = f"deploymentController {controller} needs schedulingStrategy REPLICA"
        checks = Checks(workload, context)
        checks.error(("service", "schedulingStrategy"), message, "two-forms")


class After:
    """The `after:` lists of all services: addresses, checked for existence and circles."""

    def __init__(self, section: Mapping, report: Report) -> None:
        self._section = section
        self._report = report
        self._edges: dict[str, dict[str, Place]] = {
            name: self._read(name, entry.value.get("after"))
            for name, entry in section.entries.items()
            if isinstance(entry.value, Mapping)
        }
        self._circles()

    def of(self, name: str) -> tuple[Address, ...]:
        """Return what the service `name` comes after."""
        return tuple(Address("service", other) for other in self._edges.get(name, ()))

    def _read(self, name: str, node: Node | None) -> dict[str, Place]:
        if node is None:
            return {}
        path = f"services.{name}.after"
        found: dict[str, Place] = {}
        for item in node.items if isinstance(node, Sequence) else [node]:
            if not isinstance(item, Scalar):
                self._report.error(
                    item.place, "takes addresses, as in [service/web]", "wrong-type", path=path
                )
                continue
            kind, _, other = item.text.partition("/")
            if kind != "service" or not other:
                message = f"{show(item.text)} is not a service's address, as in service/web"
                self._report.error(item.place, message, "invalid-value", path=path)
            elif other not in self._edges_known():
                hint = suggest(other, self._edges_known())
                message = f"there is no service {show(other)}{hint}"
                self._report.error(item.place, message, "unknown-name", path=path)
            else:
                found[other] = item.place
        return found

    def _edges_known(self) -> set[str]:
        return {n for n, e in self._section.entries.items() if isinstance(e.value, Mapping)}

    def _circles(self) -> None:
        done: set[str] = set()
        for start in self._edges:
            trail: list[str] = []
            stack = [(start, iter(self._edges[start]))] if start not in done else []
            while stack:
                name, rest = stack[-1]
                if name not in trail:
                    trail.append(name)
                other = next(rest, None)
                if other is None:
                    done.add(name)
                    trail.pop()
                    stack.pop()
                elif other in trail:
                    loop = " → ".join([*trail[trail.index(other) :], other])
                    place = self._edges[name][other]
                    path = f"services.{name}.after"
                    self._report.error(place, f"goes in a circle: {loop}", "cycle", path=path)
                elif other not in done:
                    stack.append((other, iter(self._edges[other])))
