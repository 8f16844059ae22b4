"""What is counted, what is written, and what is lost when nothing can be written."""

import pytest

from app.access.ledger import (
    MAX_PENDING_ROWS,
    MAX_TOKENS_AN_HOUR,
    OTHER,
    Entry,
    Ledger,
    day_of,
    month_of,
    next_month_of,
    week_of,
)
from app.access.store import DAY, HOUR, AccessStore, LedgerBatch, Sums

NOON = 1_764_158_400
"""2025-11-26T12:00:00Z, a Wednesday."""


def entry(token: str = "alice", points: float = 1.0, at: float = NOON + 5.0, n: int = 1) -> Entry:
    return Entry(at, token, 1, "GPT-5", "chat", Sums(1, points=points), {"n": n})


class Broken:
    """A store that can be made to fail."""

    medium = "broken"

    def __init__(self, store: AccessStore) -> None:
        self.store = store
        self.fails = False

    def write(self, batch: LedgerBatch) -> None:
        if self.fails:
            raise OSError("disk full")
        self.store.write(batch)

    def points(self, token: str, day: int, month: int) -> tuple[float, float]:
        if self.fails:
            raise OSError("disk full")
        return self.store.points(token, day, month)


def test_a_request_is_counted_by_the_hour_in_which_it_began(store: AccessStore) -> None:
    ledger = Ledger(store)
    ledger.add(entry())
    ledger.add(entry(at=NOON - 1.0))
    ledger.flush()
    assert [key.hour for key, _ in store.rows(NOON - HOUR, NOON + HOUR)] == [NOON - HOUR, NOON]
    assert [facts["n"] for facts in store.recent()] == [1, 1]


def test_what_cannot_be_written_is_written_later(
    store: AccessStore, caplog: pytest.LogCaptureFixture
) -> None:
    broken = Broken(store)
    ledger = Ledger(broken, clock=lambda: NOON + 60.0)  # type: ignore[arg-type]
    broken.fails = True
    for _ in range(3):
        ledger.add(entry())
        ledger.flush()
    assert not ledger.is_usable
    assert ledger.points_of("alice") == (3.0, 3.0)
    broken.fails = False
    ledger.flush()
    assert ledger.is_usable
    assert ledger.pending == 0
    assert sum(sums.requests for _, sums in store.rows(NOON, NOON + HOUR)) == 3
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


def test_what_waits_is_bounded_and_the_rest_is_counted_as_lost(store: AccessStore) -> None:
    ledger = Ledger(store)
    for number in range(MAX_PENDING_ROWS + 7):
        ledger.add(Entry(NOON, "alice", 1, f"bot-{number}", "chat", Sums(1)))
    assert ledger.pending == MAX_PENDING_ROWS
    assert ledger.lost == 7


def test_invented_clients_share_one_row(store: AccessStore) -> None:
    ledger = Ledger(store)
    for number in range(MAX_TOKENS_AN_HOUR + 50):
        ledger.add(entry(token=f"client-{number}"))
    ledger.flush()
    rows = {key.token: sums for key, sums in store.rows(NOON, NOON + HOUR)}
    assert len(rows) == MAX_TOKENS_AN_HOUR + 1
    assert rows[OTHER].requests == 50


def test_points_are_known_at_once_and_over_workers(store: AccessStore) -> None:
    now = [NOON + 60.0]
    here, there = (Ledger(store, clock=lambda: now[0]) for _ in range(2))
    here.add(entry(points=2.0))
    here.add(entry(points=4.0, at=NOON - DAY))
    here.add(entry(points=8.0, token="bob"))
    assert here.points_of("alice") == (2.0, 6.0)
    assert there.points_of("alice") == (0.0, 0.0)
    here.flush()
    assert here.points_of("alice") == (2.0, 6.0)
    now[0] += 1.5
    assert there.points_of("alice") == (2.0, 6.0)


def test_periods() -> None:
    assert day_of(NOON + 5.5) == NOON - 12 * HOUR
    assert month_of(NOON) == day_of(NOON) - 25 * DAY
    assert week_of(NOON) == day_of(NOON) - 2 * DAY
    assert next_month_of(NOON) == day_of(NOON) + 5 * DAY
    assert next_month_of(next_month_of(NOON)) == day_of(NOON) + 36 * DAY
