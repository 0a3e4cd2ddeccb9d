"""Whether the installed moto still has every place that the embedded AWS relies on.

Called once at start. A new moto fails here by name, not later by behaviour.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from reconciler.model.errors import ReconcilerError

TESTED = "5.2.5"

PatchPoint = tuple[str, str, Callable[[Any], bool]]
"""Module, dotted attribute and what must hold of it."""


def _source_has(*texts: str) -> Callable[[Any], bool]:
    def holds(found: Any) -> bool:
        source = inspect.getsource(found)
        return all(text in source for text in texts)

    return holds


PATCH_POINTS: Sequence[PatchPoint] = (
    ("moto.moto_server.werkzeug_app", "DomainDispatcherApplication.__call__", callable),
    ("moto.moto_server.werkzeug_app", "create_backend_app", callable),
    ("moto.moto_server.werkzeug_app", "MotoRequestHandler.make_environ", callable),
    ("moto.core.common_models", "BaseModel.__new__", _source_has("instances_tracked")),
    (
        "moto.core.responses",
        "BaseResponse.get_current_account",
        _source_has("x-moto-account-id", "MOTO_ACCOUNT_ID"),
    ),
    (
        "moto.dynamodb.models",
        "DynamoDBBackend.transact_write_items",
        _source_has("copy.deepcopy", "original_table_state"),
    ),
    (
        "moto.dynamodb.models.table",
        "Table",
        _source_has("self.items", "hash_key_attr", "range_key_attr"),
    ),
    ("moto.ec2.models.subnets", "SubnetBackend.__init__", _source_has("self.subnets")),
    (
        "moto.ec2.models.security_groups",
        "SecurityGroupBackend.__init__",
        _source_has("self.groups"),
    ),
    ("moto.efs.models", "EFSBackend.__init__", _source_has("self.file_systems_by_id")),
    ("moto.servicediscovery.models", "Namespace.__init__", _source_has("self.arn")),
    ("moto.elbv2.models", "FakeTargetGroup.__init__", _source_has("self.load_balancer_arns")),
    ("moto.elbv2.models", "FakeListener.register", _source_has("_non_default_rules")),
    ("moto.elbv2.models", "FakeListenerRule.__init__", _source_has("self.actions")),
    ("moto.elbv2.models", "FakeLoadBalancer.__init__", _source_has("self.listeners")),
    ("moto.elb.models", "ELBBackend.create_load_balancer", _source_has("self.load_balancers")),
    ("moto.kms.models", "KmsBackend.create_key", _source_has("self.keys")),
    ("moto.s3.models", "S3Backend.create_bucket", _source_has("self.buckets")),
    ("moto.dynamodb.models.dynamo_type", "DynamoType.__hash__", callable),
)


def check_moto(points: Sequence[PatchPoint] = PATCH_POINTS) -> None:
    """Raise ReconcilerError that names every patch point which is gone or changed."""
    try:
        version = importlib.import_module("moto").__version__
        importlib.import_module("moto.moto_server.werkzeug_app")
    except ImportError as error:
        raise ReconcilerError(
            "the embedded AWS needs moto: pip install 'ecs-reconciler[local]'"
        ) from error
    moved = [
        f"{module}.{name}" for module, name, holds in points if not _is_there(module, name, holds)
    ]
    if moved:
        raise ReconcilerError(
            f"moto {version} is not the one the embedded AWS knows ({TESTED}): "
            f"moved or changed: {', '.join(moved)}. pip install 'moto[server]=={TESTED}'"
        )


def _is_there(module: str, name: str, holds: Callable[[Any], bool]) -> bool:
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = inspect.getattr_static(found, part)
        if isinstance(found, staticmethod):
            found = found.__func__
        return holds(found)
    except (ImportError, AttributeError, TypeError, OSError):
        return False
