"""Apps as text: what the tests of `source` start from."""

from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.model.desired import DesiredApp
from reconciler.model.diagnostics import Diagnostic
from reconciler.source.folder import Loaded, load_folder

HEADER = """\
apiVersion: reconciler/v1alpha1
app: shop
environment: production
account: "123456789012"
region: ap-northeast-1
cluster: production
"""

DEFAULTS = """\
defaults:
  cpu: 256
  memory: 512
  networkConfiguration: {subnets: [subnet-1]}
"""


class World:
    """A desired folder that is being written."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, name: str, text: str | bytes) -> Path:
        """Write one file, `production/shop/app.yaml` by its path below the root."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def load(self, *texts: str) -> Loaded:
        """Load the root; texts are first written as production/shop's app.yaml."""
        if texts:
            self.write("production/shop/app.yaml", "".join(texts))
        return load_folder(self.root)

    def app(self, *texts: str) -> DesiredApp:
        """Return the one app; fails with the diagnostics when it is not valid."""
        loaded = self.load(*texts)
        assert not loaded.broken, "\n".join(map(str, loaded.diagnostics))
        return loaded.apps["production/shop"]

    def errors(self, *texts: str) -> list[Diagnostic]:
        """Return the errors of the app, which must be broken and must not be loaded."""
        loaded = self.load(*texts)
        assert "production/shop" not in loaded.apps
        assert "production/shop" in loaded.broken_keys
        return [d for d in loaded.diagnostics if d.severity == "error"]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return an empty desired folder."""
    root = tmp_path / "desired"
    root.mkdir()
    return World(root)


@pytest.fixture
def at() -> Callable[[Diagnostic], tuple[int, int, str]]:
    """Return line, column and rule of a diagnostic."""
    return lambda d: (d.origin.line, d.origin.column, d.rule)
