"""Errors of the emulated ECS API, with the codes of botocore's ECS model."""

from __future__ import annotations

from typing import Any


class EcsError(Exception):
    """An API error: `code`, message and further members of the error's shape."""

    def __init__(self, code: str, message: str, **members: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.members = members


def invalid(message: str) -> EcsError:
    """Make an InvalidParameterException."""
    return EcsError("InvalidParameterException", message)


def client_error(message: str) -> EcsError:
    """Make a ClientException."""
    return EcsError("ClientException", message)


def cluster_not_found() -> EcsError:
    """Make the error for a cluster that is missing or inactive."""
    return EcsError("ClusterNotFoundException", "Cluster not found.")


def service_not_found() -> EcsError:
    """Make the error for a service that is missing."""
    return EcsError("ServiceNotFoundException", "Service not found.")
