"""What access keeps, in Redis, for several machines.

Keys begin with ``poegate:access:``. Hours expire by themselves; tokens and facts never do.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from limits.storage import RedisStorage, Storage

from app.access.store import (
    BEAT_LOST_SECONDS,
    DAY,
    HOUR,
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

PREFIX = "poegate:access:"
TIMEOUT_SECONDS = 2.0
MONTH_DAYS = 62

_FIELDS = tuple(Sums.__dataclass_fields__)

_ACQUIRE = """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[5])
return 1"""


class RedisStore:
    """See AccessStore."""

    medium = "redis"

    def __init__(self, url: str, keep_days: int) -> None:
        import redis  # costs every worker memory, and few need it

        self._url = url
        self._keep_seconds = keep_days * DAY
        self._client: Any = redis.Redis.from_url(
            url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            decode_responses=True,
        )
        self._error = redis.RedisError
        self._acquire = self._client.register_script(_ACQUIRE)

    def write(self, batch: LedgerBatch) -> None:
        with self._errors_translated():
            if self._client.exists(f"{PREFIX}batch:{batch.id}"):
                return  # written, although the answer to the first try was lost
            first = self._client.incrby(f"{PREFIX}seq", len(batch.requests))
            first -= len(batch.requests)
            pipeline = self._client.pipeline(transaction=True)
            pipeline.set(f"{PREFIX}batch:{batch.id}", 1, ex=WRITTEN_SECONDS)
            self._add_sums(pipeline, batch)
            requests = [
                json.dumps({"seq": seq, **facts})
                for seq, facts in enumerate(batch.requests, first + 1)
            ]
            if requests:
                pipeline.lpush(f"{PREFIX}requests", *requests)
                pipeline.ltrim(f"{PREFIX}requests", 0, MAX_RECENT - 1)
            pipeline.execute()

    def _add_sums(self, pipeline: Any, batch: LedgerBatch) -> None:
        for key, sums in batch.sums.items():
            name = f"{PREFIX}hour:{key.hour}"
            for field, value in zip(_FIELDS, sums.values(), strict=True):
                if value:
                    pipeline.hincrbyfloat(name, json.dumps([*key[1:], field]), value)
            pipeline.expire(name, self._keep_seconds)
            pipeline.zadd(f"{PREFIX}last-used", {key.token: key.hour}, gt=True)
        for (token, day), points in batch.points_by_day().items():
            name = f"{PREFIX}days:{token}"
            pipeline.hincrbyfloat(name, str(day), points)
            pipeline.expire(name, MONTH_DAYS * DAY)

    def rows(self, since: int, until: int) -> list[Row]:
        rows: dict[RowKey, Sums] = {}
        for hour, found in self._hashes("hour", since, until):
            for name, value in found.items():
                token, key, model, dialect, field = json.loads(name)
                sums = rows.setdefault(RowKey(hour, token, key, model, dialect), Sums())
                setattr(sums, field, float(value) if field == "points" else round(float(value)))
            if len(rows) > MAX_READ_ROWS:
                raise TooManyRows
        return list(rows.items())

    def _hashes(self, name: str, since: int, until: int) -> Iterator[tuple[int, dict[str, str]]]:
        """The hashes of a period's hours, a day's at a time."""
        hours = range(since, until, HOUR)
        for start in range(0, len(hours), 24):
            part = hours[start : start + 24]
            with self._errors_translated():
                pipeline = self._client.pipeline(transaction=False)
                for hour in part:
                    pipeline.hgetall(f"{PREFIX}{name}:{hour}")
                found = pipeline.execute()
            yield from zip(part, found, strict=True)

    def recent(self) -> list[Facts]:
        with self._errors_translated():
            return list(map(json.loads, self._client.lrange(f"{PREFIX}requests", 0, -1)))

    def points(self, token: str, day: int, month: int) -> tuple[float, float]:
        with self._errors_translated():
            days = self._client.hgetall(f"{PREFIX}days:{token}")
        points = {int(name): float(value) for name, value in days.items()}
        of_day = sum(value for name, value in points.items() if name >= day)
        return of_day, sum(value for name, value in points.items() if name >= month)

    def last_used(self) -> dict[str, int]:
        with self._errors_translated():
            found = self._client.zrange(f"{PREFIX}last-used", 0, -1, withscores=True)
        return {token: int(hour) for token, hour in found}

    def replace_spent(self, since: int, spent: Sequence[Spent]) -> None:
        by_hour: dict[int, dict[str, float]] = {}
        for hour, account, bot, points in spent:
            by_hour.setdefault(hour, {})[json.dumps([account, bot])] = points
        with self._errors_translated():
            pipeline = self._client.pipeline(transaction=True)
            for hour in range(since, max(by_hour, default=since) + HOUR, HOUR):
                pipeline.delete(f"{PREFIX}spent:{hour}")
            for hour, points_by_bot in by_hour.items():
                pipeline.hset(f"{PREFIX}spent:{hour}", mapping=points_by_bot)
                pipeline.expire(f"{PREFIX}spent:{hour}", self._keep_seconds)
            pipeline.execute()

    def spent(self, since: int, until: int) -> list[Spent]:
        spent = []
        for hour, found in self._hashes("spent", since, until):
            for name, points in found.items():
                account, bot = json.loads(name)
                spent.append(Spent(hour, account, bot, float(points)))
        return spent

    def fact(self, name: str) -> Any:
        with self._errors_translated():
            value = self._client.hget(f"{PREFIX}facts", name)
        return None if value is None else json.loads(value)

    def put_fact(self, name: str, value: Any) -> None:
        with self._errors_translated():
            self._client.hset(f"{PREFIX}facts", name, json.dumps(value))

    def claim(self, name: str, now: float, seconds: float) -> bool:
        with self._errors_translated():
            return bool(
                self._client.set(f"{PREFIX}claim:{name}", 1, nx=True, px=int(seconds * 1000))
            )

    def tokens(self) -> list[Mapping[str, Any]]:
        with self._errors_translated():
            found = self._client.hgetall(f"{PREFIX}tokens")
        return [json.loads(found[name]) for name in sorted(found)]

    def change_token(
        self, name: str, change: Callable[[Mapping[str, Any] | None], Mapping[str, Any] | None]
    ) -> Mapping[str, Any] | None:
        """``change`` may be called again, where another change came in between."""
        changed: Mapping[str, Any] | None = None

        def read_and_write(pipeline: Any) -> None:
            nonlocal changed
            value = pipeline.hget(f"{PREFIX}tokens", name)
            changed = change(None if value is None else json.loads(value))
            pipeline.multi()
            if changed is None:
                pipeline.hdel(f"{PREFIX}tokens", name)
            else:
                pipeline.hset(f"{PREFIX}tokens", name, json.dumps(changed))

        with self._errors_translated():
            self._client.transaction(read_and_write, f"{PREFIX}tokens")
        return changed

    def acquire(self, token: str, lease: str, limit: int, now: float) -> bool:
        values: list[float | str] = [now, limit, now + LEASE_SECONDS, lease, int(2 * LEASE_SECONDS)]
        with self._errors_translated():
            return bool(self._acquire(keys=[f"{PREFIX}leases:{token}"], args=values))

    def release(self, token: str, lease: str) -> None:
        with self._errors_translated():
            self._client.zrem(f"{PREFIX}leases:{token}", lease)

    def renew(self, leases: Iterable[tuple[str, str]], now: float) -> None:
        with self._errors_translated():
            pipeline = self._client.pipeline(transaction=False)
            for token, lease in leases:
                pipeline.zadd(f"{PREFIX}leases:{token}", {lease: now + LEASE_SECONDS})
                pipeline.expire(f"{PREFIX}leases:{token}", int(2 * LEASE_SECONDS))
            pipeline.execute()

    def in_use(self, token: str, now: float) -> int:
        with self._errors_translated():
            return int(self._client.zcount(f"{PREFIX}leases:{token}", f"({now}", "+inf"))

    def beat(self, worker: str, in_progress: int, now: float) -> None:
        with self._errors_translated():
            pipeline = self._client.pipeline(transaction=False)
            pipeline.hset(f"{PREFIX}workers", worker, json.dumps([in_progress, now]))
            for name, value in self._client.hgetall(f"{PREFIX}workers").items():
                if json.loads(value)[1] < now - BEAT_LOST_SECONDS:
                    pipeline.hdel(f"{PREFIX}workers", name)
            pipeline.execute()

    def workers(self, now: float) -> list[int]:
        with self._errors_translated():
            found = map(json.loads, self._client.hvals(f"{PREFIX}workers"))
        return [count for count, seen in found if seen >= now - BEAT_LOST_SECONDS]

    def counters(self) -> Storage:
        return RedisStorage(
            self._url.replace("unix://", "redis+unix://"),
            key_prefix=f"{PREFIX}limits",
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
        )

    def prune(self, before: int) -> None:
        """Redis lets them expire; only what it keeps for ever is left."""
        with self._errors_translated():
            self._client.zremrangebyscore(f"{PREFIX}last-used", "-inf", before)

    def close(self) -> None:
        self._client.close()

    @contextmanager
    def _errors_translated(self) -> Iterator[None]:
        try:
            yield
        except self._error as error:
            raise OSError(f"Redis: {error}") from error
