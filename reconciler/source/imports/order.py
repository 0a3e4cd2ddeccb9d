"""The order in which a person reads a service: what it is, how much of it, what it runs, where.

Called by `share`. Fields that are not named here follow behind, in the order in which they came.
"""

from __future__ import annotations

from reconciler.source.imports.tree import Keys

_ORDER = (
    *("from", "serviceName", "family", "image", "entryPoint", "command", "workingDirectory"),
    *("desiredCount", "autoscaling", "schedulingStrategy", "cpu", "memory", "memoryReservation"),
    *("essential", "portMappings", "dependsOn", "environment", "environmentFiles", "secrets"),
    *("healthCheck", "mountPoints", "ulimits", "stopTimeout", "startTimeout"),
    *("logConfiguration", "containerDefinitions", "volumes", "ephemeralStorage"),
    *("loadBalancers", "healthCheckGracePeriodSeconds", "serviceRegistries"),
    *("serviceConnectConfiguration", "executionRoleArn", "taskRoleArn"),
    *("launchType", "capacityProviderStrategy", "platformVersion", "networkMode"),
    *("requiresCompatibilities", "runtimePlatform", "networkConfiguration"),
    *("deploymentController", "deploymentConfiguration"),
)
_LAST = ("tags", "taskDefinition")
_RANK = {name: rank for rank, name in enumerate(_ORDER)}
_REST = len(_ORDER)


def in_order(fields: Keys) -> Keys:
    """Return the same map with its keys in the order for readers."""
    ranked = sorted(fields, key=lambda n: _RANK.get(n, _REST + 1 + (n in _LAST)))
    result = Keys(((n, fields[n]) for n in ranked), apart=fields.apart)
    result.comments = fields.comments
    return result
