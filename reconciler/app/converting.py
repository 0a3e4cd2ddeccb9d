"""`convert`: other tools' files → YAML. Offline; what has no counterpart is listed with its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.app.importing import put, refuse_overwriting
from reconciler.model.errors import UsageError
from reconciler.settings import Settings
from reconciler.source.converters import copilot, ecspresso, hako
from reconciler.source.converters.conversion import UNKNOWN_ACCOUNT, Converted, Wanted
from reconciler.source.converters.together import together
from reconciler.source.folder import load_folder
from reconciler.source.imports.files import write


@dataclass(frozen=True)
class ConvertReport:
    """What was written, what a person has to look at, and what `validate` says of the result."""

    key: str
    files: Mapping[str, int]
    remarks: Sequence[str]
    diagnostics: Sequence[str]


def convert(
    settings: Settings, tool: str, paths: Sequence[Path], wanted: Wanted, *, force: bool
) -> ConvertReport:
    """Convert files of `tool` into one app below the desired folder.

    Raises UsageError for a file that cannot be read or is not of that tool, and for files of several apps,
    InvalidDesiredState for one that is no YAML or JSON.
    """
    converted = together([_converted(tool, path, wanted) for path in paths], wanted)
    target = converted.target
    folder = settings.directory / target.environment / target.app
    refuse_overwriting(folder, force=force)
    written = write(target, converted.services, sections=converted.sections)
    files = put(folder, written.files)
    notes = [f"service/{s.key}: {note}" for s in written.services for note in s.notes]
    if target.account == UNKNOWN_ACCOUNT:
        notes.append("no file names the account: give --account, or correct it in app.yaml")
    found = load_folder(settings.directory).diagnostics
    return ConvertReport(
        key=f"{target.environment}/{target.app}",
        files=files,
        remarks=[*map(str, converted.remarks), *notes],
        diagnostics=[str(d) for d in found if Path(d.origin.file).is_relative_to(folder)],
    )


def _converted(tool: str, path: Path, wanted: Wanted) -> Converted:
    text = _read(path)
    name = str(path)
    match tool:
        case "ecspresso":
            files = [path.parent / file for file in ecspresso.config_files(name, text)]
            return ecspresso.convert((name, text), {str(f): _read(f) for f in files}, wanted)
        case "copilot":
            return copilot.convert(name, text, wanted)
        case _:
            if path.suffix == ".jsonnet":
                raise UsageError(f"{path} is Jsonnet: evaluate it first, jsonnet {path} > app.json")
            return hako.convert(name, text, wanted)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise UsageError(f"{path} cannot be read: {reason}") from error
