"""Being a member: the heartbeat that keeps our leases, and what it tells of the other members.

`app` asks `Memberships` for the member of an app's place (account, region, tables); `loop` tells it who
holds an app. Each place has its own heartbeat thread: a region that hangs must not cost the leases of
another. The protocol itself (records, deadlines, declaring dead) is `store.members`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from reconciler.controller.backoff import Standing
from reconciler.controller.progress import Progress
from reconciler.model.clock import Clock
from reconciler.model.errors import LeaseLost, ReconcilerError, TemporaryError
from reconciler.model.names import AppKey

log = logging.getLogger(__name__)

Place = str
"""Where an app's tables are, as `app` spells it: account, region and table prefix in one text."""

BEAT = timedelta(seconds=5)
BEAT_RETRY = timedelta(seconds=1)
JOIN_RETRY = timedelta(milliseconds=200)

SILENCE = timedelta(seconds=45)
"""Longer than a lease and its observers' margin (1.25 times 30 s): then the hanging pass is fenced off."""

LOST_IN_A_ROW = 3
"""So many lost leases without a done pass between make us join anew though the heartbeat is well."""


class View(Protocol):
    """The members as last seen (`store.members.MembersView`)."""

    @property
    def dead(self) -> frozenset[str]:
        """Members declared dead: whoever finds an app owned by one may take it."""

    @property
    def alive(self) -> frozenset[str]:
        """Members whose heartbeat moves."""

    @property
    def wants(self) -> Mapping[AppKey, str]:
        """App → the member that asks for a hand-over of it."""


class Member(Protocol):
    """One incarnation of this process in one place (`store.members.Member`)."""

    @property
    def id(self) -> str:
        """Return `<host>#<incarnation>`."""

    def join(self) -> None:
        """Write the member's record; raises AwsError."""

    def beat(self) -> None:
        """Renew; raises LeaseLost when declared dead, AwsError when not known."""

    def watch(self) -> View:
        """Look at the others; raises AwsError."""

    def leave(self) -> None:
        """Say that this incarnation owns nothing any more."""


@dataclass(frozen=True)
class Surroundings:
    """What a membership needs of its controller. `requeue` is `WorkQueue.add`, `ready` its depth."""

    clock: Clock
    progress: Progress
    requeue: Callable[[AppKey], None]
    ready: Callable[[], int]
    beat: timedelta = BEAT


