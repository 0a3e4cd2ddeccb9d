"""`bundle exec rake report:daily` of the sample, a job: says what the database knows, and changes nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping

from reconciler.local.sample.database import Database
from reconciler.local.sample.output import say


def report(environment: Mapping[str, str]) -> str:
    """Return the line of the report: for when it was due, which image made it, how far the schema is."""
    versions = Database.from_environment(environment).versions()
    due = environment.get("JOB_SCHEDULED_AT", "now")
    tag = environment.get("RECONCILER_IMAGE_TAG", "")
    return (
        f"report of {due}: shop {tag}, schema {versions[-1] if versions else 'empty'}, "
        f"migrations {len(versions)}"
    )


def main() -> None:
    """Report and end."""
    say(report(os.environ))


if __name__ == "__main__":
    main()
