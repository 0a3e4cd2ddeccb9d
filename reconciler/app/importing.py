"""`init`: live services → YAML, and the proof that it says what is.

The proof is the plan of `diff`, made of what was read and of the text, before a file is written.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from reconciler.app.world import FIRST_ANSWER, World
from reconciler.aws.boto import default_region
from reconciler.aws.door import Aws
from reconciler.aws.identity import caller_identity
from reconciler.model.desired import DesiredApp
from reconciler.model.diagnostics import Diagnostic
from reconciler.model.errors import (
    AccessDenied,
    InvalidDesiredState,
    RegistryError,
    UsageError,
)
from reconciler.model.names import last_part, there_are
from reconciler.model.observed import (
    LedgerView,
    ObservedApp,
    ObservedRedis,
    ObservedService,
    ObservedTaskDefinition,
)
from reconciler.model.plan import Plan
from reconciler.plan.image_names import taken_apart
from reconciler.plan.ownership import APP_TAG, ENVIRONMENT_TAG, owner_name
from reconciler.plan.planner import make_plan
from reconciler.resources import inventory
from reconciler.resources.digests import Digests
from reconciler.resources.inventory import Found
from reconciler.settings import Settings
from reconciler.source.folder import Loaded, load_folder
from reconciler.source.imports.files import SCHEMA_FILE, Imported, Written, write
from reconciler.source.imports.live import LiveService, Target
from reconciler.source.imports.names import guess_app, guess_environment
from reconciler.source.schema import file_schema

Say = Callable[[str], None]
OWNED = frozenset({APP_TAG, ENVIRONMENT_TAG})
_NAME_ALONE = "to use it, name it alone: replicationGroupId:"
_SERVICE = re.compile(r"services\.(?P<key>[a-z0-9][a-z0-9_-]*)[.:]")


@dataclass(frozen=True)
class ImportOptions:
    """What is to be imported, and as what."""

    cluster: str
    services: Sequence[str] = ()
    everything: bool = False
    redis: Sequence[str] = ()
    environment: str | None = None
    app: str | None = None
    region: str | None = None
    force: bool = False


@dataclass(frozen=True)
class ImportReport:
    """What was written, by path and number of lines, and what became of each service.

    `differences` are what `diff` would still show: none, unless a service has something that the files
    cannot say.
    """

    key: str
    files: Mapping[str, int]
    services: Sequence[Imported]
    redis: Mapping[str, str] = field(default_factory=dict)
    """Keys of `redis:` → the groups' ids."""
    absent: Mapping[str, str] = field(default_factory=dict)
    """AWS's name of what was asked for and is not imported → why."""
    differences: Sequence[str] = ()
    warnings: Sequence[str] = ()


def clusters(settings: Settings, region: str | None) -> list[str]:
    """Return the names of the clusters in the region. Raises UsageError without one."""
    return inventory.clusters(World(settings).door(_region(settings, region)))


def init(settings: Settings, options: ImportOptions, *, say: Say) -> ImportReport:
    """Write the YAML of live services below the desired folder. Nothing in AWS is changed.

    Raises UsageError when nothing was chosen, or when files are there already and `force` is not set;
    InvalidDesiredState when what was written cannot be read back (a mistake of ours).
    """
    options = replace(
        options,
        cluster=last_part(options.cluster),
        services=[last_part(name) for name in options.services],
    )
    region = _region(settings, options.region)
    world = World(settings)
    aws = world.door(region)
    account = caller_identity(aws.within(FIRST_ANSWER)).account
    say(f"reading cluster {options.cluster} in {account}/{region}")
    wanted = _wanted(aws, options)
    found, absent = inventory.read(aws, options.cluster, wanted, world.registry)
    groups, missing = inventory.read_redis(aws, options.redis)
    absent |= missing
    if not (found or groups):
        listed = "; ".join(f"{name}: {why}" for name, why in absent.items())
        raise UsageError(
            f"nothing to import in cluster {options.cluster}: {listed or 'no service'}"
        )
    target = _target(options, account, region, found)
    absent |= _of_others(target, {f.name: f.service.tags for f in found})
    found = [f for f in found if f.name not in absent]
    foreign = _of_others(target, {_group_id(g): g.tags or {} for g in groups})
    groups = [g for g in groups if _group_id(g) not in foreign]
    absent |= {name: f"{why}; {_NAME_ALONE} {name}" for name, why in foreign.items()}
    if not (found or groups):
        raise UsageError("; ".join(f"{name} {why}" for name, why in absent.items()))
    folder = settings.directory / target.environment / target.app
    refuse_overwriting(folder, force=options.force)
    images = _resolved(aws, Digests(world.registry), found, say)
    proof = prove(target, found, images, groups)
    files = {} if proof.written is None else put(folder, proof.written.files)
    if files:
        schema = json.dumps(file_schema(), indent=1, ensure_ascii=False) + "\n"
        put(settings.directory, {SCHEMA_FILE: schema})
    return ImportReport(
        key=f"{target.environment}/{target.app}",
        files=files,
        services=proof.services,
        redis=proof.written.redis if proof.written else {},
        absent=absent,
        differences=proof.differences,
        warnings=[str(d) for d in load_folder(settings.directory).diagnostics] if files else (),
    )


