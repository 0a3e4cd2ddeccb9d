"""What is looked at: the workloads whose tasks would be started, and the questions about them.

A family of checks is a function from a `Reader` and a `Scope` to questions; `families` asks them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from reconciler.model.desired import DesiredApp, DesiredRedis, Document
from reconciler.model.finding import CheckState
from reconciler.model.lookups import Unresolved
from reconciler.model.names import Address
from reconciler.model.observed import ObservedService, ServicePresence
from reconciler.resources.grants.statement import Names
from reconciler.resources.preflight.reader import Reader

Thing = TypeVar("Thing", bound=Hashable)


class Verdict(NamedTuple):
    """What a question's answer means. `permission` would tell more, when the state is UNSEEN."""

    state: CheckState
    message: str
    permission: str = ""


def ok(message: str) -> Verdict:
    """Say that it is as it should be."""
    return Verdict(CheckState.OK, message)


def warning(message: str) -> Verdict:
    """Say that it works, but worse than it could, or may not work."""
    return Verdict(CheckState.WARNING, message)


def failed(message: str) -> Verdict:
    """Say that tasks cannot start, or the call would be refused."""
    return Verdict(CheckState.FAILED, message)


def unseen(message: str, permission: str = "") -> Verdict:
    """Say that these credentials cannot tell."""
    return Verdict(CheckState.UNSEEN, message, permission)


def elsewhere(account: str, region: str = "") -> Verdict:
    """Say that a thing is where we do not look: in another account, or another region."""
    place = f"{account}/{region}" if region else f"account {account}"
    return unseen(f"it is in {place}, which is not asked")


@dataclass(frozen=True)
class Question:
    """One thing to look at; `look` may raise AwsError, which is then the answer."""

    name: str
    addresses: tuple[Address, ...]
    look: Callable[[], Verdict]


@dataclass(frozen=True)
class Workload:
    """A service, migration or job. `fields` are those of CreateService or RunTask; `live` what runs now."""

    address: Address
    fields: Document
    task_definition: Document
    live: ObservedService | None = None

    @property
    def is_service(self) -> bool:
        """Whether ECS keeps it running."""
        return self.address.kind == "service"

    @property
    def is_new(self) -> bool:
        """Whether the service would be created."""
        return self.live is None or self.live.presence is not ServicePresence.ACTIVE

    @property
    def containers(self) -> Sequence[Mapping[str, Any]]:
        """The declared containers; a guard that `runs` adds is not among them."""
        found: Sequence[Mapping[str, Any]] = self.task_definition.get("containerDefinitions", ())
        return found

    @property
    def network(self) -> Mapping[str, Any]:
        """The awsvpcConfiguration, empty in other network modes."""
        configuration = self.fields.get("networkConfiguration") or {}
        found: Mapping[str, Any] = configuration.get("awsvpcConfiguration") or {}
        return found

    @property
    def wants_fargate(self) -> bool:
        """Whether its tasks run on Fargate, as far as the files say."""
        return (
            self.fields.get("launchType") == "FARGATE"
            or "FARGATE" in self.task_definition.get("requiresCompatibilities", ())
            or any(p.startswith("FARGATE") for p in self.providers)
        )

    @property
    def providers(self) -> list[str]:
        """The names of its capacity providers."""
        strategy = self.fields.get("capacityProviderStrategy") or ()
        return [str(item["capacityProvider"]) for item in strategy if "capacityProvider" in item]

    def new_tasks(self) -> int:
        """Return how many tasks run beside the old ones at most, while it is rolled out.

        ECS starts up to `maximumPercent` of the desired count, rounded down, and a whole second set in
        the other deployment strategies (deployment-type-ecs in the developer guide).
        """
        if not self.is_service:
            return number(self.fields.get("count"), 1)
        if self.fields.get("schedulingStrategy") == "DAEMON":
            return 0
        live = self.live.service if self.live is not None else {}
        count = number(self.fields.get("desiredCount"), number(live.get("desiredCount"), 1))
        if self.is_new or self.live is None:
            return count
        configuration = self.fields.get("deploymentConfiguration") or {}
        if configuration.get("strategy", "ROLLING") != "ROLLING":
            return count
        most = count * number(configuration.get("maximumPercent"), 200) // 100
        return max(0, most - self.live.running_count)


@dataclass(frozen=True)
class Scope:
    """The part of an app that is looked at; documents with `${…}` for AWS are resolved already."""

    app: DesiredApp
    workloads: tuple[Workload, ...]
    redis: tuple[DesiredRedis, ...] = ()

    @property
    def names(self) -> Names:
        """The app's ARNs."""
        return Names(self.app)

    @property
    def services(self) -> tuple[Workload, ...]:
        """The services among the workloads."""
        return tuple(w for w in self.workloads if w.is_service)

    @property
    def addresses(self) -> tuple[Address, ...]:
        """The addresses of all workloads."""
        return tuple(w.address for w in self.workloads)


Family = Callable[[Reader, Scope], Iterator[Question]]


def whole(
    app: DesiredApp,
    live: Mapping[str, ObservedService] | None = None,
    only: Callable[[Address], bool] = lambda _: True,
) -> Scope:
    """Return the scope of an app's workloads, or of those that `only` takes; `live` by section key.

    Workloads whose look-ups gave nothing are left out: the plan holds them for that already. What merely
    waits for a Redis group is looked at, its look-ups as they are written.
    """
    seen = live or {}
    services = [
        Workload(s.address, s.service, s.task_definition, seen.get(s.name))
        for s in app.services
        if _is_readable(s.unresolved)
    ]
    launched = [
        Workload(run.address, run.launch, run.task_definition)
        for run in app.launched
        if _is_readable(run.unresolved)
    ]
    return Scope(
        app,
        tuple(w for w in (*launched, *services) if only(w.address)),
        tuple(r for r in app.redis if _is_readable(r.unresolved) and only(r.address)),
    )


def execution_roles(
    scope: Scope, reads: Callable[[Workload], Iterable[Any]]
) -> Iterator[tuple[str, Address]]:
    """Yield, as an ARN, the execution role of each workload that has something for it to read."""
    for workload in scope.workloads:
        role = workload.task_definition.get("executionRoleArn")
        if role and any(reads(workload)):
            yield scope.names.role(str(role)), workload.address


def _is_readable(unresolved: Iterable[Unresolved]) -> bool:
    return all(one.blocked_by for one in unresolved)


def number(value: Any, otherwise: int) -> int:
    """Return a number of the documents, or another one where a look-up still stands in its place."""
    return value if isinstance(value, int) else otherwise


def gathered(named: Iterable[tuple[Thing, Address]]) -> dict[Thing, tuple[Address, ...]]:
    """Return for each thing who names it, so that what is shared is asked about once.

    What still has a `${…}` in it is known only when it is resolved, and is left out.
    """
    found: dict[Thing, list[Address]] = {}
    for thing, address in named:
        if "${" not in str(thing) and address not in found.setdefault(thing, []):
            found[thing].append(address)
    return {thing: tuple(found[thing]) for thing in sorted(found, key=str)}
