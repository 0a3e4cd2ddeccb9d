"""The program `once`: from a command line to an exit code. The one place where its parts meet.

Called by `__main__`, by the verb of the command line, and by the single file that `make once` builds.
"""

from __future__ import annotations

import os
import sys

from reconciler.runs.once import place, tell
from reconciler.runs.once.calls import Caller, CallFailed, Refused, Wire
from reconciler.runs.once.child import CannotStart, find
from reconciler.runs.once.clock import Clock
from reconciler.runs.once.credentials import Credentials, NoCredentials
from reconciler.runs.once.flags import HelpAsked, Options, WrongUsage, parse, usage
from reconciler.runs.once.ledger import Ledger
from reconciler.runs.once.record import Writer
from reconciler.runs.once.start import NOT_STARTED, Start, World
from reconciler.runs.once.told import Signals, Told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WRONG_USAGE = 2
PROGRAM = "reconciler-once"


def main(arguments: Sequence[str], environment: Mapping[str, str], program: str = PROGRAM) -> int:
    """Run one command line and return the exit code."""
    try:
        options = parse(arguments, environment, program)
    except HelpAsked:
        sys.stdout.write(usage(program))
        return 0
    except WrongUsage as error:
        tell.write(f"once: {error}\n  hint: {program} -h")
        return WRONG_USAGE
    return run(options, environment)


def run(options: Options, environment: Mapping[str, str]) -> int:
    """Do what the options ask for and return the exit code."""
    voice = tell.Voice(options.key, quiet=options.quiet)
    try:
        return _run(options, environment, voice)
    except CannotStart as error:
        voice.say(tell.BAD, f"could not be started: {error}")
        return error.code
    except (CallFailed, NoCredentials, place.NoMetadata) as error:
        voice.say(tell.BAD, f"could not be started: {error}")
        return NOT_STARTED
    except Told as told:
        return 128 + told.number
    except Exception as error:  # noqa: BLE001 - a user sees a message, never a traceback
        said = f"internal error: {type(error).__name__}: {error}"
        voice.say(tell.BAD, f"{said}; this is a mistake of ours, please report it")
        return NOT_STARTED


def _run(options: Options, environment: Mapping[str, str], voice: tell.Voice) -> int:
    if options.argv:
        find(options.argv[0], environment.get("PATH", os.defpath))  # before anything is written
    signals = Signals()
    signals.install()
    clock, door = Clock(), _Door(options, environment)
    caller = door.open("dynamodb", door.region)

    def create_table() -> None:
        from reconciler.runs.once import table  # noqa: PLC0415 - once in the life of an account

        voice.say(tell.BEGUN, f"finds no table {options.table}: creating it")
        if problem := table.create(caller, options.table, clock):
            voice.say(tell.ATTENTION, problem)

    key = f"once#{options.namespace}#{options.key}"
    writer = Writer(
        options.table, key, os.urandom(16).hex(), place.holder(door.task), options.lease
    )
    ledger = Ledger(caller, writer, create_table)
    if options.show or options.resolve:
        return _settle(options, environment, ledger, voice)
    if options.rerun_if_dead and not place.is_task(door.task):
        raise Refused(
            "--rerun-if-dead works in ECS tasks only: elsewhere nobody can tell whether the holder is over"
        )
    world = World(ledger, clock, voice, signals, lambda region: door.open("ecs", region))
    return Start(world, options, environment).run()


def _settle(
    options: Options, environment: Mapping[str, str], ledger: Ledger, voice: tell.Voice
) -> int:
    """Say what the record says, or write a person's word into it."""
    from reconciler.runs.once import settle  # noqa: PLC0415 - a start does without

    if options.show:
        return settle.show(ledger, lambda text: print(options.key, text))  # noqa: T201 - the result
    said = settle.Settlement(
        options.resolve, options.reason, f"{settle.person(environment)} on {ledger.writer.who}"
    )
    return settle.settle(ledger, Clock(), voice, said)


class _Door:
    """Opens AWS services: one chain of credentials, one region unless another is asked for."""

    def __init__(self, options: Options, environment: Mapping[str, str]) -> None:
        self.task = place.task_arn(environment)
        self._environment = dict(environment)
        if options.endpoint_url:
            # A flag wins over the variables, those of single services too.
            for name in [n for n in self._environment if n.startswith("AWS_ENDPOINT_URL_")]:
                del self._environment[name]
            self._environment["AWS_ENDPOINT_URL"] = options.endpoint_url
        self._credentials = Credentials(self._environment, options.profile)
        self._open: dict[tuple[str, str], Caller] = {}
        given = environment.get
        self.region = (
            options.region
            or given("AWS_REGION")
            or given("AWS_DEFAULT_REGION")
            or self._credentials.region()
            or place.region_of(self.task)
        )
        if not self.region:
            raise Refused("no AWS region: give --region, or set AWS_REGION")

    def open(self, service: str, region: str) -> Caller:
        """Return the door to a service; the same one each time."""
        if (service, region) not in self._open:
            clock = Clock()
            wire = Wire(service, region, self._environment, self._credentials, clock)
            self._open[service, region] = Caller(wire.send, clock)
        return self._open[service, region]
