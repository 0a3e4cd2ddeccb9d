"""Where concrete classes meet: AWS, tables, ledger, observer and member of each account and region.

Made by the other modules of this package, one World for each process or command.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path

from reconciler.aws.boto import BotoTransport, on_this_machine
from reconciler.aws.clock import SystemClock
from reconciler.aws.door import Aws
from reconciler.aws.http import UrllibHttp
from reconciler.aws.identity import Identity, caller_identity
from reconciler.aws.registry import Registry, docker_credentials
from reconciler.controller.reconcile import run_keys
from reconciler.model.clock import Clock
from reconciler.model.desired import DesiredApp
from reconciler.model.errors import GuardRefused, PermanentError
from reconciler.model.names import AppKey
from reconciler.model.observed import LedgerView
from reconciler.resources.observe import Observer
from reconciler.settings import Settings
from reconciler.store.ledger import AppStore
from reconciler.store.members import Member
from reconciler.store.session import Session
from reconciler.store.tables import Tables

FIRST_ANSWER = timedelta(seconds=5)
"""How long the first call is tried: a wrong endpoint is to be told soon, and a pass is tried again."""


@dataclass(frozen=True)
class Place:
    """One account and region with one set of tables, opened."""

    aws: Aws
    tables: Tables
    identity: Identity


@dataclass
class World:
    """Everything that is opened for one process; `acting` makes the tables when they are missing."""

    settings: Settings
    acting: bool = False
    clock: Clock = field(default_factory=SystemClock)
    _places: dict[str, Place] = field(default_factory=dict)
    _observers: dict[AppKey, Observer] = field(default_factory=dict)

    @cached_property
    def registry(self) -> Registry | None:
        """Open the door to image registries; none where AWS itself is only played, on this machine."""
        endpoint = self.settings.endpoint_url or os.environ.get("AWS_ENDPOINT_URL", "")
        if on_this_machine(endpoint):
            return None
        return Registry(UrllibHttp(), self.clock, docker_credentials(_docker_configuration()))

    def door(self, region: str) -> Aws:
        """Open the door to AWS in a region, with nothing checked."""
        transport = BotoTransport(
            region, profile=self.settings.profile, endpoint_url=self.settings.endpoint_url
        )
        return Aws(transport, self.clock)

    def place(self, desired: DesiredApp) -> Place:
        """Open AWS for an app. Raises GuardRefused in another account, BadCredentials, Unreachable."""
        name = place_name(desired)
        if name not in self._places:
            aws = self.door(desired.region)
            identity = caller_identity(aws.within(FIRST_ANSWER))
            if identity.account != desired.account:
                raise GuardRefused(
                    f"{desired.key} belongs to account {desired.account}, these credentials are for "
                    f"{identity.account} ({identity.arn}): nothing is done"
                )
            tables = Tables(desired.table_prefix)
            if self.acting:
                tables.ensure(aws, self.clock)
            self._places[name] = Place(aws, tables, identity)
        return self._places[name]

    def store(self, desired: DesiredApp) -> AppStore:
        """Return the app's ledger and journal."""
        place = self.place(desired)
        return AppStore(place.aws, place.tables, self.clock, desired.key)

    def observer(self, desired: DesiredApp) -> Observer:
        """Return the app's observer: it remembers task definition revisions between passes."""
        return self._observers.setdefault(desired.key, Observer(os.environ, self.registry))

    def member(self, place: str, wants: Iterable[AppKey] = ()) -> Member:
        """Make a new incarnation of this process for an opened place; it has not joined yet."""
        opened = self._places[place]
        member = Member(opened.aws, opened.tables, self.clock, socket.gethostname())
        member.wants = set(wants)
        return member

    def ledger(self, desired: DesiredApp) -> LedgerView:
        """Read the app's ledger."""
        return self.store(desired).read(run_keys(desired))

    def operator(self, desired: DesiredApp) -> tuple[Session, LedgerView, str]:
        """Open the ledger for a person: session, snapshot and who the person is."""
        ledger = self.ledger(desired)
        if not ledger.tables_exist:
            raise PermanentError(
                f"{desired.key} has no ledger yet: nothing has been applied in "
                f"{desired.account}/{desired.region} with prefix {desired.table_prefix}"
            )
        actor = self.place(desired).identity.arn
        return self.store(desired).operator(ledger, actor), ledger, actor


def place_name(desired: DesiredApp) -> str:
    """Name the account, region and tables of an app."""
    return f"{desired.account}/{desired.region}/{desired.table_prefix}"


def _docker_configuration() -> str:
    """Read what `docker login` wrote, as Docker finds it; nothing when there is none."""
    try:
        folder = os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker"
        return Path(folder, "config.json").read_text("utf-8")
    except (OSError, ValueError, RuntimeError):  # RuntimeError: nobody knows where home is
        return ""
