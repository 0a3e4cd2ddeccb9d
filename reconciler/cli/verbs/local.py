"""`local`: an AWS on this machine, and the controller with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from reconciler.cli.durations import DurationType
from reconciler.cli.options import Invocation, option, verb
from reconciler.cli.progress import Progress


@verb("local", short_help="Run an AWS on this machine, with the controller.", formats=("text",))
@option("--aws-only", is_flag=True, help="Serve the endpoint only, for any AWS tool.")
@option("--aws-port", type=click.IntRange(0, 65535), default=0, help="Port; 0 takes a free one.")
@option(
    "--until",
    type=click.Choice(("converged",)),
    help="End when every app has converged, or cannot.",
)
@option(
    "--image",
    "images",
    multiple=True,
    metavar="NAME=DIR",
    help="Run containers of the repository NAME as processes in DIR; repeatable.",
)
@option("--timeout", type=DurationType(), help="With --until: how long at most; then exit code 7.")
@option(
    "--data-dir",
    "data_directory",
    type=click.Path(path_type=Path),
    help="Folder of its state; emptied at start.",
)
@option("--real-times", is_flag=True, help="Take as long as AWS does, not a moment.")
def command(
    invocation: Invocation,
    *,
    aws_only: bool,
    images: tuple[str, ...],
    until: str | None,
    **options: Any,
) -> int:
    """Run an AWS on this machine, with the controller.

    It listens on 127.0.0.1, runs containers as local processes and ends them with itself. With
    --aws-only point the other verbs at it with --endpoint-url.
    """
    from reconciler.app import embedded  # noqa: PLC0415 - brings moto

    if until and aws_only:
        raise invocation.usage_error("--until needs the controller: leave out --aws-only")
    progress = Progress(invocation, several=True)
    ending = embedded.local(
        invocation.settings,
        embedded.EmbeddedOptions(
            aws_only=aws_only,
            until_converged=until is not None,
            images=_folders(invocation, images),
            **options,
        ),
        say=invocation.output.note,
        on_event=progress.say,
    )
    for key, reason in ending.reasons.items():
        invocation.output.note(f"{key}: {reason}")
    return ending.exit_code


def _folders(invocation: Invocation, images: tuple[str, ...]) -> dict[str, Path]:
    folders: dict[str, Path] = {}
    for text in images:
        name, separator, folder = text.partition("=")
        if not (name and separator and folder):
            raise invocation.usage_error(f"--image {text}: write NAME=DIR")
        if not Path(folder).is_dir():
            raise invocation.usage_error(f"--image {text}: there is no folder {folder}")
        if name in folders:
            raise invocation.usage_error(f"--image {name} is given twice")
        folders[name] = Path(folder)
    return folders
