"""`version`: what to write into a bug report. Nothing is imported for it."""

from __future__ import annotations

import platform
from importlib import metadata

from reconciler import __version__
from reconciler.cli.options import Invocation, verb


@verb("version", short_help="Print versions.")
def command(invocation: Invocation) -> None:
    """Print the versions of reconciler, Python and the AWS libraries."""
    versions = {"reconciler": __version__, "python": platform.python_version()}
    for name in ("boto3", "botocore", "moto"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    if invocation.output.is_json:
        invocation.output.document(versions)
        return
    for name, version in versions.items():
        invocation.output.result(f"{name} {version}")
