"""`extends`: the folder's own document laid over that of its base. Called by `folder` for each app.

Bases are folders below the root, read once per load; they need no `app.yaml`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from reconciler.source.files import Root, read_folder
from reconciler.source.lift import lift_document
from reconciler.source.merge import join_files, overlay_maps
from reconciler.source.nodes import Mapping, Null, Place, Scalar, SourceFile
from reconciler.source.report import Report


@dataclass
class Layer:
    """One folder's own text: its document in long form, what is wrong with it, and its base."""

    folder: Path
    document: Mapping | None
    report: Report
    base: Path | None = None
    base_place: Place | None = None


@dataclass
class Layers:
    """The folders of one load, each read once."""

    root: Root
    _read: dict[Path, Layer] = field(default_factory=dict)

    def layer(self, folder: Path) -> Layer:
        """Return a folder's own layer, reading it the first time."""
        if folder not in self._read:
            self._read[folder] = self._load(folder)
        return self._read[folder]

    def chain(self, folder: Path, report: Report) -> list[Layer]:
        """Return the folder's layer and those of its bases, nearest first; mistakes go to `report`."""
        layers: list[Layer] = []
        place: Place | None = None
        current: Path | None = folder
        while current is not None:
            if any(layer.folder == current for layer in layers):
                names = [self.root.name(layer.folder) for layer in layers]
                loop = " → ".join([*names, self.root.name(current)])
                report.error(
                    place or Place(SourceFile(self.root.name(folder))),
                    f"extends goes in a circle: {loop}",
                    "cycle",
                )
                report.incomplete = True
                break
            layer = self.layer(current)
            report.extend(layer.report.diagnostics)
            report.incomplete = report.incomplete or layer.report.incomplete
            layers.append(layer)
            place, current = layer.base_place, layer.base
        return layers

    def bases(self) -> set[Path]:
        """Return every folder that some folder read so far extends."""
        return {layer.base for layer in self._read.values() if layer.base is not None}

    def _load(self, folder: Path) -> Layer:
        report = Report()
        documents = read_folder(self.root, folder, report)
        if not documents:
            return Layer(folder, None, report)
        document = lift_document(join_files(documents, report), report)
        layer = Layer(folder, document.without({"extends"}), report)
        self._find_base(document, layer)
        return layer

    def _find_base(self, document: Mapping, layer: Layer) -> None:
        entry = document.entries.get("extends")
        if entry is None or isinstance(entry.value, Null):
            return
        value = entry.value
        if not isinstance(value, Scalar) or "${" in value.text:
            message = "extends takes one path, as in ../../base/shop"
            layer.report.error(value.place, message, "wrong-type")
            layer.report.incomplete = True
            return
        problem, base = self._resolve(layer.folder, value.text)
        if problem:
            layer.report.error(value.place, f"extends: {problem}", "extends")
            layer.report.incomplete = True
        layer.base, layer.base_place = base, value.place

    def _resolve(self, folder: Path, text: str) -> tuple[str, Path | None]:
        try:
            base = (folder / text).resolve(strict=True)
        except (OSError, RuntimeError, ValueError):
            return f"there is no folder {text}", None
        if not base.is_dir():
            return f"{text} is not a folder", None
        if not base.is_relative_to(self.root.real):
            return (
                f"{text} is outside {self.root.typed}: point -C at a folder that holds both",
                None,
            )
        if not any(True for _ in base.glob("*.y*ml")):
            return f"the folder {text} holds no YAML files", None
        return "", base


def merged(chain: list[Layer]) -> Mapping | None:
    """Return the chain's documents laid over each other; None when none could be read."""
    result: Mapping | None = None
    for layer in reversed(chain):
        if layer.document is not None:
            result = overlay_maps(result, layer.document) if result else layer.document
    return result
