"""JSON Schema of what belongs to AWS services beside ECS: `redis:` and a service's `autoscaling:`.

Called by `schema`, one function for each. Fields are those of the inputs in botocore's model; answers
of AWS may be pasted, so its own spelling and what only it answers are taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.plan.autoscaling.document import API, READ_ONLY
from reconciler.shapes import redis_tables
from reconciler.shapes.botocore_model import Shape, input_of, shape_named
from reconciler.source import autoscaling
from reconciler.source.schema_parts import (
    Json,
    Parts,
    ignored,
    integer,
    listed,
    mapped,
    structure,
    text,
)

_PASTED: Json = {"^[A-Z]": {"description": "As AWS spells it in an answer."}}
"""Names that begin with a capital: an answer of these services that was pasted."""


def tags(parts: Parts, shape: Shape) -> Json:
    """Let a map stand for a list of names and values."""
    assert shape.element is not None  # noqa: S101 - a list's, in botocore's model
    kinds = ["array", "object", "string", "null"]
    return {**mapped(text()), "type": kinds, "items": parts.shape(shape.element)}


# Redis ---------------------------------------------------------------------------------------------

_REDIS_SHORTS = {("CreateReplicationGroupMessage", "tags"): tags}
_SWITCH: Json = {"type": ["boolean", "string", "null"]}


def redis_group(parts: Parts) -> Json:
    """Return the schema of one replication group."""
    cache = parts.of_service("elasticache.", _REDIS_SHORTS)
    created = redis_tables.create_fields() - redis_tables.REFUSED.keys()
    changed = redis_tables.declared_fields() - created
    service = redis_tables.ELASTICACHE
    known = {
        **cache.members(input_of("CreateReplicationGroup", service), created),
        **cache.members(input_of("ModifyReplicationGroup", service), changed),
        **_parameter_group(parts),
    }
    spelled_otherwise = {*redis_tables.SWITCHES, *redis_tables.RENAMED}
    answered = spelled_otherwise | shape_named("ReplicationGroup", service).members.keys()
    return structure(known, patternProperties=_PASTED | ignored(answered - known.keys()))


def _parameter_group(parts: Parts) -> dict[str, Json]:
    boolean = parts.model_type("boolean")
    parameters = {
        **mapped(text()),
        "description": "Name → value; only these are ours, the others are left alone.",
    }
    family = text(description="The family, as redis7 or valkey8.", examples=["redis7"])
    group = structure(
        {
            "cacheParameterGroupName": text(
                description="Its name; AWS's default.* cannot be changed."
            ),
            "cacheParameterGroupFamily": family,
            "description": text(),
            "parameters": parameters,
        },
        description="The parameter group: its name, or what it is made of.",
    )
    return {
        "parameterGroup": {**group, "type": ["object", "string", "null"], "pattern": ""},
        "family": family,
        "parameters": parameters,
        "applyImmediately": {
            **boolean,
            "description": "Change now what would wait for the maintenance window; it takes along "
            "whatever else is pending.",
        },
    }


# Autoscaling ---------------------------------------------------------------------------------------

_PERCENT = "Keep the service's average at this percentage."
_SAID: Mapping[str, str] = {
    "min": "The fewest tasks.",
    "max": "The most tasks.",
    "targetCpu": _PERCENT,
    "targetMemory": _PERCENT,
    "requestCountPerTarget": "Keep so many requests for each task and minute.",
    "scaleInCooldown": "Seconds until tasks may be taken away again.",
    "scaleOutCooldown": "Seconds until tasks may be added again.",
    "disableScaleIn": "Only add tasks.",
    "resourceLabel": "app/<load balancer>/<id>/targetgroup/<target group>/<id>",
}


def service_autoscaling(parts: Parts) -> Json:
    """Return the schema of a service's `autoscaling`: short words, and AWS's own policies and actions."""
    scaling = parts.of_service("autoscaling.", {})
    target = input_of("RegisterScalableTarget", API)
    tracking = shape_named("TargetTrackingScalingPolicyConfiguration", API)
    known = scaling.members(
        target, {"minCapacity", "maxCapacity", "roleARN", "suspendedState", "tags"}
    )
    shared = scaling.members(tracking)
    policies = _by_name(scaling, "PutScalingPolicy", "policyName")
    short: dict[str, Any] = {
        "min": integer(0),
        "max": integer(0),
        **{word: parts.model_type("number") for word in ("targetCpu", "targetMemory")},
        "requestCountPerTarget": parts.model_type("number"),
        **{w: shared[w] for w in ("scaleInCooldown", "scaleOutCooldown", "disableScaleIn")},
        "resourceLabel": text(),
    }
    said = {word: {**schema, "description": _SAID[word]} for word, schema in short.items()}
    raw = {
        **known,
        "policies": policies,
        "scalingPolicies": policies,
        "scheduledActions": _by_name(scaling, "PutScheduledAction", "scheduledActionName"),
        "scalableTargets": listed({"type": "object"}),
    }
    rest: dict[str, Json] = {word: {} for word in sorted(autoscaling.WORDS)}
    description = "What Application Auto Scaling does with the count, which is no longer ours then."
    known = {**rest, **raw, **said}
    pasted = _PASTED | ignored(READ_ONLY - known.keys())
    return structure(known, patternProperties=pasted, description=description)


def _by_name(scaling: Parts, operation: str, name: str) -> Json:
    """Let a map by name stand for a list."""
    written = input_of(operation, API).members.keys() - READ_ONLY

    def one() -> Json:
        members = scaling.members(input_of(operation, API), written)
        return structure(members, patternProperties=_PASTED | ignored(READ_ONLY))

    item = scaling.define(f"autoscaling.{name}", one)
    kinds = ["array", "object", "string", "null"]
    return {**mapped(item), "type": kinds, "items": item}
