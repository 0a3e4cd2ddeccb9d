"""The flags of `once`: one table, read by the parser here and by the verb of the command line.

Called by `command`. A flag wins over its variable, the variable over the default, as everywhere. `argparse`
would take longer to import than this takes to run.
"""

from __future__ import annotations

from reconciler.runs.once.clock import parse_duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PREFIX = "RECONCILER_ONCE_"
LONGEST_KEY = 1024
"""Bytes; DynamoDB takes 2048 with our prefix and the namespace."""
SHORTEST_LEASE = 2.0
_LONGEST_NAMESPACE = 128
_UNEXPANDED = "nothing has put its value in; a key that never changes runs once and never again"


class Flag:
    """A flag: its name, what stands behind it (nothing for a switch), its default, its help."""

    def __init__(
        self, name: str, metavar: str, default: str, text: str, variable: str = ""
    ) -> None:
        self.name, self.metavar, self.default, self.text = name, metavar, default, text
        self.field = name.lstrip("-").replace("-", "_")
        self.variable = variable or PREFIX + self.field.upper()


FLAGS = (
    Flag("--key", "KEY", "", "What may run once, such as report/2026-11-28 or a revision."),
    Flag("--namespace", "NAME", "default", "Whose keys: the IAM policy can be limited to it."),
    Flag("--wait", "DURATION", "30m", "How long to wait for whoever runs it; then exit code 5."),
    Flag("--no-wait", "", "", "Do not wait: exit code 5 when another runs it."),
    Flag("--lease", "DURATION", "60s", "Without a sign of life for so long the holder stops."),
    Flag(
        "--on-failure",
        "hold|retry",
        "hold",
        "After a failed run: hold (exit code 6), or run it again.",
    ),
    Flag(
        "--rerun-if-dead",
        "",
        "",
        "Run again once ECS shows the holder's task STOPPED; only in ECS.",
    ),
    Flag(
        "--timeout",
        "DURATION",
        "0s",
        "Stop the command after so long: exit code 124; 0s for never.",
    ),
    Flag("--kill-after", "DURATION", "10s", "From SIGTERM to SIGKILL when we stop it."),
    Flag("--resolve", "done|failed|retry", "", "Settle the key instead of running a command."),
    Flag("--reason", "TEXT", "", "With --resolve: why; kept in the record."),
    Flag("--show", "", "", "Say what the record says, and run nothing."),
    Flag("--table", "NAME", "reconciler-claims", "The claims table.", "RECONCILER_CLAIMS_TABLE"),
    Flag("--region", "REGION", "", "Else AWS_REGION, AWS_DEFAULT_REGION, the profile, the task."),
)
SHARED = (
    Flag("--profile", "NAME", "", "AWS profile.", "RECONCILER_PROFILE"),
    Flag(
        "--endpoint-url",
        "URL",
        "",
        "Another AWS; AWS_ENDPOINT_URL* are honoured too.",
        "RECONCILER_ENDPOINT_URL",
    ),
    Flag("--quiet", "", "", "Say only what needs attention.", "RECONCILER_QUIET"),
)
"""Flags that every verb has."""
_SHORT = {"-q": "--quiet"}
_WHERE = ("namespace", "table", "region", "profile", "endpoint_url")
"""Flags that say, with the key, which item it is about."""
_OF_A_COMMAND = (
    "wait",
    "no_wait",
    "lease",
    "on_failure",
    "rerun_if_dead",
    "timeout",
    "kill_after",
)
"""Flags that mean something only where a command is run."""
_CHOICES = {"on_failure": ("hold", "retry"), "resolve": ("", "done", "failed", "retry")}


class WrongUsage(Exception):
    """The flags do not make sense; the message says what to write."""


class UnknownFlag(WrongUsage):
    """A flag that is not in the table; the command line's verb knows some more."""


class HelpAsked(Exception):
    """-h or --help."""


class Options:
    """What one call asks for; durations in seconds."""

    def __init__(
        self, values: Mapping[str, str], argv: Sequence[str], program: str = "once"
    ) -> None:
        """Check and convert; raises WrongUsage."""
        for field, allowed in _CHOICES.items():
            if values[field] not in allowed:
                name = field.replace("_", "-")
                raise WrongUsage(f"--{name}: write {' or '.join(a for a in allowed if a)}")
        self.key, self.namespace = _key(values["key"]), _namespace(values["namespace"])
        self.no_wait = _is_on(values["no_wait"])
        self.wait, self.lease = _seconds(values, "wait"), _seconds(values, "lease")
        self.timeout, self.kill_after = _seconds(values, "timeout"), _seconds(values, "kill_after")
        self.retry_failed = values["on_failure"] == "retry"
        self.rerun_if_dead = _is_on(values["rerun_if_dead"])
        self.resolve, self.reason = values["resolve"], values["reason"].strip()
        self.show, self.quiet = _is_on(values["show"]), _is_on(values["quiet"])
        self.table, self.region = values["table"], values["region"]
        self.profile, self.endpoint_url = values["profile"], values["endpoint_url"]
        self.argv = list(argv)
        self._program = program
        self._check()

    @property
    def again(self) -> str:
        """How to call us about this key, for messages."""
        return _again(self._program, self)

    def _check(self) -> None:
        if self.lease < SHORTEST_LEASE:
            raise WrongUsage(f"--lease: at least {SHORTEST_LEASE:.0f}s")
        if self.resolve and not self.reason:
            raise WrongUsage('--resolve: say why, with --reason "…"')
        if self.reason and not self.resolve:
            raise WrongUsage("--reason belongs to --resolve")
        if self.resolve and self.show:
            raise WrongUsage("--show and --resolve do not go together")
        if (self.resolve or self.show) and self.argv:
            raise WrongUsage("with --resolve or --show no command is run: leave it out")
        if not self.resolve and not self.show and not self.argv:
            raise WrongUsage("no command: write it behind --")