def _region(settings: Settings, region: str | None) -> str:
    found = region or default_region(settings.profile)
    if not found:
        raise UsageError("no region: give --region, or set AWS_REGION or one in the profile")
    return found


def _wanted(aws: Aws, options: ImportOptions) -> list[str]:
    if options.services:
        return list(dict.fromkeys(options.services))
    if options.redis and not options.everything:
        return []
    names = inventory.service_names(aws, options.cluster)
    if options.everything:
        return names
    raise UsageError(f"say which services: --service NAME, or --all; {there_are(names)}")


def _target(options: ImportOptions, account: str, region: str, found: Sequence[Found]) -> Target:
    names = [f.name for f in found]
    owners = {
        (t[ENVIRONMENT_TAG], t[APP_TAG]) for f in found if (t := f.service.tags).keys() >= OWNED
    }
    if len(owners) == 1 and not (options.environment or options.app):
        environment, app = owners.pop()
        return Target(app, environment, account, region, options.cluster)
    environment = options.environment or guess_environment(options.cluster, *names)
    repositories = {
        taken_apart(str(c.get("image", ""))).repository
        for f in found
        for c in f.content.get("containerDefinitions", ())
    }
    app = options.app or guess_app(names, repositories, options.cluster)
    return Target(app, environment, account, region, options.cluster)


