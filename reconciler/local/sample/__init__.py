"""The sample app behind `desired/`: stand-ins for the commands that a Rails shop's containers run.

`shop` and `shop-nginx` are folders as `--image NAME=DIR` takes them; their scripts start the modules
here. Real processes, a real database, no Ruby.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_HERE = Path(__file__).resolve().parent


def sample_images() -> Mapping[str, Path]:
    """Return image name → folder for the images of the sample."""
    return {name: _HERE / name for name in ("shop", "shop-nginx")}