class Membership:
    """Our membership in one place. `member` and the reports come from workers, `tick` from one thread."""

    def __init__(
        self, place: Place, factory: Callable[[Place], Member], around: Surroundings
    ) -> None:
        self._place = place
        self._factory = factory
        self._around = around
        self._lock = threading.Lock()
        self._member: Member | None = None
        self._joining = False
        self._keys: set[AppKey] = set()
        self._waiting: dict[AppKey, str] = {}
        self._lost = 0
        self._standing = Standing()
        self._wake = threading.Event()
        self._silent_since: float | None = None
        self._ended = False

    def member(self, key: AppKey) -> Member:
        """Return the joined member under which `key` is worked on, joining when there is none.

        Raises AwsError when joining fails, TemporaryError while another thread joins.
        """
        with self._lock:
            self._keys.add(key)
            if self._member is not None:
                return self._member
        return self._join()

    def held_elsewhere(self, key: AppKey, holder: str) -> None:
        """Note that `holder` owns `key`: asks for a pass as soon as the holder is gone."""
        with self._lock:
            self._waiting[key] = holder

    def done(self, key: AppKey) -> None:
        """Note that a pass of `key` went through under our lease."""
        with self._lock:
            self._waiting.pop(key, None)
            self._lost = 0

    def lost(self, key: AppKey) -> None:
        """Note that a pass of `key` lost its lease, and have the heartbeat look at once."""
        with self._lock:
            self._waiting.pop(key, None)
            self._lost += 1
        self._wake.set()

    def tick(self) -> timedelta:
        """Beat once and look at the others; return when to do so again. Never raises ReconcilerError."""
        member = self._member
        if member is None:
            return self._rejoin() if self._keys else self._around.beat
        stuck = self._around.progress.stuck(self._keys, self._around.ready())
        if stuck:
            return self._be_silent(member, stuck)
        self._silent_since = None
        try:
            member.beat()
            view = member.watch()
        except LeaseLost as error:
            return self._give_up(member, str(error))
        except ReconcilerError as error:
            self._say(f"no heartbeat in {self._place}: {error}")
            return BEAT_RETRY
        if self._lost >= LOST_IN_A_ROW:
            return self._give_up(member, f"{self._lost} leases lost in a row")
        if self._standing.cleared(self._place):
            log.info("the heartbeat in %s works again", self._place)
        for key in self._concerned(member.id, view):
            self._around.requeue(key)
        return self._around.beat

    def run(self) -> None:
        """Beat until `end`: the body of the heartbeat thread."""
        wait = self._around.beat
        while not self._ended:
            self._wake.wait(wait.total_seconds())
            self._wake.clear()
            if not self._ended:
                wait = self.tick()

    def end(self) -> None:
        """Stop the heartbeat and leave. Raises AwsError when leaving could not be written."""
        self._ended = True
        self._wake.set()
        with self._lock:
            member, self._member = self._member, None
        if member is not None:
            member.leave()

    def _join(self) -> Member:
        with self._lock:
            if self._ended:
                raise TemporaryError("the controller is stopping")
            if self._joining:
                raise TemporaryError(f"joining the members in {self._place}", delay=JOIN_RETRY)
            self._joining = True
        try:
            member = self._factory(self._place)
            member.join()
            # Whom to wait for and who asks for a hand-over must be known before the first pass.
            member.watch()
            with self._lock:
                self._member, self._lost = member, 0
        finally:
            self._joining = False
        self._wake.set()  # the first heartbeat carries what we ask others for: not a beat later
        log.info("joined the members in %s as %s", self._place, member.id)
        return member

    def _rejoin(self) -> timedelta:
        if self._joining:
            return JOIN_RETRY
        try:
            self._join()
        except ReconcilerError as error:
            self._say(f"cannot join the members in {self._place}: {error}")
            return BEAT_RETRY
        for key in sorted(self._keys):
            self._around.requeue(key)
        return self._around.beat

    def _give_up(self, member: Member, reason: str) -> timedelta:
        """Stop acting as this incarnation: what it owned is anybody's, us included, under a new one."""
        log.warning("%s lost its leases in %s (%s): joining anew", member.id, self._place, reason)
        with self._lock:
            self._member = None
            self._waiting.clear()
        self._around.progress.abandon(self._keys)
        try:
            member.leave()
        except ReconcilerError as error:
            log.debug("%s could not leave: %s", member.id, error)
        return self._rejoin()

    def _be_silent(self, member: Member, stuck: str) -> timedelta:
        """Let others take over what we no longer work on; later join anew for what we still can."""
        now = self._around.clock.boot_seconds()
        if self._silent_since is None:
            self._silent_since = now
        if now - self._silent_since > SILENCE.total_seconds():
            self._silent_since = None
            return self._give_up(member, stuck)
        self._say(f"{stuck}: the heartbeat in {self._place} stops until it goes on")
        return self._around.beat

    def _concerned(self, us: str, view: View) -> list[AppKey]:
        """Return the apps to look at: their holder is gone, or somebody asks us for a hand-over."""
        with self._lock:
            gone = {
                key
                for key, holder in self._waiting.items()
                if holder in view.dead or holder not in view.alive
            }
            for key in gone:
                del self._waiting[key]
            asked = {
                key
                for key, wanter in view.wants.items()
                if wanter != us and key in self._keys and key not in self._waiting
            }
            return sorted(gone | asked)

    def _say(self, message: str) -> None:
        if self._standing.raised(self._place, message, self._around.clock.boot_seconds()):
            log.warning("%s", message)


class Memberships:
    """All our memberships, one for each place that some app's tables are in."""

    def __init__(self, factory: Callable[[Place], Member], around: Surroundings) -> None:
        self._factory = factory
        self._around = around
        self._lock = threading.Lock()
        self._places: dict[Place, Membership] = {}
        self._of: dict[AppKey, Membership] = {}

    def member(self, key: AppKey, place: Place) -> Member:
        """Return the joined member for an app whose tables are at `place`; raises as Membership does."""
        with self._lock:
            membership = self._places.get(place)
            if membership is None:
                membership = Membership(place, self._factory, self._around)
                self._places[place] = membership
                name = f"heartbeat {place}"
                threading.Thread(target=membership.run, name=name, daemon=True).start()
            self._of[key] = membership
        return membership.member(key)

    def of(self, key: AppKey) -> Membership | None:
        """Return the membership under which `key` was last worked on, None when it never was."""
        with self._lock:
            return self._of.get(key)

    def end(self) -> Iterable[ReconcilerError]:
        """Stop all heartbeats and leave everywhere; return what went wrong doing so."""
        with self._lock:
            memberships = list(self._places.values())
        errors = []
        for membership in memberships:
            try:
                membership.end()
            except ReconcilerError as error:
                errors.append(error)
        return errors
