"""`validate`: the files, offline. No AWS, no credentials, nothing written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import failure
from reconciler.cli.apps import API_VERSION
from reconciler.cli.options import Invocation, option, verb

if TYPE_CHECKING:
    from reconciler.model.diagnostics import Diagnostic


@verb("validate", short_help="Check the files offline; every mistake at once.")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@option("--strict", is_flag=True, help="Count warnings as errors.")
def command(invocation: Invocation, *, paths: tuple[Path, ...], strict: bool) -> int:
    """Check the files offline; every mistake at once.

    PATH is a file or a folder below --dir whose mistakes are to be shown, or another folder to be
    read in place of --dir. Exit code 2 when there is an error.
    """
    diagnostics, keys = _check(invocation, paths)
    errors = [d for d in diagnostics if strict or d.severity == "error"]
    failure.annotate_diagnostics(diagnostics, invocation.environment)
    if invocation.output.is_json:
        invocation.output.document(
            {
                "apiVersion": API_VERSION,
                "kind": "Validation",
                "valid": not errors,
                "apps": keys,
                "diagnostics": [failure.diagnostic_document(d) for d in diagnostics],
            }
        )
        return failure.USAGE if errors else 0
    for line in failure.diagnostic_lines(diagnostics):
        invocation.output.result(line)
    invocation.output.result(_summary(diagnostics, keys))
    return failure.USAGE if errors else 0


def _check(invocation: Invocation, paths: Sequence[Path]) -> tuple[list[Diagnostic], list[str]]:
    root = Path(invocation.values["directory"])
    if not paths:
        return _load(invocation, root)
    diagnostics: list[Diagnostic] = []
    keys: set[str] = set()
    inside = [p for p in paths if _is_below(p, [root])]
    for other in dict.fromkeys(p for p in paths if p not in inside):
        if not other.exists():
            raise invocation.usage_error(f"there is no file or folder {other}")
        if not other.is_dir():
            raise invocation.usage_error(f"{other} is neither below {root} nor a folder of its own")
        found, names = _load(invocation, other)
        diagnostics, keys = diagnostics + found, keys | set(names)
    if inside:
        found, names = _load(invocation, root)
        diagnostics += [d for d in found if _is_below(Path(d.origin.file), inside)]
        keys |= set(names)
    return diagnostics, sorted(keys)


def _load(invocation: Invocation, root: Path) -> tuple[list[Diagnostic], list[str]]:
    from reconciler.model.names import there_are  # noqa: PLC0415 - as below
    from reconciler.source.folder import load_folder  # noqa: PLC0415 - help needs no pydantic

    if not root.is_dir():
        raise invocation.usage_error(f"there is no folder {root}; give another one with -C")
    loaded = load_folder(root)
    wanted = invocation.values["app"]
    known = {*loaded.apps, *loaded.broken_keys}
    if wanted and wanted not in known and not loaded.broken:
        raise invocation.usage_error(f"no app '{wanted}' in {root}; {there_are(sorted(known))}")
    return list(loaded.diagnostics), sorted(loaded.apps)


def _is_below(path: Path, places: Iterable[Path]) -> bool:
    absolute = path.absolute().resolve()
    return any(absolute.is_relative_to(place.absolute().resolve()) for place in places)


def _summary(diagnostics: Sequence[Diagnostic], keys: Sequence[str]) -> str:
    counts = [
        _count(sum(d.severity == severity for d in diagnostics), severity)
        for severity in ("error", "warning")
        if any(d.severity == severity for d in diagnostics)
    ]
    good = f"{_count(len(keys), 'valid app')}" + (f" ({', '.join(keys)})" if keys else "")
    if not counts:
        return good
    files = len({d.origin.file for d in diagnostics})
    return f"{', '.join(counts)} in {_count(files, 'file')}; {good}"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" + ("" if number == 1 else "s")
