"""JSON Schema of the files of a desired folder, for editors: `reconciler schema` and `init`.

Made of the models that `own` checks with and of botocore's types, so that a field is known here on the
day it is known there. It says less than `validate`: what needs a second look (references, limits of
Fargate, two forms of one thing) is the validator's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import botocore
from pydantic import BaseModel

from reconciler.model.names import NAME_PATTERN
from reconciler.shapes.botocore_model import Shape, container_shape, input_of, shape_named
from reconciler.source import document, fields, own
from reconciler.source.schema_parts import (
    REFERENCE,
    Json,
    Parts,
    Short,
    ignored,
    listed,
    mapped,
    pattern,
    structure,
    text,
)
from reconciler.source.schema_services import redis_group, service_autoscaling, tags
from reconciler.source.workload import default_words

DIALECT = "https://json-schema.org/draft/2020-12/schema"
CONTAINER, TASK, SERVICE, RUN = "container", "taskDefinition", "service", "run"
_CPU, _MEMORY = r"[0-9.]+( *[vV][cC][pP][uU])?", r"[0-9.]+( *[gGmM]([iI]?[bB])?)?"


def file_schema() -> Json:
    """Return the schema of one file: any section of an app, or of a base that others extend."""
    parts = Parts(SHORTS)
    names = dict.fromkeys((*SECTIONS, *sorted(document.SECTIONS)))
    sections = {name: SECTIONS.get(name, _anything)(parts) for name in names}
    return {
        "$schema": DIALECT,
        "title": f"Desired state of ecs-reconciler, {own.API_VERSION}",
        "description": f"Fields of AWS are those of botocore {botocore.__version__}.",
        "type": "object",
        "properties": {"$schema": {"type": "string"}, **sections},
        "patternProperties": {"^x-": {"description": "Yours; not read."}},
        "additionalProperties": False,
        "$defs": parts.defs,
    }


# Short forms ---------------------------------------------------------------------------------------


def _element(parts: Parts, shape: Shape) -> Json:
    assert shape.element is not None  # noqa: S101 - a list's, in botocore's model
    return parts.shape(shape.element)


def _conditions(parts: Parts, shape: Shape) -> Json:
    conditions = parts.shape(shape_named("ContainerCondition"))
    return {**tags(parts, shape), "additionalProperties": conditions}


def _words(parts: Parts, shape: Shape) -> Json:
    """Let one text stand for a list of words."""
    return {"type": ["array", "string", "null"], "items": _element(parts, shape)}


def _ports(parts: Parts, shape: Shape) -> Json:
    port = {"type": ["integer", "string"], "pattern": f"^[0-9]+$|{REFERENCE}"}
    return listed({"anyOf": [_element(parts, shape), port]})


def _command(parts: Parts, shape: Shape) -> Json:
    """Let the command stand for the whole health check."""
    return {"anyOf": [parts.shape(shape), {"type": "string"}]}


def _by_name(parts: Parts, _: Shape) -> Json:
    container = parts.define(CONTAINER, partial(_container, parts))
    kinds = ["array", "object", "string", "null"]
    return {**mapped(container), "type": kinds, "items": container}


def _network(parts: Parts, _: Shape) -> Json:
    """Let the inside of `awsvpcConfiguration` stand without it."""
    inside = shape_named("AwsVpcConfiguration")
    whole = parts.shape(inside)
    names = {name: parts.member(inside.name, name) for name in inside.members}
    return structure({**names, "awsvpcConfiguration": whole})


def _size(form: str, examples: list[str], _parts: Parts, _shape: Shape) -> Json:
    return pattern(form, f"a size, as {' or '.join(examples)}") | {"examples": examples}


SHORTS: Mapping[tuple[str, str], Short] = {
    ("ContainerDefinition", "environment"): tags,
    ("ContainerDefinition", "secrets"): tags,
    ("ContainerDefinition", "dependsOn"): _conditions,
    ("ContainerDefinition", "command"): _words,
    ("ContainerDefinition", "entryPoint"): _words,
    ("ContainerDefinition", "portMappings"): _ports,
    ("ContainerDefinition", "healthCheck"): _command,
    ("RegisterTaskDefinitionRequest", "containerDefinitions"): _by_name,
    ("RegisterTaskDefinitionRequest", "tags"): tags,
    ("RegisterTaskDefinitionRequest", "cpu"): partial(_size, _CPU, ["512", "1 vCPU"]),
    ("RegisterTaskDefinitionRequest", "memory"): partial(_size, _MEMORY, ["1024", "2GB"]),
    ("CreateServiceRequest", "tags"): tags,
    ("CreateServiceRequest", "networkConfiguration"): _network,
    ("RunTaskRequest", "tags"): tags,
    ("RunTaskRequest", "networkConfiguration"): _network,
}
"""Of docs/desired-state.md: the structure and the field that have a short form → the schema of both."""


# Workloads -----------------------------------------------------------------------------------------


def _container(parts: Parts) -> Json:
    named = _named("The container of `containers` that this one copies; what stands here wins.")
    return structure({"from": named, **parts.members(container_shape())})


def _task(parts: Parts) -> Json:
    members = parts.members(input_of("RegisterTaskDefinition"))
    known = {**members, "taskDefinition": {"$ref": f"#/$defs/{TASK}"}}
    return structure(known, patternProperties=ignored(fields.read_only_task() - known.keys()))


def _flat(parts: Parts, name: str, operation: str, words: frozenset[str]) -> dict[str, Json]:
    """Return a workload's fields side by side: the API's, the task's, and those of its one container."""
    container, task = fields.lifted_container_fields(), fields.lifted_task_fields()
    parts.define(CONTAINER, partial(_container, parts))
    nested = parts.define(TASK, partial(_task, parts))
    parts.define(name, lambda: structure(parts.members(input_of(operation), words)))
    return {
        **{word: parts.member(CONTAINER, word) for word in sorted(container)},
        **{word: parts.member(TASK, word) for word in sorted(task)},
        **{word: parts.member(name, word) for word in sorted(words)},
        "taskDefinition": nested,
    }