def parse(
    arguments: Sequence[str], environment: Mapping[str, str], program: str = "once"
) -> Options:
    """Read a command line; raises WrongUsage, UnknownFlag or HelpAsked."""
    typed: dict[str, str] = {}
    rest = list(arguments)
    while rest and rest[0].startswith("-"):
        word = rest.pop(0)
        if word == "--":
            break
        flag, value = _flag(word, rest)
        typed[flag.field] = value
    return chosen(typed, rest, environment, program)


def chosen(
    typed: Mapping[str, str], argv: Sequence[str], environment: Mapping[str, str], program: str
) -> Options:
    """Make options of the flags that were typed and the command behind them; raises WrongUsage."""
    if typed.get("wait") and typed.get("no_wait"):
        raise WrongUsage("--wait and --no-wait do not go together")
    values = filled(typed, environment)
    if values["resolve"] or _is_on(values["show"]):
        idle = [f.name for f in FLAGS if f.field in _OF_A_COMMAND and f.field in typed]
        if idle:
            raise WrongUsage(f"{idle[0]} has no effect with --resolve or --show: nothing is run")
    if typed.get("wait"):
        values["no_wait"] = ""  # typed, so it wins over a variable
    return Options(values, argv, program)


def _flag(word: str, rest: list[str]) -> tuple[Flag, str]:
    """Return the flag that a word is, and its value, taken from the rest where it stands there."""
    if word in ("-h", "--help"):
        raise HelpAsked
    name, given, value = word.partition("=")
    flag = next((f for f in (*FLAGS, *SHARED) if f.name == _SHORT.get(name, name)), None)
    if flag is None:
        raise UnknownFlag(f"there is no flag {name}")
    if not flag.metavar:
        if given:
            raise WrongUsage(f"{name} takes no value")
        return flag, "true"
    if not given:
        if not rest:
            raise WrongUsage(f"{name} needs a value: {flag.metavar}")
        value = rest.pop(0)
    return flag, value


def filled(typed: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Return a value for every flag: typed, else its variable's, else its default."""
    return {
        flag.field: typed[flag.field]
        if flag.field in typed
        else environment.get(flag.variable)
        or environment.get(PREFIX + flag.field.upper())
        or flag.default
        for flag in (*FLAGS, *SHARED)
    }


def usage(program: str) -> str:
    """Return the help of the program that stands alone."""
    lines = [
        f"Usage: {program} --key KEY [FLAGS] -- COMMAND [ARGUMENTS]…",
        "",
        "  Run a command once per key, whoever starts it, and however often.",
        "",
    ]
    for flag in (*FLAGS, *SHARED):
        name = f"{flag.name} {flag.metavar}".rstrip()
        default = f" [default: {flag.default}]" if flag.default else ""
        lines.append(f"  {name:<28} {flag.text}{default} ({flag.variable})")
    return "\n".join(lines) + "\n"


def _again(program: str, options: Options) -> str:
    """Spell the beginning of a command about the same key, in the same AWS wherever it is typed."""
    from shlex import quote  # noqa: PLC0415 - only where somebody has to type it

    words = [program, "--key", quote(options.key)]
    for flag in (*FLAGS, *SHARED):
        value = getattr(options, flag.field, "")
        if flag.field in _WHERE and value != flag.default:
            words += [flag.name, quote(str(value))]
    return " ".join(words)


def _key(text: str) -> str:
    if not text.strip():
        raise WrongUsage("--key: say what may run once, such as --key report/2026-11-28")
    if "<aws." in text or "$" in text:
        raise WrongUsage(f"--key {text}: {_UNEXPANDED}")
    if any(ord(c) < 32 or ord(c) == 127 for c in text):  # noqa: PLR2004 - control characters
        raise WrongUsage("--key: it has a control character, such as the end of a line")
    try:
        size = len(text.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise WrongUsage("--key: it is not UTF-8") from error
    if size > LONGEST_KEY:
        raise WrongUsage(f"--key: {LONGEST_KEY} bytes at most")
    return text


def _namespace(text: str) -> str:
    allowed = "-_./"
    if (
        not text
        or len(text) > _LONGEST_NAMESPACE
        or not all(c.isascii() and (c.isalnum() or c in allowed) for c in text)
    ):
        raise WrongUsage(f"--namespace: letters, digits, - _ . and /, {_LONGEST_NAMESPACE} at most")
    return text


def _seconds(values: Mapping[str, str], field: str) -> float:
    try:
        return parse_duration(values[field])
    except ValueError as error:
        raise WrongUsage(f"--{field.replace('_', '-')}: {error}") from error


def _is_on(text: str) -> bool:
    return text.lower() in ("true", "1", "yes", "on", "t", "y")
