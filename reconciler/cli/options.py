"""The global flags, before or after the verb, and the class of every verb.

Each flag has a `RECONCILER_*` variable; flag > variable > default, and a flag after the verb wins over
the same one before it. `Verb` builds an `Invocation` and hands it to the verb's function.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import click
from click.core import ParameterSource

from reconciler.cli import complete
from reconciler.cli.output import Output

if TYPE_CHECKING:  # pydantic, enums and dataclasses cost more than the rest of --help
    from reconciler.settings import Settings

VALUES = "reconciler.cli.values"
FORMATS = ("text", "json", "yaml", "markdown")
_EXPLICIT = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)

option = partial(click.option, show_envvar=True)
"""An option of one verb; its variable is RECONCILER_<VERB>_<FLAG>."""


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    """Keep a global flag's value for the invocation; one after the verb replaces only if typed."""
    values = ctx.find_root().meta.setdefault(VALUES, {})
    name = str(param.name)
    if name not in values or ctx.get_parameter_source(name) in _EXPLICIT:
        values[name] = value
    return value


def _endpoint(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Refuse an endpoint that is no URL of HTTP, and say how it is written."""
    if value and not value.startswith(("http://", "https://")):
        address = value.rpartition("://")[2]
        raise click.BadParameter(f"{value} is no URL: write http://{address}", ctx, param)
    _remember(ctx, param, value)
    return value


GlobalOption = tuple[tuple[str, ...], dict[str, Any]]
GLOBALS: tuple[GlobalOption, ...] = (
    (
        ("-C", "--dir", "directory"),
        {
            "type": click.Path(),
            "default": "desired",
            "metavar": "DIR",
            "help": "Folder of the desired state.",
        },
    ),
    (
        ("-a", "--app", "app"),
        {
            "metavar": "ENV/APP",
            "help": "One app, such as production/shop; otherwise all of them.",
            "shell_complete": complete.complete_app,
        },
    ),
    (
        ("-o", "--output", "output"),
        {
            "type": click.Choice(FORMATS),
            "help": "Form of the result; json is always one document.",
        },
    ),
    (("--profile", "profile"), {"metavar": "NAME", "help": "AWS profile; else botocore's chain."}),
    (
        ("--endpoint-url", "endpoint_url"),
        {
            "metavar": "URL",
            "callback": _endpoint,
            "help": "Another AWS, such as the one of `reconciler local`; "
            "AWS_ENDPOINT_URL* are honoured too.",
        },
    ),
    (
        ("--color", "color"),
        {
            "type": click.Choice(("auto", "always", "never")),
            "default": "auto",
            "help": "Colour; auto obeys NO_COLOR, FORCE_COLOR, TERM and the terminal.",
        },
    ),
    (("--no-input", "no_input"), {"is_flag": True, "help": "Never ask; fail naming the flag."}),
    (("-y", "--yes", "yes"), {"is_flag": True, "help": "Answer yes to the question."}),
    (("-q", "--quiet", "quiet"), {"is_flag": True, "help": "No progress; errors are still said."}),
    (("-v", "--verbose", "verbose"), {"is_flag": True, "help": "Say more, on stderr."}),
    (
        ("--log-format", "log_format"),
        {
            "type": click.Choice(("plain", "json")),
            "default": "plain",
            "help": "Form of logs and progress on stderr.",
        },
    ),
)


class Invocation(NamedTuple):
    """One call of one verb: its global flags, where it prints, and how it asks."""

    values: Mapping[str, Any]
    output: Output
    environment: Mapping[str, str] = os.environ

    @property
    def settings(self) -> Settings:
        """Make the `Settings` that `app` takes."""
        from pathlib import Path  # noqa: PLC0415 - help needs no settings

        from reconciler.settings import Settings  # noqa: PLC0415 - help needs no settings

        names = ("app", "profile", "endpoint_url", "log_format", "verbose", "quiet")
        chosen = {name: self.values[name] for name in names}
        return Settings(directory=Path(self.values["directory"]), **chosen)

    def usage_error(self, message: str) -> click.UsageError:
        """Make the error for flags that do not go together; exit code 2."""
        return click.UsageError(message, click.get_current_context(silent=True))

    def without_effect(self, why: str, *flags: str) -> None:
        """Refuse flags that were typed although they would do nothing: `why` follows the flag's name.

        A variable is no mistake here: it is a default for many calls. Raises UsageError.
        """
        ctx = click.get_current_context()
        for param in ctx.command.params:
            for flag in set(flags).intersection(param.opts):
                if ctx.get_parameter_source(str(param.name)) is ParameterSource.COMMANDLINE:
                    raise self.usage_error(f"{flag} {why}")


def global_options(*, after_verb: bool) -> list[click.Option]:
    """Make the global flags anew: with their variables for the root, without for a verb.

    A verb's copy sees no variable and no default, so that it speaks only when it was typed.
    """
    options = []
    for names, declared in GLOBALS:
        attributes = dict(declared)
        if after_verb:
            attributes.pop("default", None)
            attributes |= {"allow_from_autoenv": False}
        else:
            variable = f"RECONCILER_{names[-1].upper()}"
            attributes |= {"envvar": _VARIABLES.get(names[-1], variable), "show_envvar": True}
        attributes.setdefault("callback", _remember)
        options.append(click.Option(names, expose_value=False, **attributes))
    return options


_VARIABLES = {"directory": "RECONCILER_DIR"}


class Verb(click.Command):
    """A command of ours: takes the global flags too, and gives its function an `Invocation` first.

    `formats` are the values of -o that it knows, its default first.
    """

    def __init__(
        self, *args: Any, formats: Sequence[str] = ("text", "json"), **attributes: Any
    ) -> None:
        super().__init__(*args, **attributes)
        self.formats = tuple(formats)
        self.own_params = tuple(self.params)
        self.params = [*self.params, *global_options(after_verb=True)]

    def invoke(self, ctx: click.Context) -> Any:
        """Check -o, set the colour, run the verb; what it returns is the exit code."""
        values = ctx.find_root().meta[VALUES]
        chosen = values["output"] or self.formats[0]
        if len(self.formats) == 1 and not _typed(ctx, "output"):
            chosen = self.formats[0]  # a variable for all verbs is no demand on this one
        if chosen not in self.formats:
            known = " or ".join(self.formats)
            raise click.UsageError(f"{ctx.info_name} prints {known}, not {chosen} (-o)", ctx)
        output = Output.for_process(chosen, str(values["color"]), os.environ)
        ctx.color = output.color
        ctx.obj = Invocation(values, output)
        return super().invoke(ctx)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the flags, each with a variable that is called like the flag, not like our parameter."""
        for param in self.own_params:
            if isinstance(param, click.Option) and param.envvar is None and ctx.auto_envvar_prefix:
                flag = max(param.opts, key=len).lstrip("-").replace("-", "_").upper()
                param.envvar = f"{ctx.auto_envvar_prefix}_{flag}"
                param.allow_from_autoenv = False
                param.show_default = param.default != ""  # which says nothing
        return super().get_params(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verb's own options first, the global flags as a section of their own."""
        options = [p for p in self.get_params(ctx) if isinstance(p, click.Option)]
        for title, chosen in (
            ("Options", [p for p in options if not _is_global(self, p)]),
            ("Global flags", [p for p in options if _is_global(self, p)]),
        ):
            records = [r for p in chosen if (r := p.get_help_record(ctx)) is not None]
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def _typed(ctx: click.Context, name: str) -> bool:
    """Say whether a global flag stands on the command line, before or after the verb."""
    contexts = (ctx, ctx.find_root())
    return any(c.get_parameter_source(name) is ParameterSource.COMMANDLINE for c in contexts)


def _is_global(verb: Verb, param: click.Parameter) -> bool:
    return param in verb.params and param not in verb.own_params


def verb(name: str, **attributes: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """Decorate a verb's function: `(invocation, **flags) -> exit code or None`."""

    def decorate(function: Callable[..., Any]) -> click.Command:
        return click.command(name, cls=Verb, **attributes)(click.pass_obj(function))

    return decorate
