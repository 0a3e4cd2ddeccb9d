"""The command `reconciler`: its verbs, loaded when called, and the one place where a process ends.

The table of verbs holds their one-line help, so that `--help` loads none of them; a test keeps both
equal. Errors become messages in `cli.failure`.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import click

from reconciler import __version__
from reconciler.cli.options import global_options
from reconciler.cli.output import make_streams_safe, silence_stdout

CLOSED_OUTPUT = 141
"""128 + SIGPIPE, as other programs end when `| head` has read enough."""

SECTIONS: Mapping[str, Mapping[str, str]] = {
    "Every day": {
        "validate": "Check the files offline; every mistake at once.",
        "render": "Print what the files mean, as API documents.",
        "diff": "Preview what would be done; writes nothing.",
        "apply": "Converge once, showing progress.",
        "status": "Say whether live equals desired, and whether it works.",
        "history": "Read the journal.",
    },
    "Operate": {
        "run": "Run the controller.",
        "wait": "Wait until a condition holds.",
        "rollback": "Put services and jobs back to an earlier rollout.",
        "suspend": "Keep the controller's hands off an app.",
        "resume": "End a suspension.",
        "retry": "Release a Held rollout.",
        "migration": "Look at migrations and settle them.",
        "job": "Look at scheduled jobs and run them by hand.",
        "task": "Run one-off tasks, and look at them.",
        "once": "Run a command once per key, whoever starts it.",
    },
    "Set up": {
        "init": "Write the YAML of what runs already.",
        "convert": "Write YAML from other tools' files.",
        "doctor": "Check credentials, account, tables and permissions.",
        "schema": "Print JSON Schemas of files and results.",
        "local": "Run an AWS on this machine, with the controller.",
        "completion": "Print the completion script of a shell.",
        "version": "Print versions.",
    },
}


class LazyGroup(click.Group):
    """A group whose commands are modules of `package`, imported when called; `sections` is its help."""

    def __init__(
        self,
        name: str,
        *,
        package: str,
        sections: Mapping[str, Mapping[str, str]],
        **attributes: Any,
    ) -> None:
        super().__init__(name, **attributes)
        self.package = package
        self.sections = sections

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name the commands in the order of the help."""
        return [name for commands in self.sections.values() for name in commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of a command; it calls it `command`."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command = importlib.import_module(f"{self.package}.{cmd_name}").command
        assert isinstance(command, click.Command)  # noqa: S101 - our own modules
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; for a misspelt one say which was probably meant."""
        name = args[0]
        if name in self.list_commands(ctx) or name.startswith("-"):
            return super().resolve_command(ctx, args)
        import difflib  # noqa: PLC0415 - only for a mistake

        close = difflib.get_close_matches(name, self.list_commands(ctx), n=1)
        hint = f" Did you mean '{close[0]}'?" if close else ""
        raise click.UsageError(f"No such command '{name}'.{hint}", ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the commands in their sections."""
        width = max(len(name) for commands in self.sections.values() for name in commands)
        for title, commands in self.sections.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), text) for name, text in commands.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Complete commands from the table: nothing is imported for it."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only for the shell

        found = [
            CompletionItem(name, help=text)
            for commands in self.sections.values()
            for name, text in commands.items()
            if name.startswith(incomplete)
        ]
        return found + click.Command.shell_complete(self, ctx, incomplete)


class Root(LazyGroup):
    """The outermost command: it alone ends the process."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT001, FBT002, ARG002 - click's signature
        **extra: Any,
    ) -> NoReturn:
        """Run one command line and exit with the code of design section "Exit codes"."""
        arguments = list(sys.argv[1:] if args is None else args)
        make_streams_safe()
        try:
            result = super().main(
                arguments, prog_name, complete_var, standalone_mode=False, **extra
            )
            code = int(result or 0)
        except BaseException as error:  # noqa: BLE001 - the one place where everything ends
            from reconciler.cli import failure  # noqa: PLC0415 - only for errors

            code = failure.report(error, failure.Asked.of(arguments, os.environ))
        sys.exit(code)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb and flush; a reader that has gone away is no error of ours."""
        from reconciler.cli import signals  # noqa: PLC0415 - --help does without

        try:
            with signals.terminated_by_exception():
                code = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            silence_stdout()
            return CLOSED_OUTPUT
        return code


@click.group(
    "reconciler",
    cls=Root,
    package="reconciler.cli.verbs",
    sections=SECTIONS,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "auto_envvar_prefix": "RECONCILER",
        "show_default": True,
    },
    params=global_options(after_verb=False),
)
@click.version_option(__version__, "--version", message="reconciler %(version)s")
def reconciler() -> None:
    """Commit YAML, ECS follows, your migration runs once.

    Global flags stand before or after the verb. `reconciler VERB -h` says what a verb does.
    """
