"""What access keeps, in ``access.sqlite`` of the state folder."""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from limits.storage import Storage

from app.access.store import (
    BEAT_LOST_SECONDS,
    DAY,
    LEASE_SECONDS,
    MAX_READ_ROWS,
    MAX_RECENT,
    WRITTEN_SECONDS,
    Facts,
    LedgerBatch,
    Row,
    RowKey,
    Spent,
    Sums,
    TooManyRows,
)
from app.state.sqlite import Database

FILE_NAME = "access.sqlite"

MIGRATIONS = (
    """
    CREATE TABLE hours (
        hour INTEGER NOT NULL, token TEXT NOT NULL, key INTEGER NOT NULL, model TEXT NOT NULL,
        dialect TEXT NOT NULL, requests INTEGER NOT NULL, errors INTEGER NOT NULL,
        prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, points REAL NOT NULL,
        first_token_ms INTEGER NOT NULL, first_tokens INTEGER NOT NULL,
        PRIMARY KEY (hour, token, key, model, dialect)) WITHOUT ROWID;
    CREATE TABLE days (
        token TEXT NOT NULL, day INTEGER NOT NULL, points REAL NOT NULL, last_hour INTEGER NOT NULL,
        PRIMARY KEY (token, day)) WITHOUT ROWID;
    CREATE TABLE spent (
        hour INTEGER NOT NULL, account INTEGER NOT NULL, bot TEXT NOT NULL, points REAL NOT NULL,
        PRIMARY KEY (hour, account, bot)) WITHOUT ROWID;
    CREATE TABLE batches (id TEXT PRIMARY KEY, written REAL NOT NULL) WITHOUT ROWID;
    CREATE TABLE requests (seq INTEGER PRIMARY KEY AUTOINCREMENT, facts TEXT NOT NULL);
    CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE tokens (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE counters (
        name TEXT PRIMARY KEY, count INTEGER NOT NULL, expires REAL NOT NULL) WITHOUT ROWID;
    CREATE TABLE leases (
        token TEXT NOT NULL, lease TEXT NOT NULL, expires REAL NOT NULL,
        PRIMARY KEY (token, lease)) WITHOUT ROWID;
    CREATE TABLE workers (
        name TEXT PRIMARY KEY, in_progress INTEGER NOT NULL, seen REAL NOT NULL) WITHOUT ROWID
    """,
)

_ADD_HOUR = """
    INSERT INTO hours VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET
        requests = requests + excluded.requests, errors = errors + excluded.errors,
        prompt_tokens = prompt_tokens + excluded.prompt_tokens,
        completion_tokens = completion_tokens + excluded.completion_tokens,
        points = points + excluded.points,
        first_token_ms = first_token_ms + excluded.first_token_ms,
        first_tokens = first_tokens + excluded.first_tokens"""

_ADD_DAY = """
    INSERT INTO days VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET
        points = points + excluded.points, last_hour = max(last_hour, excluded.last_hour)"""

_ADD_COUNT = """
    INSERT INTO counters VALUES (:name, :amount, :expires)
    ON CONFLICT DO UPDATE SET
        count = CASE WHEN expires <= :now THEN :amount ELSE count + :amount END,
        expires = CASE WHEN expires <= :now THEN :expires ELSE expires END
    RETURNING count"""


