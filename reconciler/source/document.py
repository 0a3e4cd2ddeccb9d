"""One app's merged document → DesiredApp. Called by `folder`; every mistake goes to the report.

References come first, then our own sections, then the workloads: a step goes on with what the one
before could make, so that one pass says everything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

from reconciler.model.desired import (
    DesiredApp,
    DesiredService,
    Guard,
    SyncPolicy,
    Workload,
)
from reconciler.model.names import NAME_PATTERN
from reconciler.shapes.botocore_model import known_regions, suggest
from reconciler.source.containers import Templates
from reconciler.source.deferred import refuse_look_ups
from reconciler.source.images import check_image
from reconciler.source.jobs import build_job
from reconciler.source.lift import lift_document
from reconciler.source.meaning import content_hash, look_ups_of
from reconciler.source.migrations import build_migration
from reconciler.source.nodes import Broken, Entry, Mapping, Null, Scalar, describe
from reconciler.source.own import (
    GuardSection,
    Header,
    StateSection,
    SyncSection,
    check,
    is_region,
)
from reconciler.source.queues import check_queues
from reconciler.source.redis import redis_groups
from reconciler.source.references import Resolver
from reconciler.source.report import Report, show
from reconciler.source.services import After, build_service
from reconciler.source.states import states_of
from reconciler.source.workload import AppContext, check_unused

Built = TypeVar("Built")

HEADER_KEYS = frozenset(Header.model_fields)
SECTIONS = frozenset(
    {
        *("guard", "sync", "state", "tfstate", "vars", "images", "defaults", "containers"),
        *("redis", "migrations", "services", "jobs"),
    }
)
_ELSEWHERE = {
    "autoscaling": "autoscaling is written inside of a service: services.NAME.autoscaling"
}
"""Words that are no section → where they belong."""
NAMED_SECTIONS = ("images", "containers", "redis", "migrations", "services", "jobs")


@dataclass(frozen=True)
class Where:
    """What `folder` knows of an app besides its text: the folder as typed, its path below the root."""

    folder: str
    parts: tuple[str, ...]
    commit: str = ""


def build_app(document: Mapping, where: Where, report: Report) -> DesiredApp | None:
    """Return the app that a merged document describes; None with errors in `report`."""
    document = _known_sections(document, report)
    resolved = Resolver(document, report).resolve(document)
    assert isinstance(resolved, Mapping)  # noqa: S101 - resolving keeps a map a map
    resolved = refuse_look_ups(lift_document(resolved, report), report)
    header = check(Header, resolved.only(HEADER_KEYS), "", report)
    _check_path(resolved, where, report)
    _check_region(resolved, report)
    guard = _section(GuardSection, resolved, "guard", report)
    sync = _section(SyncSection, resolved, "sync", report) or SyncSection()
    state = _section(StateSection, resolved, "state", report) or StateSection()
    if guard is not None and guard.image is not None:
        place = resolved.entries["guard"].value
        check_image(guard.image, _value_place(place, "image"), "guard.image", report)
    context = _context(resolved, sync, report)
    check_unused(resolved, context)
    services = _services(resolved, context)
    migrations = _built(build_migration, "migrations", resolved, context)
    jobs = _built(build_job, "jobs", resolved, context)
    redis = redis_groups(resolved, report)
    _check_families((*services, *migrations, *jobs), resolved, report)
    if header is None or report.errors:
        return None
    app = DesiredApp(
        key=f"{header.environment}/{header.app}",
        app=header.app,
        environment=header.environment,
        account=header.account,
        region=header.region,
        cluster=header.cluster,
        folder=where.folder,
        content_hash="",
        commit=where.commit,
        table_prefix=state.prefix,
        sync=SyncPolicy(
            sync.prune, sync.maxPrune, sync.defaults != "none", frozenset(sync.allowEnv)
        ),
        guard=Guard(guard.image, guard.path) if guard else None,
        images=_images(resolved),
        services=services,
        migrations=migrations,
        dropped_migrations=_dropped(resolved),
        jobs=jobs,
        states=states_of(resolved, report),
        redis=redis,
    )
    check_queues(app, resolved, report)
    app = replace(app, lookups=look_ups_of(app), warnings=report.warnings)
    return replace(app, content_hash=content_hash(app))


def _known_sections(document: Mapping, report: Report) -> Mapping:
    """Return the document with the sections that exist; the others are reported."""
    kept: dict[str, Entry] = {}
    for key, entry in document.entries.items():
        if key.startswith("x-") or key == "$schema" or isinstance(entry.value, Null):
            continue
        if key in _ELSEWHERE:
            report.error(entry.place, _ELSEWHERE[key], "unknown-field")
        elif key in HEADER_KEYS:
            kept[key] = entry
        elif key not in SECTIONS:
            hint = suggest(key, HEADER_KEYS | SECTIONS | {"extends"})
            report.error(entry.place, f"unknown section '{key}'{hint}", "unknown-field")
        elif isinstance(entry.value, Scalar) and (key == "tfstate" or "${" in entry.value.text):
            kept[key] = entry
        elif not isinstance(entry.value, Mapping):
            message = f"must be a map, not {describe(entry.value)}"
            report.error(entry.place, message, "wrong-type", path=key)
        else:
            kept[key] = entry
            if key in NAMED_SECTIONS:
                _check_names(key, entry.value, report)
    return Mapping(document.place, kept)


def _check_names(section: str, items: Mapping, report: Report) -> None:
    for name, entry in items.entries.items():
        if not NAME_PATTERN.fullmatch(name):
            message = (
                f"{show(name)} is not a name: lower-case letters, digits, '-' and '_', at most 63"
            )
            report.error(entry.place, message, "invalid-name", path=section)


def _section(model: Any, document: Mapping, name: str, report: Report) -> Any:
    node = document.get(name)
    if node is None:
        return None
    if not isinstance(node, Mapping):
        if not isinstance(node, Broken):
            place = document.entries[name].place
            report.error(place, f"must be a map, not {describe(node)}", "wrong-type", path=name)
        return None
    return check(model, node, name, report)


def _value_place(node: Any, key: str) -> Any:
    entry = node.entries[key]
    return entry.value.place


def _context(document: Mapping, sync: SyncSection, report: Report) -> AppContext:
    images = document.mapping("images") or Mapping(document.place)
    for name, entry in images.entries.items():
        if isinstance(entry.value, Scalar) and entry.value.parts:
            continue  # its name is judged when it is known
        if isinstance(entry.value, Scalar):
            check_image(entry.value.text, entry.value.place, f"images.{name}", report)
        elif not isinstance(entry.value, Broken | Null):
            message = f"must be an image, not {describe(entry.value)}"
            report.error(entry.place, message, "wrong-type", path=f"images.{name}")
    texts = {e.value.text for e in images.entries.values() if isinstance(e.value, Scalar)}
    return AppContext(
        app=document.text("app") or "app",
        environment=document.text("environment") or "environment",
        account=document.text("account") or "",
        region=document.text("region") or "",
        written_defaults=sync.defaults != "none",
        defaults=document.mapping("defaults") or Mapping(document.place),
        templates=Templates(document.mapping("containers"), report),
        report=report,
        refused_images=frozenset(texts),
    )


def _services(document: Mapping, context: AppContext) -> tuple[DesiredService, ...]:
    section = document.mapping("services") or Mapping(document.place)
    after = After(section, context.report)
    built = []
    for name, entry in section.entries.items():
        if isinstance(entry.value, Null | Broken):
            continue
        service = build_service(name, entry, context)
        if service is not None:
            built.append(replace(service, after=after.of(name)))
    return tuple(built)


def _built(
    build: Callable[[str, Entry, AppContext], Built | None],
    section: str,
    document: Mapping,
    context: AppContext,
) -> tuple[Built, ...]:
    """Return what a section holds, in its order; `null` says that there is none of that name."""
    items = document.mapping(section) or Mapping(document.place)
    found = (
        build(name, entry, context)
        for name, entry in items.entries.items()
        if not isinstance(entry.value, Null | Broken)
    )
    return tuple(item for item in found if item is not None)


def _dropped(document: Mapping) -> frozenset[str]:
    section = document.mapping("migrations")
    if section is None:
        return frozenset()
    return frozenset(n for n, e in section.entries.items() if isinstance(e.value, Null))


def _images(document: Mapping) -> dict[str, str]:
    section = document.mapping("images")
    if section is None:
        return {}
    return {n: e.value.value for n, e in section.entries.items() if isinstance(e.value, Scalar)}


def _check_path(document: Mapping, where: Where, report: Report) -> None:
    """Report an app whose text names another environment or app than its folder does."""
    environment, app = document.text("environment"), document.text("app")
    if environment is None or app is None or not where.parts:
        return
    if not (NAME_PATTERN.fullmatch(environment) and NAME_PATTERN.fullmatch(app)):
        return  # reported already
    names = where.parts[-2:]
    if names in ((environment, app), (environment,), (app,)):
        return
    wrong = "environment" if len(names) == 1 or names[0] != environment else "app"
    place = cast(Scalar, document.get(wrong)).place
    message = (
        f"the folder is {'/'.join(names)}, but the text says {environment}/{app}: "
        f"move it to {environment}/{app} or correct the text"
    )
    report.error(place, message, "folder-contradicts")


def _check_region(document: Mapping, report: Report) -> None:
    node = document.get("region")
    if not isinstance(node, Scalar) or not is_region(node.text):
        return  # reported with the other required keys
    if node.text not in known_regions():
        hint = suggest(node.text, known_regions())
        message = f"{show(node.text)} is not a region that the installed botocore knows{hint}"
        report.warning(node.place, message, "unknown-region", path="region")


def _check_families(workloads: Sequence[Workload], document: Mapping, report: Report) -> None:
    """Report two workloads with one serviceName, or with one family unless both are services.

    A migration's and a job's runs are found again by its family. Services may share one: each names its
    revision.
    """
    families: dict[str, Workload] = {}
    names: dict[str, str] = {}
    for workload in workloads:
        section = f"{workload.address.kind}s"
        items = document.mapping(section)
        assert items is not None  # noqa: S101 - the workload came from there
        place = items.entries[workload.name].place
        address = str(workload.address)
        family = str(workload.task_definition.get("family", ""))
        other = families.setdefault(family, workload)
        both = (other, workload)
        if other is not workload and not all(isinstance(w, DesiredService) for w in both):
            message = (
                f"has the same family as {other.address}, {show(family)}: declare another 'family'"
            )
            report.error(place, message, "same-name", path=f"{section}.{workload.name}")
        if isinstance(workload, DesiredService):
            first = names.setdefault(workload.service_name, address)
            if first != address:
                message = f"has the same serviceName as {first}, {show(workload.service_name)}"
                report.error(place, message, "same-name", path=f"{section}.{workload.name}")


def is_base(document: Mapping | None) -> bool:
    """Say whether a folder with an `app.yaml` is only a base of others: it names no environment."""
    return document is not None and document.get("environment") is None
