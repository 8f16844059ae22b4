"""Who used how much: sums by hour, and the last requests, written to the store each second.

A request only adds to numbers in memory. One greenlet calls ``flush``; what it cannot write stays,
within bounds, until it can.
"""

import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from app.access.store import (
    DAY,
    HOUR,
    MAX_RECENT,
    AccessStore,
    Facts,
    LedgerBatch,
    RowKey,
    Sums,
)

log = logging.getLogger("poegate.access.ledger")

MAX_PENDING_ROWS = 20_000
"""Rows of sums that wait for a store which cannot be written; what is beyond them is lost."""

MAX_TOKENS_AN_HOUR = 1_000
"""Names of clients that one worker counts within an hour: without tokens anybody may invent one."""

OTHER = "other"
POINTS_SECONDS = 1.0
"""For how long what a token has spent is taken for true without asking the store again."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One finished request, or one finished job (``requests`` 0: its request was counted before).

    ``started_at``: seconds since the epoch. ``facts``: for the list of the last requests.
    """

    started_at: float
    token: str
    key: int
    model: str
    dialect: str
    sums: Sums
    facts: Facts | None = None


class Ledger:
    """One for the worker."""

    def __init__(self, store: AccessStore, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._batch = _new_batch()
        self._failed: LedgerBatch | None = None
        self._names: tuple[int, set[str]] = (0, set())
        self._points: dict[str, tuple[float, float, float]] = {}
        self.lost = 0
        self.is_usable = True

    @property
    def medium(self) -> str:
        return self._store.medium

    @property
    def pending(self) -> int:
        """Rows that are not written yet."""
        return len(self._batch.sums) + (len(self._failed.sums) if self._failed else 0)

    def add(self, entry: Entry) -> None:
        """Never waits and never fails."""
        hour = int(entry.started_at) // HOUR * HOUR
        token = self._known_name(hour, entry.token)
        key = RowKey(hour, token, entry.key, entry.model, entry.dialect)
        sums = self._batch.sums.get(key)
        if sums is None:
            if self.pending >= MAX_PENDING_ROWS:
                self.lost += entry.sums.requests
                return
            sums = self._batch.sums[key] = Sums()
        sums.add(entry.sums)
        if entry.facts is not None:
            self._batch.requests.append(entry.facts)
            if len(self._batch.requests) > 2 * MAX_RECENT:
                del self._batch.requests[:MAX_RECENT]

    def _known_name(self, hour: int, token: str) -> str:
        if self._names[0] != hour:
            self._names = (hour, set())
        names = self._names[1]
        if token not in names:
            if len(names) >= MAX_TOKENS_AN_HOUR:
                return OTHER
            names.add(token)
        return token

    def flush(self) -> None:
        """Writes what has come. Raises nothing; the log says what cannot be written, and lost."""
        try:
            self._write()
        except OSError as error:
            if self.is_usable:
                log.error("the ledger cannot be written; it goes on in memory: %s", error)
            self.is_usable = False
            return
        if not self.is_usable:
            log.warning("the ledger is written again; requests that were lost: %d", self.lost)
        self.is_usable = True

    def _write(self) -> None:
        """Raises OSError."""
        if self._failed is not None:
            self._store.write(self._failed)  # as it was: it may have been written after all
            self._failed = None
        if not self._batch.sums:
            return
        batch, self._batch = self._batch, _new_batch()
        batch.requests = batch.requests[-MAX_RECENT:]
        self._failed = batch
        self._store.write(batch)
        self._failed = None
        self._points.clear()

    def points_of(self, token: str) -> tuple[float, float]:
        """What a token has spent today and this month (UTC). Of this worker what is in memory."""
        now = self._clock()
        day, month = day_of(now), month_of(now)
        known = self._points.get(token)
        if known is None or now - known[0] > POINTS_SECONDS:
            known = self._points[token] = (now, *self._kept_points(token, day, month, known))
        of_day, of_month = known[1:]
        for batch in filter(None, (self._batch, self._failed)):
            for (name, of), points in batch.points_by_day().items():
                if name == token:
                    of_month += points
                    of_day += points if of >= day else 0
        return of_day, of_month

    def _kept_points(
        self, token: str, day: int, month: int, known: tuple[float, float, float] | None
    ) -> tuple[float, float]:
        """Where the store cannot be read: what was known last."""
        try:
            return self._store.points(token, day, month)
        except OSError:
            return (known[1], known[2]) if known else (0.0, 0.0)

    def prune(self, keep_days: int) -> None:
        """Once a day at most, by one of all workers. Raises nothing."""
        now = self._clock()
        try:
            if self._store.claim("prune", now, DAY):
                self._store.prune(int(now) - keep_days * DAY)
        except OSError as error:
            log.warning("old rows of the ledger cannot be removed: %s", error)


class NoLedger:
    """LEDGER=off: nothing is counted."""

    medium = "off"
    lost = pending = 0
    is_usable = True

    def add(self, entry: Entry) -> None:
        pass

    def flush(self) -> None:
        pass

    def points_of(self, token: str) -> tuple[float, float]:
        return 0.0, 0.0

    def prune(self, keep_days: int) -> None:
        pass


def _new_batch() -> LedgerBatch:
    return LedgerBatch(uuid.uuid4().hex)


def day_of(now: float) -> int:
    """The beginning of that day in UTC, in seconds since the epoch."""
    return int(now) // DAY * DAY


def month_of(now: float) -> int:
    first = datetime.fromtimestamp(now, UTC).replace(day=1)
    return day_of(first.timestamp())


def week_of(now: float) -> int:
    """The beginning of that ISO week: Monday."""
    return day_of(now) - datetime.fromtimestamp(now, UTC).weekday() * DAY


def next_month_of(now: float) -> int:
    return month_of(month_of(now) + 32 * DAY)
