"""`convert`: the way in from other tools' files. Offline; reads and writes files, nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from reconciler.cli.apps import API_VERSION
from reconciler.cli.naming import names_of
from reconciler.cli.options import Invocation, option, verb

TOOLS = ("ecspresso", "copilot", "hako")
INCOMPLETE = 1


@verb("convert", short_help="Write YAML from other tools' files.")
@click.argument("tool", type=click.Choice(TOOLS))
@click.argument(
    "paths",
    metavar="PATH...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@option("--env", "environment", metavar="NAME", help="The environment; else guessed.")
@option("--account", metavar="DIGITS", help="The account; else as role ARNs and image names say.")
@option("--region", metavar="NAME", help="The region; else as the file says.")
@option("--cluster", metavar="NAME", help="The cluster; else as the file says.")
@option("--force", is_flag=True, help="Overwrite files that are there already.")
def command(
    invocation: Invocation,
    *,
    tool: str,
    paths: tuple[Path, ...],
    environment: str | None,
    **options: Any,
) -> int:
    """Write YAML from ecspresso.yml, a Copilot manifest or a hako application, below --dir.

    Several files become the services of one app. It is named by -a ENV/APP, or guessed. What has no
    counterpart is listed with file and line, never dropped. Exit code 1 when something is listed.
    Where the services run already, `init` knows more.
    """
    from reconciler.app import converting  # noqa: PLC0415 - brings pydantic
    from reconciler.source.converters.conversion import Wanted  # noqa: PLC0415 - as above

    force = options.pop("force")
    env, app = names_of(invocation, environment)
    wanted = Wanted(environment=env, app=app, **options)
    report = converting.convert(invocation.settings, tool, paths, wanted, force=force)
    if invocation.output.is_json:
        invocation.output.document(
            {
                "apiVersion": API_VERSION,
                "kind": "Conversion",
                "key": report.key,
                "files": [{"path": p, "lines": n} for p, n in report.files.items()],
                "remarks": list(report.remarks),
                "diagnostics": list(report.diagnostics),
            }
        )
    else:
        for text in (*report.remarks, *report.diagnostics):
            invocation.output.result(f"! {text}")
        for written, lines in report.files.items():
            invocation.output.result(f"✔ wrote {written} ({lines} lines)")
        invocation.output.result(f"Next: reconciler -a {report.key} diff")
    return INCOMPLETE if report.remarks or report.diagnostics else 0
