"""Structured logging on stderr: `plain` for people, `json` for machines. Configured by `app`.

Who logs only says what; the app's key and the like come from the context (`logs.context`). Every line,
tracebacks included, passes the mask: a secret must not leave through the log.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO

from reconciler.plan.mask import mask_text

FIELDS = ("key", "address", "revision", "epoch", "generation", "journal", "request_id")
"""What a line may carry beside its text, in this order; from the context or from `extra=`."""

FORMATS = ("plain", "json")

_context: ContextVar[dict[str, Any] | None] = ContextVar("reconciler_log_context", default=None)


@contextmanager
def context(**fields: Any) -> Iterator[None]:
    """Give every line logged inside, in this thread, these `FIELDS`; inner ones win over outer."""
    token = _context.set({**(_context.get() or {}), **fields})
    try:
        yield
    finally:
        _context.reset(token)


def configure(
    log_format: str,
    *,
    verbose: bool = False,
    quiet: bool = False,
    stream: TextIO | None = None,
) -> None:
    """Send what we log to `stream` (stderr): INFO and above, with `verbose` all, `quiet` WARNING.

    Other libraries are heard from WARNING on. Calling it again replaces the earlier setting. Raises
    ValueError when `log_format` is not one of `FORMATS`.
    """
    if log_format not in FORMATS:
        raise ValueError(f"'{log_format}' is not a log format: use plain or json")
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else PlainFormatter())
    handler.addFilter(_attach_context)
    root = logging.getLogger()
    for old in [h for h in root.handlers if getattr(h, "reconciler", False)]:
        root.removeHandler(old)
    handler.reconciler = True  # type: ignore[attr-defined]
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    usual = logging.WARNING if quiet else logging.INFO
    logging.getLogger("reconciler").setLevel(logging.DEBUG if verbose else usual)


class PlainFormatter(logging.Formatter):
    """`12:04:05 WARNING production/shop: message`, other fields behind it as `name=value`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line (and the lines of a traceback), masked."""
        when = _time(record).astimezone().strftime("%H:%M:%S")
        fields = _fields(record)
        key = fields.pop("key", "")
        place = f"{key}: " if key else ""
        behind = "".join(f" {name}={mask_text(str(value))}" for name, value in fields.items())
        text = f"{when} {record.levelname} {place}{mask_text(record.getMessage())}{behind}"
        if record.exc_info:
            text = f"{text}\n{mask_text(self.formatException(record.exc_info))}"
        return text


class JsonFormatter(logging.Formatter):
    """One JSON object a line: ts (UTC, RFC 3339), level, msg, logger, the fields, `traceback`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one JSON object; every text in it is masked before it is quoted."""
        document: dict[str, Any] = {
            "ts": _time(record).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "msg": mask_text(record.getMessage()),
            "logger": record.name,
        }
        for name, value in _fields(record).items():
            document[name] = mask_text(value) if isinstance(value, str) else value
        if record.exc_info:
            document["traceback"] = mask_text(self.formatException(record.exc_info))
        return json.dumps(document, ensure_ascii=False, default=str)


def _attach_context(record: logging.LogRecord) -> bool:
    """Put the context into the record; what the call itself gave with `extra=` wins."""
    for name, value in (_context.get() or {}).items():
        if name in FIELDS and not hasattr(record, name):
            setattr(record, name, value)
    return True


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    found = {name: getattr(record, name, None) for name in FIELDS}
    return {name: value for name, value in found.items() if value not in (None, "")}


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, tz=UTC)
