"""Bytes by key in Redis, which drops what is too old by itself; how much it holds is its own
``maxmemory``.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from cachelib import RedisCache

from app.state.serializer import RawBytes

PREFIX = "poegate:"
TIMEOUT_SECONDS = 5


class Redis:
    """What goes wrong with Redis raises OSError."""

    def __init__(self, url: str, keep_seconds: int) -> None:
        import redis  # costs every worker memory, and few need it

        self._client = redis.Redis.from_url(
            url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS
        )
        self._fault = redis.RedisError
        self._keep_seconds = keep_seconds
        self._cache = RedisCache(self._client, key_prefix=PREFIX, default_timeout=keep_seconds)
        self._cache.serializer = RawBytes()  # type: ignore[assignment]

    def read(self, key: str) -> bytes | None:
        with self._faults_told():
            data: bytes | None = self._cache.get(key)
        return data

    def write(self, key: str, data: bytes) -> None:
        with self._faults_told():
            self._cache.set(key, data)

    def delete(self, key: str) -> None:
        with self._faults_told():
            self._cache.delete(key)

    def change(self, key: str, change: Callable[[bytes | None], bytes | None]) -> None:
        """Without a lock, which a worker that dies would leave behind: where somebody else was
        faster, Redis refuses the write, and all is done again with what is there then.
        """
        name = PREFIX + key

        def read_and_write(pipeline: Any) -> None:
            changed = change(pipeline.get(name))
            pipeline.multi()
            if changed is not None:
                pipeline.set(name, changed, ex=self._keep_seconds)

        with self._faults_told():
            self._client.transaction(read_and_write, name)

    @contextmanager
    def _faults_told(self) -> Iterator[None]:
        try:
            yield
        except self._fault as error:
            raise OSError(f"Redis: {error}") from error
