"""SQLite and Redis keep the same things in the same way."""

import sqlite3
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import gevent
import pytest
from limits import RateLimitItemPerMinute
from limits.strategies import FixedWindowRateLimiter

from app.access.redis_store import RedisStore
from app.access.sqlite_store import FILE_NAME, MIGRATIONS, SqliteStore
from app.access.store import (
    DAY,
    HOUR,
    LEASE_SECONDS,
    MAX_RECENT,
    AccessStore,
    LedgerBatch,
    RowKey,
    Spent,
    Sums,
)

NOON = 1_764_158_400
"""2025-11-26T12:00:00Z"""
ALICE = RowKey(NOON, "alice", 1, "GPT-5", "chat")


def test_sums_add_up_over_batches(store: AccessStore) -> None:
    later = ALICE._replace(hour=NOON + HOUR)
    store.write(LedgerBatch("1", {ALICE: Sums(1, 0, 10, 5, 1.5, 300, 1), later: Sums(1, 1)}))
    store.write(LedgerBatch("2", {ALICE: Sums(2, 1, 1, 1, 0.25, 100, 1)}))
    assert dict(store.rows(NOON, NOON + HOUR)) == {ALICE: Sums(3, 1, 11, 6, 1.75, 400, 2)}
    assert dict(store.rows(NOON + HOUR, NOON + 2 * HOUR)) == {later: Sums(1, 1)}
    assert store.last_used() == {"alice": NOON + HOUR}


def test_odd_names_are_kept_apart(store: AccessStore) -> None:
    keys = [ALICE._replace(model=name) for name in ("a:b", 'a"b', "ä\u2028", "%", "")]
    store.write(LedgerBatch("1", {key: Sums(1) for key in keys}))
    assert Counter(key for key, _ in store.rows(NOON, NOON + HOUR)) == Counter(keys)


def test_points_by_day_and_month(store: AccessStore) -> None:
    yesterday = ALICE._replace(hour=NOON - DAY)
    other = ALICE._replace(token="bob")
    sums = {ALICE: Sums(1, points=2.0), yesterday: Sums(1, points=3.5), other: Sums(1, points=9.0)}
    store.write(LedgerBatch("1", sums))
    day = NOON - NOON % DAY
    assert store.points("alice", day, day - 25 * DAY) == (2.0, 5.5)
    assert store.points("nobody", day, day) == (0.0, 0.0)


def test_the_last_requests_are_numbered_and_bounded(store: AccessStore) -> None:
    for number in range(3):
        requests = [{"n": number * 500 + index} for index in range(500)]
        store.write(LedgerBatch(str(number), {ALICE: Sums(500)}, requests))
    recent = store.recent()
    assert len(recent) == MAX_RECENT
    assert [facts["n"] for facts in recent] == list(range(1499, 499, -1))
    assert [facts["seq"] for facts in recent] == list(range(1500, 500, -1))


def test_what_was_spent_is_replaced(store: AccessStore) -> None:
    old = [Spent(NOON - HOUR, 1, "GPT-5", 5.0), Spent(NOON, 1, "GPT-5", 1.0)]
    store.replace_spent(NOON - HOUR, old)
    store.replace_spent(NOON, [Spent(NOON, 1, "GPT-5", 2.5), Spent(NOON, 2, 'B"ot', 1.0)])
    assert sorted(store.spent(NOON - HOUR, NOON + HOUR)) == [
        Spent(NOON - HOUR, 1, "GPT-5", 5.0),
        Spent(NOON, 1, "GPT-5", 2.5),
        Spent(NOON, 2, 'B"ot', 1.0),
    ]


def test_facts_and_claims(store: AccessStore) -> None:
    assert store.fact("reconciled") is None
    store.put_fact("reconciled", {"to": 5})
    assert store.fact("reconciled") == {"to": 5}
    now = time.time()
    assert store.claim("job", now, 0.3)
    assert not store.claim("job", now, 0.3)
    assert store.claim("another", now, 0.3)
    time.sleep(0.35)
    assert store.claim("job", now + 0.35, 0.3)


def test_tokens_are_changed_one_at_a_time(store: AccessStore) -> None:
    store.change_token("b", lambda now: {"name": "b"})
    store.change_token("a", lambda now: {"name": "a", "n": 1})
    store.change_token("a", lambda now: {**(now or {}), "n": 2})
    assert store.tokens() == [{"name": "a", "n": 2}, {"name": "b"}]
    store.change_token("b", lambda now: None)
    assert store.tokens() == [{"name": "a", "n": 2}]


