"""Bytes by key in Redis, which itself drops what is too old; its ``maxmemory`` is the bound."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

PREFIX = "poegate:"
TIMEOUT_SECONDS = 5


class Redis:
    """All methods raise OSError on failure."""

    def __init__(self, url: str, keep_seconds: int) -> None:
        import redis  # costs every worker memory, and few need it

        self._client = redis.Redis.from_url(
            url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS
        )
        self._fault = redis.RedisError
        self._keep_seconds = keep_seconds

    def read(self, key: str) -> bytes | None:
        with self._faults_translated():
            data: Any = self._client.get(PREFIX + key)
        return data if data is None else bytes(data)

    def write(self, key: str, data: bytes) -> None:
        with self._faults_translated():
            self._client.set(PREFIX + key, data, ex=self._keep_seconds)

    def delete(self, key: str) -> None:
        with self._faults_translated():
            self._client.delete(PREFIX + key)

    def check(self, key: str) -> None:
        self.write(key, b"{}")

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

    def change(self, key: str, change: Callable[[bytes | None], bytes | None]) -> None:
        """Optimistic, without a lock that a dying worker would leave behind: if the value changed
        in between, Redis refuses the write, and ``change`` is called again with the new value."""
        name = PREFIX + key

        def read_and_write(pipeline: Any) -> None:
            changed = change(pipeline.get(name))
            pipeline.multi()
            if changed is not None:
                pipeline.set(name, changed, ex=self._keep_seconds)

        with self._faults_translated():
            self._client.transaction(read_and_write, name)

    @contextmanager
    def _faults_translated(self) -> Iterator[None]:
        try:
            yield
        except self._fault as error:
            raise OSError(f"Redis: {error}") from error
