"""Shell completion of app keys and addresses, from the files alone: no AWS, no pydantic, no YAML library.

It reads less strictly than `source` (a half-written file completes what it still tells) and never
raises: a shell has no place to show an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pathlib import Path

SECTIONS = {"redis": "redis", "services": "service", "migrations": "migration", "jobs": "job"}
SCALED = "autoscaling"
"""The word in a service that makes an address of its own."""
_NULLS = ("null", "~")
_LINE = r"( *)([^\s#:][^:#]*):(?:\s+([^#]*?))?\s*(?:#.*)?$"
"""Indentation, key and value; compiled when a file is read, which --help does not."""

Outline = dict[str, Any]
"""Top-level keys of a folder: a scalar's text, or the names in a section."""
_MAX_FILE = 1_000_000
_MAX_EXTENDS = 5


def complete_app(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[Any]:
    """Offer `<environment>/<app>` of every folder with an app.yaml."""
    keys = {key for folder in _folders(ctx) if (key := _key(read_folder(folder)))}
    return _items(keys, incomplete)


def complete_address(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[Any]:
    """Offer `kind/name` of everything the chosen app declares, or all apps."""
    return _items(_addresses(ctx), incomplete)


def complete_rolled(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[Any]:
    """Offer the addresses of services and jobs, what can be rolled back."""
    return _items({a for a in _addresses(ctx) if a.startswith(("service/", "job/"))}, incomplete)


def complete_migration(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[Any]:
    """Offer the names of migrations."""
    names = {a.partition("/")[2] for a in _addresses(ctx) if a.startswith("migration/")}
    return _items(names, incomplete)


def complete_job(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[Any]:
    """Offer the names of jobs."""
    names = {a.partition("/")[2] for a in _addresses(ctx) if a.startswith("job/")}
    return _items(names, incomplete)


def _items(words: set[str], incomplete: str) -> list[Any]:
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - only for the shell

    return [CompletionItem(word) for word in sorted(words) if word.startswith(incomplete)]


def _addresses(ctx: click.Context) -> set[str]:
    chosen = _values(ctx).get("app")
    found: set[str] = set()
    for folder in _folders(ctx):
        outline = read_folder(folder)
        if not chosen or _key(outline) == chosen:
            kinds = {**SECTIONS, SCALED: SCALED}
            found |= {f"{kind}/{n}" for s, kind in kinds.items() for n in outline.get(s, ())}
    return found


def _values(ctx: click.Context) -> dict[str, Any]:
    values: dict[str, Any] = ctx.find_root().meta.get("reconciler.cli.values", {})
    return values


def _folders(ctx: click.Context) -> Iterator[Path]:
    from pathlib import Path  # noqa: PLC0415 - only for the shell

    root = _values(ctx).get("directory") or "desired"
    try:
        yield from sorted(path.parent for path in Path(root).rglob("app.yaml"))
    except OSError:
        return


def _key(outline: Outline) -> str:
    environment, app = outline.get("environment"), outline.get("app")
    return f"{environment}/{app}" if environment and app else ""


def read_folder(folder: Path, depth: int = 0) -> Outline:
    """Return the outline of a folder's files, on top of what they extend."""
    merged: Outline = {}
    for path in sorted(folder.glob("*.yaml")):
        outline = read_file(path)
        base = outline.get("extends")
        if isinstance(base, str) and base and depth < _MAX_EXTENDS:
            for name, value in read_folder(folder / base, depth + 1).items():
                merged.setdefault(name, value)
        for name, value in outline.items():
            known = merged.get(name)
            merged[name] = (
                known + value if isinstance(known, list) and isinstance(value, list) else value
            )
    return merged


def read_file(path: Path) -> Outline:
    """Return a file's top-level scalars, and the keys one level below its sections.

    By lines: the YAML library takes longer to load than the shell should wait. Flow style
    (`services: {web: …}`) is therefore not completed.
    """
    try:
        if path.stat().st_size > _MAX_FILE:
            return {}
        lines = path.read_text("utf-8").splitlines()
    except (OSError, ValueError):
        return {}
    outline: Outline = {}
    section, indent = "", 0
    scaled: list[str] = []
    for line in lines:
        found = re.match(_LINE, line)
        if found is None:
            continue
        depth, key, value = len(found[1]), found[2].strip("'\""), (found[3] or "").strip("'\"")
        names = outline.get(section)
        if depth == 0:
            section, indent = key, 0
            outline[key] = [] if key in SECTIONS else value
        elif isinstance(names, list) and indent in (0, depth):
            indent = depth
            if value not in _NULLS:
                names.append(key)
        elif section == "services" and key == SCALED and names and value not in _NULLS:
            scaled.append(names[-1])
    return {**outline, SCALED: scaled} if scaled else outline
