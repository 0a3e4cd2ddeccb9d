"""The guarantees S1-S8, checked at the moment at which each could break, and the journal at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reconciler.model.desired import DesiredApp
from reconciler.model.run import RunState
from reconciler.store.records import decode_run
from tests.fakes.ecs_tasks import Commands, Execution

if TYPE_CHECKING:
    from tests.simulation.world import World

ENDED = ("SUCCEEDED", "FAILED", "NOT_STARTED")
_INTENTS = ("CreateService", "UpdateService", "RegisterTaskDefinition")


class ViolationError(AssertionError):
    """A guarantee does not hold."""


class CheckedCommands(Commands):
    """The user's commands: at each start S1, S2, S5 and S6 are checked."""

    def __init__(self, properties: Properties) -> None:
        super().__init__()
        self.properties = properties

    def start(self, execution: Execution) -> None:
        """Check what must hold whenever a command starts."""
        self.properties.starts(execution, self.executions)
        super().start(execution)


class Properties:
    """What the world has seen, in order, and what must never be seen."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.commands = CheckedCommands(self)
        self.violations: list[str] = []
        self.adopted: set[str] = set()
        """Revisions that an operator resolved as succeeded."""
        self._entries: list[dict[str, Any]] = []
        self._landed: set[str] = set()
        self._succeeded: set[str] = set()
        self._covered: Counter[str] = Counter()
        self._tokens: dict[tuple[str, int, int], str] = {}
        self._epoch = 0

    # -- at the moment ------------------------------------------------------------------------

    def starts(self, new: Execution, before: list[Execution]) -> None:
        """S1, S2, S5, S6 for a command that is about to start."""
        revision = new.environment["REVISION"]
        same = [e for e in before if e.environment["REVISION"] == revision]
        if any(e.exit_code == 0 for e in same):
            self.violated(f"S1: revision {revision} starts again after an execution exited 0")
        if any(e.ended is None for e in before):
            self.violated(f"S2: revision {revision} starts while another migration runs")
        if any(_launch_id(e.token) == _launch_id(new.token) for e in before):
            self.violated(f"S6: one launch of revision {revision} executes twice")
        item = self.run_item(revision)
        if item is None:
            self.violated(f"S8: revision {revision} starts without a record")
        elif _launch_id(item["tok"]) != _launch_id(new.token):
            self.violated(f"S5: a launch of revision {revision} starts after it was given up")
        elif item["st"] in ENDED:
            self.violated(f"S5: revision {revision} starts after {item['st']} was recorded")

    def service_changes(self, name: str, definition: Mapping[str, Any]) -> None:
        """S3 for a service that is about to run this task definition."""
        digest = definition["containerDefinitions"][0]["image"].rsplit(":", 1)[-1]
        revision = str(int(digest, 16))
        done = any(
            e.environment["REVISION"] == revision and e.exit_code == 0
            for e in self.commands.executions
        )
        if not done and revision not in self.adopted:
            self.violated(f"S3: service {name} moves ahead of revision {revision}")

    def called(self, operation: str, params: Mapping[str, Any]) -> None:
        """S8: every mutating ECS call that reaches AWS has its entry in the journal already."""
        covered = {
            "RunTask": f"token {_launch_id(str(params.get('clientToken')))}",
            "StopTask": "stop",
        }.get(operation, operation)
        if not self._covered[covered]:
            self.violated(f"S8: {operation} reached AWS without an earlier journal entry")

    def journaled(self, entry: dict[str, Any]) -> None:
        """S4 and S7 for an entry that has just landed."""
        landed = f"{entry['n']} {entry['nonce']}"
        if landed in self._landed:
            return  # the same transaction once more, recognised by its token
        self._landed.add(landed)
        self._entries.append(entry)
        self._cover(entry)
        if entry["epoch"] < self._epoch:
            self.violated(f"S7: entry {entry['n']} of epoch {entry['epoch']} after {self._epoch}")
        self._epoch = entry["epoch"]
        if entry["kind"] == "RUN":
            self._verdict(entry)

    def _cover(self, entry: Mapping[str, Any]) -> None:
        detail, action = entry["detail"], entry["action"]
        if entry["kind"] == "INTENT":
            self._covered[action] += 1
        if action == "launching":
            self._covered[f"token {_launch_id(detail['token'])}"] += 1
            self._tokens[_launch(detail)] = detail["token"]
        if action in ("stopping", "not started"):
            self._covered["stop"] += 1

    def _verdict(self, entry: Mapping[str, Any]) -> None:
        detail = entry["detail"]
        token = self._tokens.get(_launch(detail))
        mine = [
            e
            for e in self.commands.executions
            if token and _launch_id(e.token) == _launch_id(token)
        ]
        action = entry["action"]
        if detail["revision"] in self._succeeded:
            self.violated(f"S4: {_launch(detail)} is {action} after it succeeded")
        if action == "succeeded":
            self._succeeded.add(detail["revision"])
        if action == "succeeded" and not any(e.exit_code == 0 for e in mine):
            self.violated(f"S4: {_launch(detail)} recorded as succeeded without an exit 0")
        if action == "failed" and any(e.exit_code in (0, None) for e in mine):
            self.violated(f"S4: {_launch(detail)} recorded as failed, but it is {mine}")
        if action == "not started" and mine:
            self.violated(f"S4: {_launch(detail)} recorded as not started, but it executed")

    # -- at the end ---------------------------------------------------------------------------

    def check(self, _: float) -> None:
        """Raise at the first event after which something does not hold."""
        if self.violations:
            raise ViolationError("; ".join(self.violations))

    def verify_journal(self) -> None:
        """S8 at the end: the chain is whole, and every intent is closed or known to be open."""
        problems = self.world.store().verify()
        head = self.world.store().read(())
        opened = {e["op"] for e in self._entries if e["kind"] == "INTENT"}
        closed = {e["op"] for e in self._entries if e["kind"] == "OUTCOME"}
        lost = opened - closed - set(head.open_intents)
        if lost:
            problems.append(f"intents {sorted(lost)} are neither closed nor open")
        for problem in problems:
            self.violated(f"S8: {problem}")
        self.check(0.0)

    def violated(self, what: str) -> None:
        """Note a violation; the world stops at the end of this event."""
        self.violations.append(f"{what} (t={self.world.timeline.seconds:.1f})")

    # -- reading ------------------------------------------------------------------------------

    def run_item(self, revision: str) -> Mapping[str, Any] | None:
        """Return the stored run of a revision, behind everybody's back."""
        item = self._stored(f"MIG#db#{revision}")
        return {k: next(iter(v.values())) for k, v in item.items()} if item else None

    def state(self, revision: str) -> str:
        """Return the stored state of a revision, empty when there is none."""
        item = self._stored(f"MIG#db#{revision}")
        return str(item["st"]["S"]) if item else ""

    def _stored(self, sort: str) -> Mapping[str, Any] | None:
        partition = self.world.dynamodb.tables[self.world.tables.state].partitions
        return partition.get(f"A#{self.world.key}", {}).get(sort)

    def active(self) -> str:
        """HEAD's slot."""
        item = self._stored("HEAD") or {}
        return str(item["act"]["S"]) if "act" in item else ""

    def settled(self, desired: DesiredApp) -> bool:
        """Whether the desired revision has its outcome and the service follows a success."""
        revision = desired.migrations[0].revision
        state, active = self.state(revision), self.active()
        if active:
            return self.state(active.rsplit("#", 1)[-1]) == RunState.UNKNOWN
        if state == RunState.FAILED:
            item = self.run_item(revision) or {}
            asked = max(desired.migrations[0].attempt, int(item.get("ratt", 0)))
            return int(item.get("att", 0)) >= asked
        if state != RunState.SUCCEEDED:
            return False
        wanted = desired.services[0].task_definition["containerDefinitions"][0]["image"]
        return (
            self.world.ecs.services.image_of(desired.cluster, desired.services[0].service_name)
            == wanted
        )

    def runs(self) -> list[Any]:
        """All stored runs."""
        items = self.world.dynamodb.items(self.world.tables.state)
        return [decode_run(item) for item in items if str(item["sk"]).startswith("MIG#")]


def _launch_id(token: str) -> str:
    """Return the part of a clientToken that `startedBy` carries as well: which launch it is."""
    return token[:32]


def _launch(detail: Mapping[str, Any]) -> tuple[str, int, int]:
    return (str(detail["revision"]), int(detail["attempt"]), int(detail["launch"]))
