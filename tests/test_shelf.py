"""Records of one client on a shelf of their own."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from app.config import Settings
from app.errors import NotFound
from app.shelf import Shelf, expiry
from app.store import Store
from tests.redis_server import running_redis


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_redis(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(params=["files", "redis"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    if request.param == "files":
        return Settings(state_dir=str(tmp_path))
    return Settings(state_url=request.getfixturevalue("redis_url"))


def open_shelf(settings: Settings, owner: str = "ann") -> Shelf:
    """As each worker does."""
    return Shelf(Store(settings), "things", owner, noun="thing")


def thing(name: str, **fields: Any) -> dict[str, Any]:
    return {"id": name, "expires_at": expiry(), **fields}


def test_it_works(settings: Settings) -> None:
    open_shelf(settings, "eve").add(thing("thing_1", size=1))
    shelf = open_shelf(settings, "eve")
    changed = shelf.change("thing_1", lambda record: {**record, "size": record["size"] + 1})
    assert changed is not None and changed["size"] == 2
    assert open_shelf(settings, "eve").get("thing_1") == changed
    assert list(open_shelf(settings, "eve").records()) == [changed]
    assert open_shelf(settings, "bob").change("thing_1", lambda record: record) is None


def test_what_is_removed_does_not_come_back(settings: Settings) -> None:
    shelf = open_shelf(settings)
    shelf.add(thing("thing_1"))
    shelf.remove("thing_1")
    assert shelf.change("thing_1", lambda record: {**record, "size": 1}) is None
    with pytest.raises(NotFound):
        shelf.get("thing_1")
    assert list(shelf.records()) == []


def test_no_change_is_lost_and_none_brings_back_what_is_removed(settings: Settings) -> None:
    names = [f"thing_{number}" for number in range(8)]
    for name in names:
        open_shelf(settings).add(thing(name, size=0))

    def grow(name: str) -> None:
        shelf = open_shelf(settings)
        for _ in range(20):
            shelf.change(name, lambda record: {**record, "size": record["size"] + 1})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(grow, names[:2] * 2))
        growing = [pool.submit(grow, name) for name in names[2:]]
        for name in names[2:]:
            open_shelf(settings).remove(name)
        for task in growing:
            task.result()
    shelf = open_shelf(settings)
    assert [shelf.get(name)["size"] for name in names[:2]] == [40, 40]
    assert [record["id"] for record in shelf.records()] == names[:2]
    assert [shelf.find(name) for name in names[2:]] == [None] * 6
