"""`local`: an AWS on this machine, and the controller with it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.durations import DurationType
from reconciler.cli.options import Invocation, option, verb
from reconciler.cli.progress import Progress
from reconciler.cli.verbs.run import ended, whole_folder

if TYPE_CHECKING:
    from pathlib import Path


@verb("local", short_help="Run an AWS on this machine, with the controller.", formats=("text",))
@option("--aws-only", is_flag=True, help="Serve the endpoint only, for any AWS tool.")
@option("--aws-port", type=click.IntRange(0, 65535), default=0, help="Port; 0 takes a free one.")
@option(
    "--until",
    type=click.Choice(("converged",)),
    help="End when every app has converged, or cannot.",
)
@option("--timeout", type=DurationType(), help="With --until: how long at most; then exit code 7.")
@option(
    "--image",
    "images",
    multiple=True,
    metavar="NAME=DIR",
    help="Run containers of the repository NAME as processes in DIR; repeatable.",
)
@option("--data-dir", type=click.Path(), help="Folder of its state; fresh at each start.")
@option("--real-times", is_flag=True, help="Take as long as AWS does, not a moment.")
def command(
    invocation: Invocation,
    *,
    images: tuple[str, ...],
    until: str | None,
    timeout: timedelta | None,
    data_dir: str | None,
    **options: Any,
) -> int:
    """Run an AWS on this machine, with the controller.

    It listens on 127.0.0.1, runs containers as local processes and ends them with itself. With
    --aws-only point the other verbs at it with --endpoint-url.
    """
    from pathlib import Path  # noqa: PLC0415 - completion does without

    from reconciler.app import embedded  # noqa: PLC0415 - brings moto

    if until and options["aws_only"]:
        raise invocation.usage_error("--until needs the controller: leave out --aws-only")
    if timeout and not until:
        raise invocation.usage_error("--timeout needs --until")
    whole_folder(invocation)
    chosen = embedded.EmbeddedOptions(
        until_converged=until is not None,
        timeout=timeout,
        images=_folders(invocation, images),
        data_directory=Path(data_dir) if data_dir else None,
        **options,
    )
    progress = Progress(invocation, several=True)
    ending = embedded.local(
        invocation.settings, chosen, say=invocation.output.result, on_event=progress.say
    )
    return ended(invocation, ending)


def _folders(invocation: Invocation, images: tuple[str, ...]) -> dict[str, Path]:
    from pathlib import Path  # noqa: PLC0415 - completion does without

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
