"""Bytes by key in Redis, which itself drops what is too old.

Scripts hold each group to its quota; Redis' ``maxmemory`` bounds all of them together.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from app.state.medium import Place

PREFIX = "poegate:"
TIMEOUT_SECONDS = 2.0
LOST_SECONDS = 5.0
"""After it hung, Redis is left alone for so long: each request would else wait for it again."""


_SCRIPT = """
local ages, sizes, now, total = KEYS[1], KEYS[2], ARGV[1], 0
local function uncount(name)
  redis.call('ZREM', ages, name)
  local size = redis.call('HGET', sizes, name)
  if size then
    redis.call('HDEL', sizes, name)
    total = redis.call('HINCRBY', sizes, '', -size)
  end
end
local function drop(names)
  for _, name in ipairs(names) do
    redis.call('DEL', name)
    uncount(name)
  end
end
"""
"""The head of all scripts. A group has a sorted set of its keys by their ages (microseconds since
the epoch), and a hash of their sizes, with their sum under the empty name."""

_WRITE = (
    _SCRIPT
    + """
local name, data, keep, quota = KEYS[3], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local age = KEYS[4] and redis.call('ZSCORE', ages, KEYS[4]) or now
redis.call('SET', name, data, 'EX', keep)
redis.call('ZADD', ages, age, name)
local before = redis.call('HGET', sizes, name) or 0
redis.call('HSET', sizes, name, #data)
total = redis.call('HINCRBY', sizes, '', #data - before)
drop(redis.call('ZRANGEBYSCORE', ages, '-inf', now - keep * 1000000, 'LIMIT', 0, 1000))
while total > quota do
  local oldest = redis.call('ZRANGE', ages, 0, 0, 'WITHSCORES')
  if #oldest == 0 then break end
  drop(redis.call('ZRANGEBYSCORE', ages, oldest[2], oldest[2]))
end
redis.call('EXPIRE', ages, keep)
redis.call('EXPIRE', sizes, keep)
"""
)

_DELETE = _SCRIPT + "drop({KEYS[3]})"

_UNCOUNT = _SCRIPT + "uncount(KEYS[3])"

_RENEW = (
    _SCRIPT
    + """
for number = 3, #KEYS do
  if redis.call('EXPIRE', KEYS[number], ARGV[2]) == 1 then
    redis.call('ZADD', ages, 'XX', now, KEYS[number])
  end
end
"""
)


class Redis:
    """All methods raise OSError on failure."""

    def __init__(self, url: str, keep_seconds: int, quota: int) -> None:
        """``quota``: bytes that a group may take."""
        import redis  # costs every worker memory, and few need it

        self._client = redis.Redis.from_url(
            url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS
        )
        self._fault = redis.RedisError
        self._timeout = redis.TimeoutError
        self._lost_until = 0.0
        self._keep_seconds = keep_seconds
        self._quota = quota

    def read(self, place: Place) -> bytes | None:
        with self._faults_translated():
            data: Any = self._client.get(PREFIX + place.key)
        return data if data is None else bytes(data)

    def write(self, place: Place, data: bytes, as_old_as: Place | None = None) -> None:
        with self._faults_translated():
            self._write(self._client, place, data, as_old_as)

    def renew(self, places: Sequence[Place]) -> None:
        by_groups: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
        for place in places:
            by_groups[place.groups].append(place.key)
        with self._faults_translated():
            for groups, keys in by_groups.items():
                for group in groups:
                    self._run(self._client, _RENEW, group, keys, self._keep_seconds)

    def delete(self, place: Place) -> None:
        with self._faults_translated():
            for group in place.groups:
                self._run(self._client, _DELETE, group, [place.key])

    def check(self, place: Place) -> None:
        self.write(place, b"{}")

    def risks(self) -> list[str]:
        """By INFO, which services that run Redis for others allow where they allow no CONFIG."""
        with self._faults_translated():
            facts: dict[str, Any] = self._client.info("memory")
            facts |= self._client.info("persistence")
        risks = []
        policy = str(facts.get("maxmemory_policy", ""))
        if policy.startswith("allkeys-"):
            risks.append(
                f"Redis has the maxmemory-policy {policy}: when it is full it throws away what "
                "this gateway keeps. noeviction and volatile-ttl do not."
            )
        if not facts.get("aof_enabled") and self._snapshots() == "":
            risks.append("Redis forgets everything at its own restart; appendonly yes prevents it.")
        return risks

    def _snapshots(self) -> str | None:
        """The setting ``save``: when Redis writes its snapshots; empty for never, None unknown."""
        try:
            answer: dict[str | None, str | None] = self._client.config_get("save")
        except self._fault:
            return None
        return answer.get("save")

    def used_bytes(self) -> None:
        """Redis' memory is not this gateway's alone."""

    def change(
        self,
        place: Place,
        change: Callable[[bytes | None], bytes | None],
        as_old_as: Place | None = None,
    ) -> None:
        """Optimistic, without a lock that a dying worker would leave behind: if the value changed
        in between, Redis refuses the write, and ``change`` is called again with the new value."""
        name = PREFIX + place.key

        def read_and_write(pipeline: Any) -> None:
            changed = change(pipeline.get(name))
            pipeline.multi()
            if changed is not None:
                self._write(pipeline, place, changed, as_old_as)

        with self._faults_translated():
            self._client.transaction(read_and_write, name)

    def _write(
        self, client: Any, place: Place, data: bytes, as_old_as: Place | None = None
    ) -> None:
        """Where it counted to another group before, it no longer does."""
        group, *others = place.groups
        for other in others:
            self._run(client, _UNCOUNT, other, [place.key])
        keys = [place.key, *([as_old_as.key] if as_old_as else ())]
        self._run(client, _WRITE, group, keys, data, self._keep_seconds, self._quota)

    def _run(self, client: Any, script: str, group: str, keys: list[str], *arguments: Any) -> None:
        """For the values of one group. ``client`` may be a pipeline."""
        owner = f"{PREFIX}owner:{group}"
        names = [f"{owner}:ages", f"{owner}:sizes", *(PREFIX + key for key in keys)]
        now = time.time_ns() // 1000
        client.eval(script, len(names), *names, now, *arguments)

    @contextmanager
    def _faults_translated(self) -> Iterator[None]:
        if time.monotonic() < self._lost_until:
            raise OSError("Redis: it did not answer in time a moment ago")
        try:
            yield
        except self._fault as error:
            if isinstance(error, self._timeout):
                self._lost_until = time.monotonic() + LOST_SECONDS
            raise OSError(f"Redis: {error}") from error