class SqliteStore:
    """See AccessStore. Several workers of one machine share the file."""

    medium = "sqlite"

    def __init__(self, state_dir: Path) -> None:
        self._database = Database(state_dir / FILE_NAME, MIGRATIONS)
        # Apart, so that a request that is counted waits for no report that is read.
        self._fast = Database(state_dir / FILE_NAME, MIGRATIONS)

    def write(self, batch: LedgerBatch) -> None:
        self._database.write(lambda connection: _write(connection, batch))

    def rows(self, since: int, until: int) -> list[Row]:
        def read(connection: Connection) -> list[Row]:
            found = connection.execute(
                "SELECT * FROM hours WHERE hour >= ? AND hour < ? LIMIT ?",
                (since, until, MAX_READ_ROWS + 1),
            ).fetchall()
            if len(found) > MAX_READ_ROWS:
                raise TooManyRows
            return [(RowKey(*row[:5]), Sums(*row[5:])) for row in found]

        return self._database.read(read)

    def recent(self) -> list[Facts]:
        def read(connection: Connection) -> list[Facts]:
            found = connection.execute(
                "SELECT seq, facts FROM requests ORDER BY seq DESC LIMIT ?", (MAX_RECENT,)
            )
            return [{"seq": seq, **json.loads(facts)} for seq, facts in found]

        return self._database.read(read)

    def points(self, token: str, day: int, month: int) -> tuple[float, float]:
        def read(connection: Connection) -> tuple[float, float]:
            of_day, of_month = connection.execute(
                "SELECT total(points) FILTER (WHERE day >= ?), total(points) FROM days"
                " WHERE token = ? AND day >= ?",
                (day, token, month),
            ).fetchone()
            return of_day, of_month

        return self._fast.read(read)

    def last_used(self) -> dict[str, int]:
        statement = "SELECT token, max(last_hour) FROM days GROUP BY token"
        return self._database.read(lambda connection: dict(connection.execute(statement)))

    def replace_spent(self, since: int, spent: Sequence[Spent]) -> None:
        def write(connection: Connection) -> None:
            connection.execute("DELETE FROM spent WHERE hour >= ?", (since,))
            connection.executemany("INSERT INTO spent VALUES (?, ?, ?, ?)", spent)

        self._database.write(write)

    def spent(self, since: int, until: int) -> list[Spent]:
        statement = "SELECT * FROM spent WHERE hour >= ? AND hour < ?"
        return self._database.read(
            lambda connection: [
                Spent(*row) for row in connection.execute(statement, (since, until))
            ]
        )

    def fact(self, name: str) -> Any:
        return self._database.read(lambda connection: _fact(connection, name))

    def put_fact(self, name: str, value: Any) -> None:
        self._database.write(lambda connection: _put_fact(connection, name, value))

    def claim(self, name: str, now: float, seconds: float) -> bool:
        def write(connection: Connection) -> bool:
            held = _fact(connection, f"claim:{name}")
            if held is not None and now < held <= now + seconds:
                return False
            _put_fact(connection, f"claim:{name}", now + seconds)
            return True

        return self._database.write(write)

    def tokens(self) -> list[Mapping[str, Any]]:
        statement = "SELECT value FROM tokens ORDER BY name"
        return self._database.read(
            lambda connection: [json.loads(value) for (value,) in connection.execute(statement)]
        )

    def change_token(
        self, name: str, change: Callable[[Mapping[str, Any] | None], Mapping[str, Any] | None]
    ) -> Mapping[str, Any] | None:
        def write(connection: Connection) -> Mapping[str, Any] | None:
            row = connection.execute("SELECT value FROM tokens WHERE name = ?", (name,)).fetchone()
            changed = change(json.loads(row[0]) if row else None)
            if changed is None:
                connection.execute("DELETE FROM tokens WHERE name = ?", (name,))
            else:
                values = (name, json.dumps(changed))
                connection.execute("INSERT OR REPLACE INTO tokens VALUES (?, ?)", values)
            return changed

        return self._database.write(write)

    def acquire(self, token: str, lease: str, limit: int, now: float) -> bool:
        def write(connection: Connection) -> bool:
            connection.execute("DELETE FROM leases WHERE expires <= ?", (now,))
            count = "SELECT count(*) FROM leases WHERE token = ?"
            if connection.execute(count, (token,)).fetchone()[0] >= limit:
                return False
            values = (token, lease, now + LEASE_SECONDS)
            connection.execute("INSERT OR REPLACE INTO leases VALUES (?, ?, ?)", values)
            return True

        return self._fast.write(write)

    def release(self, token: str, lease: str) -> None:
        statement = "DELETE FROM leases WHERE token = ? AND lease = ?"
        self._fast.write(lambda connection: connection.execute(statement, (token, lease)))

    def renew(self, leases: Iterable[tuple[str, str]], now: float) -> None:
        values = [(token, lease, now + LEASE_SECONDS) for token, lease in leases]
        statement = "INSERT OR REPLACE INTO leases VALUES (?, ?, ?)"
        if values:
            self._fast.write(lambda connection: connection.executemany(statement, values))

    def in_use(self, token: str, now: float) -> int:
        statement = "SELECT count(*) FROM leases WHERE token = ? AND expires > ?"

        def read(connection: Connection) -> int:
            count: int = connection.execute(statement, (token, now)).fetchone()[0]
            return count

        return self._fast.read(read)

    def beat(self, worker: str, in_progress: int, now: float) -> None:
        def write(connection: Connection) -> None:
            connection.execute("DELETE FROM workers WHERE seen < ?", (now - BEAT_LOST_SECONDS,))
            values = (worker, in_progress, now)
            connection.execute("INSERT OR REPLACE INTO workers VALUES (?, ?, ?)", values)

        self._fast.write(write)

    def workers(self, now: float) -> list[int]:
        statement = "SELECT in_progress FROM workers WHERE seen >= ?"
        values = (now - BEAT_LOST_SECONDS,)
        return self._fast.read(
            lambda connection: [count for (count,) in connection.execute(statement, values)]
        )

    def counters(self) -> Storage:
        return _Counters(self._fast)

    def prune(self, before: int) -> None:
        def write(connection: Connection) -> None:
            connection.execute("DELETE FROM hours WHERE hour < ?", (before,))
            connection.execute("DELETE FROM spent WHERE hour < ?", (before,))
            connection.execute("DELETE FROM days WHERE day < ?", (before - DAY,))
            connection.execute("DELETE FROM counters WHERE expires <= ?", (time.time(),))

        self._database.write(write)

    def close(self) -> None:
        self._database.close()
        self._fast.close()


