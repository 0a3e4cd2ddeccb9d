"""How `init` and `convert` learn the name of the app that they write: -a ENV/APP, -a APP, --env."""

from __future__ import annotations

from reconciler.cli.options import Invocation


def names_of(invocation: Invocation, environment: str | None) -> tuple[str | None, str | None]:
    """Take environment and app from -a and --env; each may be left to be guessed."""
    from reconciler.model.names import NAME_PATTERN  # noqa: PLC0415 - help does without

    before, slash, after = (invocation.values["app"] or "").rpartition("/")
    if slash and environment not in (None, before):
        raise invocation.usage_error(f"-a says {before} and --env {environment}: give one of them")
    names = (before or environment or None, after or None)
    for name in filter(None, names):
        if not NAME_PATTERN.fullmatch(name):
            form = "lower-case letters, digits, '-' and '_', at most 63"
            raise invocation.usage_error(f"'{name}' is not a name: {form}")
    return names