def _of_others(target: Target, tagged: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return what another app has taken over already, and whose it is: two apps would fight over it."""
    mine = f"{target.environment}/{target.app}"
    return {
        name: f"belongs to {owner_name(tags)}: its reconciler:* tags say so"
        for name, tags in tagged.items()
        if tags.keys() & OWNED and owner_name(tags) != mine
    }


def _group_id(group: ObservedRedis) -> str:
    return str(group.group["replicationGroupId"])


def refuse_overwriting(folder: Path, *, force: bool) -> None:
    """Raise UsageError when the folder holds YAML already, unless `force` is set."""
    there = sorted(p.name for p in folder.glob("*.y*ml")) if folder.is_dir() else []
    if there and not force:
        raise UsageError(f"{folder} holds {', '.join(there)}: --force overwrites them")


def _resolved(aws: Aws, digests: Digests, found: Sequence[Found], say: Say) -> dict[str, str]:
    """Return what the registries say of each image: `diff` asks the same."""
    images = {
        str(c["image"])
        for f in found
        for c in f.content.get("containerDefinitions", ())
        if "image" in c
    }
    known: dict[str, str] = {}
    for text in sorted(images):
        try:
            known |= digests.read(aws, [text], {}).digests
        except (AccessDenied, RegistryError) as error:
            say(f"the image {text} is not checked: {error}")
    return known


def _live(found: Found, images: Mapping[str, str]) -> LiveService:
    moved = {
        str(c["name"])
        for c in found.content.get("containerDefinitions", ())
        if _has_moved(images.get(str(c.get("image", "")), ""), found.running.get(c["name"], ""))
    }
    return LiveService(
        name=found.name,
        service=found.service.service,
        task_definition=found.content,
        tags=_own(found.service.tags),
        task_tags=_own(found.definition.tags) if found.definition else {},
        repeated=found.definition.repeated if found.definition else {},
        running=found.running,
        scaling=found.scaling,
        moved=frozenset(moved),
    )


def _has_moved(resolved: str, running: str) -> bool:
    return "@" in resolved and bool(running) and not resolved.endswith(f"@{running}")


def _own(tags: Mapping[str, str]) -> dict[str, str]:
    return {k: v for k, v in tags.items() if not k.startswith(("aws:", "reconciler:"))}


@dataclass(frozen=True)
class Proof:
    """What was written and read back. `written` is None when no service could be."""

    written: Written | None
    services: Sequence[Imported]
    differences: Sequence[str]


def prove(
    target: Target,
    found: Sequence[Found],
    images: Mapping[str, str],
    groups: Sequence[ObservedRedis] = (),
) -> Proof:
    """Write, read back and plan; a service that cannot be read back is left out, with the reason.

    `images` is what the registry says: reference → `repository@sha256:…`.
    """
    lives = [_live(f, images) for f in found]
    refused: list[Imported] = []
    while True:
        written = write(target, lives, groups)
        if not written.files:
            return Proof(None, [*written.services, *refused], ())
        loaded = _read_back(target, written.files)
        wrong = [d for d in loaded.diagnostics if d.severity == "error"]
        if not wrong:
            desired = loaded.apps[f"{target.environment}/{target.app}"]
            plan = make_plan(desired, _observed(desired, found, images, groups))
            return Proof(written, [*written.services, *refused], _said(plan))
        keys = _keys(wrong)
        bad = [s for s in written.services if s.key in keys]
        if not bad:
            raise InvalidDesiredState(wrong)
        refused += [replace(s, problems=tuple(keys[s.key])) for s in bad]
        names = {s.live.name for s in bad}
        lives = [live for live in lives if live.name not in names]


def _read_back(target: Target, files: Mapping[str, str]) -> Loaded:
    with tempfile.TemporaryDirectory(prefix="reconciler-init-") as root:
        put(Path(root) / target.environment / target.app, files)
        return load_folder(Path(root))


def _keys(wrong: Sequence[Diagnostic]) -> dict[str, list[str]]:
    keys: dict[str, list[str]] = {}
    for diagnostic in wrong:
        at = _SERVICE.match(diagnostic.message)
        if at is not None:
            keys.setdefault(at["key"], []).append(diagnostic.message)
    return keys


def _observed(
    desired: DesiredApp,
    found: Sequence[Found],
    images: Mapping[str, str],
    groups: Sequence[ObservedRedis],
) -> ObservedApp:
    """Return what was read as `diff` would see it."""
    by_name = {f.name: f for f in found}
    by_id = {_group_id(g): g for g in groups}
    services: dict[str, ObservedService] = {}
    definitions: dict[str, ObservedTaskDefinition] = {}
    for service in desired.services:
        live = by_name[service.service_name]
        services[service.name] = replace(live.service, running=live.running)
        if live.definition is not None:
            definitions[live.definition.arn] = live.definition
    references = desired.image_references()
    known = {**{r: r for r in references if "@" in r}, **images}
    return ObservedApp(
        key=desired.key,
        services=services,
        task_definitions=definitions,
        images={r: known[r] for r in references if r in known},
        redis={r.name: by_id[str(r.group["replicationGroupId"])] for r in desired.redis},
        scaling={f.name: f.scaling for f in found if f.scaling is not None},
        ledger=LedgerView(key=desired.key),
    )


def _said(plan: Plan) -> list[str]:
    differences = [
        f"{step.address}: {change.path}"
        for step in plan.steps
        if step.is_difference
        for change in step.changes
    ]
    undeclared = [f"{step.address}: {u.path}" for step in plan.steps for u in step.undeclared]
    held = [f"{s.address}: {s.summary}" for s in plan.steps if s.is_difference and not s.changes]
    return [*differences, *held, *undeclared]


def put(folder: Path, files: Mapping[str, str]) -> dict[str, int]:
    """Write files below a folder; return their lines by path."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return {str(folder / name): text.count("\n") for name, text in files.items()}