def test_a_change_that_fails_changes_nothing(store: AccessStore) -> None:
    store.change_token("a", lambda now: {"name": "a"})
    with pytest.raises(ZeroDivisionError):
        store.change_token("a", lambda now: {"name": str(1 // 0)})
    assert store.tokens() == [{"name": "a"}]


def test_parallel_leases(store: AccessStore) -> None:
    now = time.time()
    assert store.acquire("alice", "1", 2, now)
    assert store.acquire("alice", "2", 2, now)
    assert not store.acquire("alice", "3", 2, now)
    assert store.acquire("bob", "4", 2, now)
    assert store.in_use("alice", now) == 2
    store.release("alice", "1")
    assert store.acquire("alice", "3", 2, now)
    late = now + LEASE_SECONDS + 1
    store.renew([("alice", "3")], late)
    assert store.in_use("alice", late + 1) == 1, "the lease of a worker that died ends"
    assert store.acquire("alice", "5", 2, late + 1)
    assert not store.acquire("alice", "6", 2, late + 1)


def test_workers_show_themselves(store: AccessStore) -> None:
    now = time.time()
    store.beat("one", 3, now)
    store.beat("two", 4, now)
    store.beat("two", 5, now + 1)
    assert sorted(store.workers(now + 1)) == [3, 5]
    store.beat("two", 6, now + 10.5)
    assert store.workers(now + 10.6) == [6], "the other is gone"


def test_counters_are_windows_of_the_limits_library(store: AccessStore) -> None:
    limiter, item = FixedWindowRateLimiter(store.counters()), RateLimitItemPerMinute(3)
    assert [limiter.hit(item, "alice") for _ in range(4)] == [True, True, True, False]
    assert limiter.hit(item, "bob", cost=3)
    stats = limiter.get_window_stats(item, "alice")
    assert stats.remaining == 0
    assert 55 < stats.reset_time - time.time() <= 60
    assert limiter.get_window_stats(item, "nobody").remaining == 3


def test_a_window_ends(store: AccessStore) -> None:
    counters = store.counters()
    assert [counters.incr("key", 1), counters.incr("key", 1)] == [1, 2]
    time.sleep(1.1)
    assert counters.get("key") == 0
    assert counters.incr("key", 1) == 1


def test_sums_survive_many_writers_at_once(store: AccessStore, tmp_path: Path) -> None:
    def write(number: int) -> None:
        store.write(LedgerBatch(str(number), {ALICE: Sums(1)}, [{"n": number}]))

    gevent.joinall([gevent.spawn(write, number) for number in range(40)], raise_error=True)
    assert dict(store.rows(NOON, NOON + HOUR))[ALICE].requests == 40
    assert len({facts["seq"] for facts in store.recent()}) == 40


def test_old_rows_are_forgotten(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path)) as store:
        store.write(
            LedgerBatch("1", {ALICE: Sums(1), ALICE._replace(hour=NOON + 50 * HOUR): Sums(1)})
        )
        store.replace_spent(NOON, [Spent(NOON, 1, "GPT-5", 1.0)])
        store.prune(NOON + HOUR)
        assert [key.hour for key, _ in store.rows(0, NOON * 2)] == [NOON + 50 * HOUR]
        assert store.spent(0, NOON * 2) == []


def test_hours_in_redis_expire(redis_url: str) -> None:
    store = RedisStore(redis_url, keep_days=3)
    store._client.flushdb()
    store.write(LedgerBatch("1", {ALICE: Sums(1)}))
    assert 0 < store._client.ttl(f"poegate:access:hour:{NOON}") <= 3 * DAY


def test_a_batch_is_written_once_however_often_it_is_tried(store: AccessStore) -> None:
    for _ in range(2):
        store.write(LedgerBatch("same", {ALICE: Sums(1)}, [{"n": 1}]))
    assert dict(store.rows(NOON, NOON + HOUR))[ALICE].requests == 1
    assert len(store.recent()) == 1


def test_the_file_is_private_and_two_processes_share_it(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with closing(SqliteStore(folder)) as one, closing(SqliteStore(folder)) as other:
        one.write(LedgerBatch("1", {ALICE: Sums(1)}))
        other.write(LedgerBatch("2", {ALICE: Sums(1)}))
        assert dict(one.rows(NOON, NOON + HOUR))[ALICE].requests == 2
        for path in folder.iterdir():
            assert path.stat().st_mode & 0o077 == 0, path


def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    with pytest.raises(OSError, match="newer version"):
        SqliteStore(tmp_path).tokens()


def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    from app.state.sqlite import Database

    path = tmp_path / "file.sqlite"
    with pytest.raises(OSError):
        Database(path, ["CREATE TABLE a (b)", "CREATE TABLE a (b)"]).read(lambda c: None)
    with closing(Database(path, ["CREATE TABLE a (b)"])) as database:
        assert database.read(lambda c: c.execute("SELECT count(*) FROM a").fetchone()) == (0,)


def test_what_cannot_be_reached_is_an_oserror(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"this is no database, however long it may be" * 100)
    with pytest.raises(OSError):
        SqliteStore(tmp_path).tokens()
    with pytest.raises(OSError):
        RedisStore("redis://127.0.0.1:1/0", 400).tokens()
