"""Errors of the emulated ElastiCache API, with the codes of botocore's model."""

from __future__ import annotations


class CacheError(Exception):
    """An API error: `code` as on the wire, and a message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def invalid(message: str) -> CacheError:
    """Make an InvalidParameterValue."""
    return CacheError("InvalidParameterValue", message)


def combination(message: str) -> CacheError:
    """Make an InvalidParameterCombination."""
    return CacheError("InvalidParameterCombination", message)
