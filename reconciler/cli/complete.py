"""Shell completion of app keys and addresses, from the files alone: no AWS, no pydantic, <150 ms.

It reads less strictly than `source` (a half-written file completes what it still tells) and never
raises: a shell has no place to show an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pathlib import Path

SECTIONS = {"services": "service", "migrations": "migration"}
_NULLS = ("", "null", "~")  # as text: the loader types nothing
_MAX_FILE = 1_000_000
_MAX_EXTENDS = 5


def complete_app(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[Any]:
    """Offer `<environment>/<app>` of every folder with an app.yaml."""
    keys = {key for folder in _folders(ctx) if (key := _key(_read_folder(folder)))}
    return _items(keys, incomplete)


def complete_address(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[Any]:
    """Offer `kind/name` of everything the chosen app declares, or all apps."""
    return _items(_addresses(ctx), incomplete)


def complete_migration(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[Any]:
    """Offer the names of migrations."""
    names = {a.partition("/")[2] for a in _addresses(ctx) if a.startswith("migration/")}
    return _items(names, incomplete)


def _items(words: set[str], incomplete: str) -> list[Any]:
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - only for the shell

    return [CompletionItem(word) for word in sorted(words) if word.startswith(incomplete)]


def _addresses(ctx: click.Context) -> set[str]:
    chosen = _values(ctx).get("app")
    found: set[str] = set()
    for folder in _folders(ctx):
        document = _read_folder(folder)
        if chosen and _key(document) != chosen:
            continue
        for section, kind in SECTIONS.items():
            names = document.get(section)
            if isinstance(names, dict):
                found |= {f"{kind}/{n}" for n, value in names.items() if value not in _NULLS}
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


def _key(document: dict[str, Any]) -> str:
    environment, app = document.get("environment"), document.get("app")
    return f"{environment}/{app}" if environment and app else ""


def _read_folder(folder: Path, depth: int = 0) -> dict[str, Any]:
    """Merge the top two levels of a folder's files and of what they extend."""
    merged: dict[str, Any] = {}
    for path in sorted(folder.glob("*.yaml")):
        document = _read_file(path)
        base = document.get("extends")
        if isinstance(base, str) and depth < _MAX_EXTENDS:
            for section, value in _read_folder(folder / base, depth + 1).items():
                merged.setdefault(section, value)
        for section, value in document.items():
            if isinstance(value, dict) and isinstance(merged.get(section), dict):
                merged[section] = merged[section] | value
            else:
                merged[section] = value
    return merged


def _read_file(path: Path) -> dict[str, Any]:
    import yaml  # noqa: PLC0415 - only completion of names needs it

    try:
        if path.stat().st_size > _MAX_FILE:
            return {}
        loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
        document = yaml.load(path.read_text("utf-8"), Loader=loader)  # noqa: S506 - text only
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
