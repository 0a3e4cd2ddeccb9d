"""DescribeEvents."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.local.elasticache.errors import combination, invalid
from reconciler.local.elasticache.pages import page
from reconciler.local.elasticache.state import CacheWorld, Document, Scope

_DEFAULT_MINUTES = 60


def describe_events(world: CacheWorld, scope: Scope, params: Mapping[str, Any]) -> Document:
    """DescribeEvents: newest first, of the last hour unless asked; fourteen days are kept."""
    region, end = world.region(scope), world.now()
    start = end - timedelta(minutes=int(params.get("Duration", _DEFAULT_MINUTES)))
    if params.get("StartTime"):
        start = _time(params["StartTime"])
    if params.get("EndTime"):
        end = _time(params["EndTime"])
    wanted, kind = params.get("SourceIdentifier"), params.get("SourceType")
    if wanted and not kind:
        raise combination("SourceType must be given with SourceIdentifier.")
    events = [
        event
        for event in region.events
        if start <= event["Date"] <= end
        and wanted in (None, event["SourceIdentifier"])
        and kind in (None, event["SourceType"])
    ]
    return page(params, "Events", events)


def _time(text: Any) -> datetime:
    try:
        time = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise invalid(f"{text} is not a time.") from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)
