"""`schema`: JSON Schemas, of the files for editors and of what the verbs print for programs. Offline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from reconciler.cli.options import Invocation, option, verb

KINDS = ("file", "diff", "status", "journal")
FILE_NAME = "v1alpha1.json"
"""What the schema of the files is called: the version in their `apiVersion`."""


@verb("schema", short_help="Print JSON Schemas of files and results.", formats=("json",))
@option(
    "--kind",
    type=click.Choice(KINDS),
    default="file",
    help="file: the desired state. The others: what these verbs print with -o json.",
)
@option(
    "--write",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write it into this folder, as v1alpha1.json or KIND.schema.json.",
)
def command(invocation: Invocation, *, kind: str, folder: Path | None) -> None:
    """Print a JSON Schema (2020-12); asks AWS nothing.

    Fields of AWS are those of the installed botocore, with AWS's own words. An editor finds it by the
    first line of a file:

    \b
    # yaml-language-server: $schema=../../.schema/v1alpha1.json
    """  # noqa: D301 - click wants the control character: this line is not to be wrapped
    document = schema_of(kind)
    if folder is None:
        invocation.output.document(document)
        return
    path = folder / (FILE_NAME if kind == "file" else f"{kind}.schema.json")
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    except OSError as error:
        raise invocation.usage_error(f"cannot write {path}: {error.strerror or error}") from None
    invocation.output.result(str(path))


def schema_of(kind: str) -> Any:
    """Return a schema: of the files as the installed libraries make it, or one of ours as shipped."""
    if kind == "file":
        from reconciler.source.schema import file_schema  # noqa: PLC0415 - brings pydantic

        return file_schema()
    from importlib import resources  # noqa: PLC0415 - --help does without

    shipped = resources.files("reconciler.cli").joinpath("schemas", f"{kind}.schema.json")
    return json.loads(shipped.read_text("utf-8"))
