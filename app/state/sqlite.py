"""A SQLite file that several workers share, used in a native thread so that the hub never waits.

Whatever goes wrong with it raises OSError, as with the other places where state is kept.
"""

import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from gevent.threadpool import ThreadPool

BUSY_SECONDS = 3.0
"""How long another worker's transaction is waited for; ours take milliseconds."""

_Result = TypeVar("_Result")
Work = Callable[[sqlite3.Connection], _Result]


class Database:
    """One connection, opened at the first use and anew after an error."""

    def __init__(self, path: Path, migrations: Sequence[str]) -> None:
        """``migrations``: scripts, each of which makes the next version of the schema.

        The file's version is how many of them it has seen (SQLite's user_version).
        """
        self._path = path
        self._migrations = migrations
        self._connection: sqlite3.Connection | None = None
        self._thread: ThreadPool | None = None

    def read(self, work: Work[_Result]) -> _Result:
        """What ``work`` gives. Raises OSError."""
        return self._in_thread(lambda: self._attempt(work))

    def write(self, work: Work[_Result]) -> _Result:
        """The same in one transaction: all of it is written, or nothing. Raises OSError."""
        return self._in_thread(lambda: self._attempt(_transaction(work)))

    def close(self) -> None:
        if self._thread is not None:
            self._in_thread(self._drop)

    def _in_thread(self, work: Callable[[], _Result]) -> _Result:
        if self._thread is None:  # made by the process that uses it, not by one that forks
            self._thread = ThreadPool(1)
        result: _Result = self._thread.apply(work)
        return result

    def _attempt(self, work: Work[_Result]) -> _Result:
        try:
            return work(self._open())
        except (sqlite3.Error, OverflowError) as error:
            self._drop()
            raise OSError(f"SQLite: {error}") from error

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = _connect(self._path)
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                # A crash of the machine may take the last transactions; one of the process none.
                connection.execute("PRAGMA synchronous = NORMAL")
                _migrate(connection, self._migrations)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    os.makedirs(path.parent, mode=0o700, exist_ok=True)
    # SQLite would make it readable to all; its -wal and -shm files take over these permissions.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    return sqlite3.connect(
        path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )


def _migrate(connection: sqlite3.Connection, migrations: Sequence[str]) -> None:
    """Raises OSError for a file that a newer version wrote."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(migrations):
        raise OSError(f"a newer version of the gateway wrote it (schema {version})")
    if version == len(migrations):
        return

    def migrate(connection: sqlite3.Connection) -> None:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        for number, script in enumerate(migrations[version:], version + 1):
            for statement in filter(str.strip, script.split(";")):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")

    _transaction(migrate)(connection)


def _transaction(work: Work[_Result]) -> Work[_Result]:
    def run(connection: sqlite3.Connection) -> _Result:
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise
        return result

    return run
