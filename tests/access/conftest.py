"""What access keeps, in both of its places."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.access.redis_store import RedisStore
from app.access.sqlite_store import SqliteStore
from app.access.store import AccessStore
from tests.redis_server import running_redis


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_redis(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(params=["sqlite", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AccessStore]:
    if request.param == "sqlite":
        kept: AccessStore = SqliteStore(tmp_path)
    else:
        url = request.getfixturevalue("redis_url")
        kept = RedisStore(url, keep_days=400)
        kept._client.flushdb()
    yield kept
    kept.close()
