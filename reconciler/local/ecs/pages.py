"""Pagination of list operations, with AWS's defaults and limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.local.ecs.errors import invalid


def page(
    params: Mapping[str, Any], key: str, values: Sequence[Any], size: int = 100
) -> dict[str, Any]:
    """Return one page of `values` under `key`, with nextToken when there is more.

    `size` is the operation's default page size; no page holds more than 100. Raises
    InvalidParameterException for a token we did not give or a size out of range.
    """
    wanted = int(params.get("maxResults", size))
    if not 1 <= wanted <= 100:  # noqa: PLR2004 - the limit in ECS's documentation
        raise invalid("maxResults must be between 1 and 100.")
    token = str(params.get("nextToken") or "0")
    if not token.isdigit() or int(token) > len(values):
        raise invalid("Invalid token.")
    first = int(token)
    answer: dict[str, Any] = {key: list(values[first : first + wanted])}
    if first + wanted < len(values):
        answer["nextToken"] = str(first + wanted)
    return answer
