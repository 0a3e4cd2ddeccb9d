"""`completion`: click's own scripts; what they complete is in `reconciler.cli.complete`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from reconciler.cli.options import Invocation, verb


@verb("completion", short_help="Print the completion script of a shell.", formats=("text",))
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def command(invocation: Invocation, *, shell: str) -> None:
    """Print the completion script of a shell.

    It completes verbs, flags, app keys and addresses, from the files alone.

    \b
    bash: echo 'eval "$(reconciler completion bash)"' >> ~/.bashrc
    zsh:  echo 'eval "$(reconciler completion zsh)"' >> ~/.zshrc
    fish: reconciler completion fish > ~/.config/fish/completions/reconciler.fish
    """  # noqa: D301 - click wants the control character: these lines are not to be wrapped
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - click knows the three of them
    root = click.get_current_context().find_root().command
    script = kind(root, {}, "reconciler", "_RECONCILER_COMPLETE")
    invocation.output.result(script.source_template % script.source_vars())
