"""`migrations:` → DesiredMigration values. Called by `document`; the common part is `workload`."""

from __future__ import annotations

from reconciler.model.desired import DesiredMigration
from reconciler.model.names import Address
from reconciler.shapes.botocore_model import suggest
from reconciler.source.checks import Checks
from reconciler.source.fields import MANAGED_RUN, MIGRATION_OWN, misplaced_fields, run_fields
from reconciler.source.nodes import Entry, Mapping
from reconciler.source.own import MigrationSection, check
from reconciler.source.report import show
from reconciler.source.workload import AppContext, Assembled, Rules, assemble
from reconciler.source.written import write_defaults, write_names

GUARD_CONTAINER = "reconciler-guard"
"""The name under which `runs` adds the guard to a migration's task."""


def migration_rules() -> Rules:
    """Return what may be written in a migration."""
    return Rules(
        section="migrations",
        prefix="launch",
        operation="RunTask",
        fields=run_fields(),
        own=MIGRATION_OWN,
        managed=MANAGED_RUN - {"taskDefinition"},
        elsewhere=misplaced_fields(),
    )


def build_migration(name: str, entry: Entry, context: AppContext) -> DesiredMigration | None:
    """Return the migration; None when it cannot be read at all. Mistakes are reported."""
    workload = assemble(name, entry, migration_rules(), context)
    if workload is None or not isinstance(entry.value, Mapping):
        return None
    own = entry.value.only(MIGRATION_OWN - {"from"})
    section = check(
        MigrationSection, Mapping(entry.place, own.entries), workload.label, context.report
    )
    write_names(workload, context)
    write_defaults(workload, context, blocking_logs=True)
    checks = Checks(workload, context)
    checks.run()
    container = _deciding_container(workload, section, entry.value, context)
    _once_only(workload, container, checks)
    workload.canonical()
    if section is None or container is None:
        return None
    return DesiredMigration(
        address=Address("migration", name),
        revision=section.revision,
        attempt=section.attempt,
        when=section.when,
        container=container,
        task_definition=workload.task,
        launch=workload.api,
        timeout=section.timeout,
        start_timeout=section.startTimeout,
        irreversible=section.irreversible,
        written=frozenset(workload.written),
        origins=workload.origins,
    )


def _deciding_container(
    workload: Assembled, section: MigrationSection | None, written: Mapping, context: AppContext
) -> str | None:
    """Return the container whose exit code decides: named, the only one, or called like the migration."""
    names = [c["name"] for c in workload.task.get("containerDefinitions", ())]
    declared = section.container if section else written.text("container")
    if declared is not None:
        if declared not in names:
            place = written.entries["container"].value.place
            message = f"there is no container {show(declared)}{suggest(declared, names)}"
            context.report.error(
                place, message, "unknown-container", path=f"{workload.label}.container"
            )
            return None
        return declared
    if len(names) == 1:
        return str(names[0])
    if workload.name in names:
        return workload.name
    if names:
        message = f"say whose exit code decides, container: one of {', '.join(names)}"
        context.report.error(workload.place, message, "required", path=workload.label)
    return None


def _once_only(workload: Assembled, decides: str | None, checks: Checks) -> None:
    """Refuse what would run the command again inside a task, or hide how it ended."""
    for container in workload.task.get("containerDefinitions", ()):
        name = container["name"]
        path = ("taskDefinition", "containerDefinitions", name)
        if container.get("restartPolicy", {}).get("enabled"):
            message = "a migration must not restart by itself: it would run twice"
            checks.error((*path, "restartPolicy"), message, "restart-policy")
        if name == decides and container.get("essential") is False:
            message = "the container whose exit code decides must be essential"
            checks.error((*path, "essential"), message, "invalid-value")
        if name == GUARD_CONTAINER:
            checks.error(
                path,
                "the name is taken by the container that claims a run",
                "managed-field",
            )
    if workload.api.get("propagateTags") == "SERVICE":
        message = "a migration has no service to take tags from: TASK_DEFINITION or NONE"
        checks.error(("launch", "propagateTags"), message, "enum")
    providers = {
        i.get("capacityProvider") for i in workload.api.get("capacityProviderStrategy", ())
    }
    if "FARGATE_SPOT" in providers:
        checks.warning(
            ("launch", "capacityProviderStrategy"),
            "FARGATE_SPOT may stop a migration half-way with two minutes' notice",
            "spot-migration",
        )
