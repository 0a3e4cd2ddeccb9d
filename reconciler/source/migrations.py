"""`migrations:` → DesiredMigration values. Called by `document`; the common part is `workload`."""

from __future__ import annotations

from reconciler.model.desired import DesiredMigration
from reconciler.model.names import Address
from reconciler.source.checks import Checks
from reconciler.source.fields import MANAGED_RUN, MIGRATION_OWN, misplaced_fields, run_fields
from reconciler.source.nodes import Entry, Mapping
from reconciler.source.once_only import deciding_container, once_only
from reconciler.source.own import MigrationSection, check
from reconciler.source.workload import AppContext, Rules, assemble
from reconciler.source.written import write_defaults, write_names


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
    declared = section.container if section else entry.value.text("container")
    container = deciding_container(workload, declared, entry.value, context)
    once_only(workload, container, checks)
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
