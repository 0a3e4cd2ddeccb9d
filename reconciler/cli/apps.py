"""Which apps a verb is about, and the same action on each of them: one fails, the others go on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from reconciler.cli import failure
from reconciler.cli.options import Invocation

if TYPE_CHECKING:  # completion loads verbs: what they only name is not imported
    from reconciler.cli.output import Output
    from reconciler.model.desired import DesiredApp
    from reconciler.model.names import Address, AppKey

API_VERSION = "reconciler/v1alpha1"
ResultT = TypeVar("ResultT")


class Outcome(NamedTuple, Generic[ResultT]):
    """What an action gave for one app: a result, or an error that was already said."""

    key: AppKey
    result: ResultT | None
    error: dict[str, Any] | None = None
    code: int = 0


def chosen(invocation: Invocation) -> list[DesiredApp]:
    """Return the apps that the files and -a name; raises UsageError or InvalidDesiredState."""
    from reconciler.app import desired  # noqa: PLC0415 - brings pydantic

    settings = invocation.settings
    return list(desired.select(settings, desired.load(settings)))


def the_one(invocation: Invocation) -> DesiredApp:
    """Return the only app; a usage error when -a is needed to tell which."""
    apps = chosen(invocation)
    if len(apps) > 1:
        keys = ", ".join(a.key for a in apps)
        raise invocation.usage_error(f"say which app with -a: {keys}")
    return apps[0]


def for_each(
    invocation: Invocation,
    apps: Sequence[DesiredApp],
    action: Callable[[DesiredApp], ResultT],
    asked: failure.Asked | None = None,
) -> list[Outcome[ResultT]]:
    """Do the action for each app; an error of one is said on stderr and kept in its outcome."""
    from reconciler.model.errors import ReconcilerError  # noqa: PLC0415 - as above

    asked = asked or asked_for(invocation)
    outcomes: list[Outcome[ResultT]] = []
    for desired in apps:
        try:
            outcomes.append(Outcome(desired.key, action(desired)))
        except (ReconcilerError, TimeoutError) as error:
            code = failure.report(error, asked)
            outcomes.append(Outcome(desired.key, None, failure.describe(error), code))
    return outcomes


def asked_for(invocation: Invocation) -> failure.Asked:
    """Tell the error printer how this invocation wants its errors."""
    return failure.Asked(
        as_json=invocation.output.is_json,
        verbose=bool(invocation.values["verbose"]),
        color=str(invocation.values["color"]),
    )


def document(kind: str, outcomes: Sequence[Outcome[Any]], make: Callable[[Any], Any]) -> Any:
    """Make the one JSON document of a verb over several apps; failed apps have `error` instead."""
    apps = [
        {"key": o.key, "error": o.error} if o.error else {"key": o.key, **make(o.result)}
        for o in outcomes
    ]
    return {"apiVersion": API_VERSION, "kind": kind, "apps": apps}


def done_document(key: AppKey, message: str) -> dict[str, str]:
    """Make the one JSON document of a verb that did one thing to one app."""
    return {"apiVersion": API_VERSION, "kind": "Done", "key": key, "message": message}


def say_one(output: Output, key: AppKey, message: str) -> None:
    """Print what was done to the one app of a verb: a line, or the JSON document."""
    if output.is_json:
        output.document(done_document(key, message))
    else:
        output.result(message)


def say_done(output: Output, outcomes: Sequence[Outcome[str]]) -> None:
    """Print what was done to each app: a line each, or one JSON document."""
    if output.is_json:
        output.document(document("Done", outcomes, lambda message: {"message": message}))
        return
    for outcome in outcomes:
        if not outcome.error:
            output.result(f"{outcome.key}: {outcome.result}")


def highest(outcomes: Sequence[Outcome[Any]], of: Callable[[Any], int] = lambda _: 0) -> int:
    """Return the highest exit code of all apps."""
    return max((o.code if o.error else of(o.result) for o in outcomes), default=0)


def wants(addresses: Sequence[str], address: Address) -> bool:
    """Say whether an address was asked for: by itself, by its kind, or by asking for nothing."""
    return not addresses or str(address) in addresses or address.kind in addresses


def restricted(preview: Any, addresses: Sequence[str]) -> Any:
    """Return the preview with only the steps that were asked for."""
    from dataclasses import replace  # noqa: PLC0415 - as above

    if not addresses:
        return preview
    steps = tuple(s for s in preview.plan.steps if wants(addresses, s.address))
    return replace(preview, plan=replace(preview.plan, steps=steps))


def check_addresses(
    invocation: Invocation, addresses: Sequence[str], known: Sequence[Address]
) -> None:
    """Raise a usage error for an address that nothing has, saying what there is."""
    from reconciler.model.names import there_are  # noqa: PLC0415 - as above

    for text in addresses:
        if not any(wants((text,), address) for address in known):
            there = there_are(sorted({str(a) for a in known}))
            raise invocation.usage_error(f"no resource '{text}'; {there}")
