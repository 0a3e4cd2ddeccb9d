"""`bundle exec rails db:migrate` of the sample: one migration per image tag, recorded in the database.

Environment: MIGRATION_REVISION names the revision instead of the image's tag, MIGRATION_SLEEP is how
many seconds it works, MIGRATION_FAIL the code it exits with. A tag with `badmigration` fails too.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from reconciler.local.sample import starts
from reconciler.local.sample.database import ConcurrentMigration, Database
from reconciler.local.sample.output import say

_FAILED = 1


def migrate(environment: Mapping[str, str]) -> int:
    """Migrate and return the exit code; the start is counted before anything else."""
    tag = environment.get("RECONCILER_IMAGE_TAG", "")
    revision = environment.get("MIGRATION_REVISION") or tag or "0"
    directory = Path(environment.get("RECONCILER_DATA_DIR", "."))
    entry = {
        "revision": revision,
        "tag": tag,
        "task": environment.get("RECONCILER_TASK_ARN", ""),
        "pid": os.getpid(),
    }
    starts.note(directory, {"event": "start", "at": _now(), **entry})
    code = _run(Database.from_environment(environment), revision, environment)
    starts.note(directory, {"event": "end", "at": _now(), "code": code, **entry})
    return code


def _run(database: Database, revision: str, environment: Mapping[str, str]) -> int:
    def work() -> None:
        say(f"== {revision} Migrate: migrating ==")
        time.sleep(float(environment.get("MIGRATION_SLEEP") or 0))
        code = _failure(environment)
        if code:
            raise MigrationFailed(code)

    try:
        applied = database.apply(revision, work)
    except ConcurrentMigration:
        say(
            "ActiveRecord::ConcurrentMigrationError: Cannot run migrations because another "
            "migration process is currently running."
        )
        return _FAILED
    except MigrationFailed as error:
        say("rails aborted!")
        say(f"StandardError: An error has occurred, all later migrations canceled: {error}")
        return error.code
    say(f"== {revision} Migrate: {'migrated' if applied else 'nothing to do'} ==")
    return 0


class MigrationFailed(Exception):
    """The migration was told to fail with `code`."""

    def __init__(self, code: int) -> None:
        super().__init__(f"told to exit with {code}")
        self.code = code


def _failure(environment: Mapping[str, str]) -> int:
    told = environment.get("MIGRATION_FAIL", "")
    if told.isdigit():
        return int(told)
    return _FAILED if "badmigration" in environment.get("RECONCILER_IMAGE_TAG", "") else 0


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


if __name__ == "__main__":
    sys.exit(migrate(os.environ))
