"""The shop's database: SQLite, or PostgreSQL where DATABASE_URL says so and psycopg is installed.

Keeps `schema_migrations` as Rails does. Used by `migrate` (writes) and `web` (reads).
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ADVISORY_LOCK = 2_026_112_209


class ConcurrentMigration(Exception):
    """Another migration process holds the lock."""


@dataclass(frozen=True)
class Database:
    """Where it is: a file for SQLite, a URL for PostgreSQL."""

    url: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Database:
        """Read DATABASE_URL; without it the file shop.sqlite3 in RECONCILER_DATA_DIR."""
        directory = environment.get("RECONCILER_DATA_DIR", ".")
        return cls(environment.get("DATABASE_URL") or f"sqlite:///{directory}/shop.sqlite3")

    @property
    def is_postgresql(self) -> bool:
        """Whether it is a PostgreSQL server."""
        return self.url.startswith(("postgres://", "postgresql://"))

    @property
    def path(self) -> Path:
        """The SQLite file. Raises ValueError for any other kind of URL."""
        prefix = "sqlite:///"
        if not self.url.startswith(prefix):
            raise ValueError("DATABASE_URL must begin with sqlite:/// or postgresql://")
        return Path(self.url.removeprefix(prefix))

    def versions(self) -> Sequence[str]:
        """Return the migrations that were applied, oldest first; none when there is no table yet."""
        if not self.is_postgresql and not self.path.exists():
            return []
        query = "SELECT version FROM schema_migrations ORDER BY applied_at, version"
        missing = self._missing_table()
        with contextlib.closing(self._connect()) as connection:
            try:
                return [str(row[0]) for row in connection.execute(query).fetchall()]
            except missing:
                return []

    def apply(self, version: str, work: Callable[[], None]) -> bool:
        """Run `work` and record `version` in one transaction; False when it was recorded before.

        Raises ConcurrentMigration, as Rails does, when another process is migrating.
        """
        with self._exclusive() as connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS schema_migrations "
                "(version TEXT PRIMARY KEY, applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP)"
            )
            mark = "%s" if self.is_postgresql else "?"
            query = f"SELECT 1 FROM schema_migrations WHERE version = {mark}"  # noqa: S608 - a mark
            if connection.execute(query, (version,)).fetchone():
                return False
            work()
            insert = f"INSERT INTO schema_migrations (version) VALUES ({mark})"  # noqa: S608 - a mark
            connection.execute(insert, (version,))
            return True

    def _connect(self) -> Any:
        if self.is_postgresql:
            return importlib.import_module("psycopg").connect(self.url)
        return sqlite3.connect(self.path, timeout=5)

    def _missing_table(self) -> type[Exception]:
        if self.is_postgresql:
            errors: Any = importlib.import_module("psycopg").errors
            table: type[Exception] = errors.UndefinedTable
            return table
        return sqlite3.OperationalError

    @contextlib.contextmanager
    def _exclusive(self) -> Iterator[Any]:
        lock = self._advisory_lock if self.is_postgresql else self._file_lock
        with lock() as connection:
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    @contextlib.contextmanager
    def _advisory_lock(self) -> Iterator[Any]:
        with contextlib.closing(self._connect()) as connection:
            query = "SELECT pg_try_advisory_lock(%s)"
            if not connection.execute(query, (_ADVISORY_LOCK,)).fetchone()[0]:
                raise ConcurrentMigration
            yield connection

    @contextlib.contextmanager
    def _file_lock(self) -> Iterator[Any]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(f"{self.path}.migrating", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise ConcurrentMigration from error
            with contextlib.closing(self._connect()) as connection:
                connection.isolation_level = None
                connection.execute("BEGIN IMMEDIATE")
                yield connection
        finally:
            os.close(descriptor)