def _write(connection: Connection, batch: LedgerBatch) -> None:
    """Once, however often it is tried: who began a first try may have been stopped meanwhile."""
    now = time.time()
    connection.execute("DELETE FROM batches WHERE written < ?", (now - WRITTEN_SECONDS,))
    marked = connection.execute("INSERT OR IGNORE INTO batches VALUES (?, ?)", (batch.id, now))
    if not marked.rowcount:
        return
    connection.executemany(_ADD_HOUR, [(*key, *sums.values()) for key, sums in batch.sums.items()])
    last_hours: dict[tuple[str, int], int] = {}
    for key in batch.sums:
        day = (key.token, key.hour - key.hour % DAY)
        last_hours[day] = max(key.hour, last_hours.get(day, 0))
    connection.executemany(
        _ADD_DAY,
        [(*day, points, last_hours[day]) for day, points in batch.points_by_day().items()],
    )
    connection.executemany(
        "INSERT INTO requests (facts) VALUES (?)",
        [(json.dumps(facts),) for facts in batch.requests],
    )
    connection.execute(
        "DELETE FROM requests WHERE seq <= (SELECT max(seq) FROM requests) - ?", (MAX_RECENT,)
    )


def _fact(connection: Connection, name: str) -> Any:
    row = connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    return json.loads(row[0]) if row else None


def _put_fact(connection: Connection, name: str, value: Any) -> None:
    connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, json.dumps(value)))


class _Counters(Storage):
    """Fixed windows for the ``limits`` library."""

    STORAGE_SCHEME = None

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database

    @property
    def base_exceptions(self) -> type[Exception]:
        return OSError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        now = time.time()
        values = {"name": key, "amount": amount, "expires": now + expiry, "now": now}

        def write(connection: Connection) -> int:
            count: int = connection.execute(_ADD_COUNT, values).fetchone()[0]
            return count

        return self._database.write(write)

    def get(self, key: str) -> int:
        return int(self._row(key)[0])

    def get_expiry(self, key: str) -> float:
        return self._row(key)[1]

    def _row(self, key: str) -> tuple[int, float]:
        """The count and when it ends; nothing, that ends now, where there is none."""
        now = time.time()
        statement = "SELECT count, expires FROM counters WHERE name = ? AND expires > ?"
        row: tuple[int, float] | None = self._database.read(
            lambda connection: connection.execute(statement, (key, now)).fetchone()
        )
        return row or (0, now)

    def check(self) -> bool:
        try:
            self._row("check")
        except OSError:
            return False
        return True

    def reset(self) -> int | None:
        statement = "DELETE FROM counters"
        return self._database.write(lambda connection: connection.execute(statement).rowcount)

    def clear(self, key: str) -> None:
        statement = "DELETE FROM counters WHERE name = ?"
        self._database.write(lambda connection: connection.execute(statement, (key,)))