def _service(parts: Parts) -> Json:
    own_words = dict.fromkeys((*SERVICE_WORDS, *sorted(fields.SERVICE_OWN)))
    words = {name: SERVICE_WORDS.get(name, _anything)(parts) for name in own_words}
    words |= parts.model(own.ServiceSection)
    known = {**_flat(parts, SERVICE, "CreateService", fields.service_fields()), **words}
    return structure(known, patternProperties=ignored(fields.read_only_service() - known.keys()))


def _run(model: type[BaseModel], parts: Parts) -> Json:
    copied = _named("The container of `containers` to copy.")
    flat = _flat(parts, RUN, "RunTask", fields.run_fields())
    return structure({**flat, "from": copied, **parts.model(model)})


def _defaults(parts: Parts) -> Json:
    runs = _flat(parts, RUN, "RunTask", fields.run_fields())
    services = _flat(parts, SERVICE, "CreateService", fields.service_fields())
    known = default_words() | fields.lifted_task_fields()
    fitting = {name: field for name, field in {**runs, **services}.items() if name in known}
    return structure(
        fitting, description="Laid under every service, migration and job that can have it."
    )


def _named(description: str) -> Json:
    said = "a name: lower-case letters, digits, '-' and '_', at most 63"
    return pattern(NAME_PATTERN.pattern, said) | {"description": description}


# Sections ------------------------------------------------------------------------------------------


def _anything(_: Parts) -> Json:
    """Stand in for a word that has no schema yet: an editor must not call wrong what is right."""
    return {}


def _section(model: type[BaseModel], parts: Parts) -> Json:
    return structure(parts.model(model), description=_about(model))


def _about(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").split())


def _header(name: str, parts: Parts) -> Json:
    return parts.model(own.Header)[name]


def _items(make: Callable[[Parts], Json], name: str, description: str, parts: Parts) -> Json:
    item = parts.define(name, partial(make, parts))
    return mapped(
        item, propertyNames={"pattern": f"^{NAME_PATTERN.pattern}$"}, description=description
    )


def _images(_: Parts) -> Json:
    image = text(examples=["123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop:2026.11.22"])
    return mapped(
        image, description="Name → image, for `${images.NAME}`; a tag that does not move."
    )


def _states(_: Parts) -> Json:
    """Say where Terraform's states lie: one, or several by name."""
    place = text(examples=["s3://bucket/key.tfstate", "terraform.tfstate"])
    return {
        "type": ["object", "string", "null"],
        "additionalProperties": place,
        "description": "Terraform's state for `${tfstate:…}`: one place, or several by name.",
    }


def _plain_map(description: str, _: Parts) -> Json:
    return {"type": ["object", "null"], "description": description}


SERVICE_WORDS: dict[str, Callable[[Parts], Json]] = {
    "from": lambda _: _named("The container of `containers` to copy."),
    "autoscaling": service_autoscaling,
    "after": lambda _: {
        **listed(pattern("service/.+")),
        "description": "Is rolled out after these services, as in [service/web].",
    },
}
"""A service's own words."""

SECTIONS: dict[str, Callable[[Parts], Json]] = {
    **{name: partial(_header, name) for name in own.Header.model_fields},
    "extends": lambda _: text(description="The folder of a base, relative to this one."),
    "guard": partial(_section, own.GuardSection),
    "sync": partial(_section, own.SyncSection),
    "state": partial(_section, own.StateSection),
    "tfstate": _states,
    "vars": partial(_plain_map, "Anything, for `${vars.…}`."),
    "images": _images,
    "defaults": _defaults,
    "containers": partial(
        _items, _container, CONTAINER, "Containers to copy with `from`, by name."
    ),
    "redis": partial(_items, redis_group, "redisEntry", "ElastiCache replication groups, by name."),
    "migrations": partial(
        _items, partial(_run, own.MigrationSection), "migrationEntry", "Migrations, by name."
    ),
    "services": partial(_items, _service, "serviceEntry", "Services, by name."),
    "jobs": partial(_items, partial(_run, own.JobSection), "jobEntry", "Scheduled jobs, by name."),
}
"""Section → its schema. A new section of the files is a line here."""
