"""Records of one client on a shelf of their own."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from app.config import Settings
from app.errors import NotFound
from app.state import records as module
from app.state.records import Kind, Shelf, expiry
from app.state.store import Store

THINGS = Kind("things", noun="thing", apart="bulk")


@pytest.fixture(params=["files", "redis"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    if request.param == "files":
        return Settings(state_dir=str(tmp_path))
    return Settings(state_url=request.getfixturevalue("redis_url"))


@pytest.fixture
def owner() -> str:
    return uuid4().hex


@pytest.fixture
def shelf(settings: Settings, owner: str) -> Shelf:
    return open_shelf(settings, owner)


def open_shelf(settings: Settings, owner: str) -> Shelf:
    """As each worker does."""
    return Shelf(Store(settings), THINGS, owner)


def thing(name: str, **fields: Any) -> dict[str, Any]:
    return {"id": name, "expires_at": expiry(), **fields}


def all_of(shelf: Shelf) -> list[dict[str, Any]]:
    return list(shelf.records(shelf.ids()))


def test_it_works(settings: Settings, owner: str) -> None:
    open_shelf(settings, owner).add(thing("thing_1", size=1))
    shelf = open_shelf(settings, owner)
    updated = shelf.update("thing_1", {"size": 2})
    assert updated is not None and updated["size"] == 2
    assert open_shelf(settings, owner).get("thing_1") == updated
    assert all_of(open_shelf(settings, owner)) == [updated]
    assert open_shelf(settings, "bob").update("thing_1", {"size": 3}) is None
    assert all_of(open_shelf(settings, "bob")) == []


def test_what_is_removed_does_not_come_back(shelf: Shelf) -> None:
    shelf.add(thing("thing_1"))
    shelf.remove("thing_1")
    assert shelf.update("thing_1", {"size": 1, "bulk": "x"}) is None
    with pytest.raises(NotFound):
        shelf.get("thing_1")
    assert all_of(shelf) == []
    assert "bulk" not in shelf.whole(thing("thing_1"))


def test_no_update_is_lost_and_none_brings_back_what_is_removed(
    settings: Settings, owner: str
) -> None:
    names = [f"thing_{number}" for number in range(8)]
    for name in names:
        open_shelf(settings, owner).add(thing(name))

    def grow(name: str, field: str) -> None:
        shelf = open_shelf(settings, owner)
        for number in range(20):
            shelf.update(name, {f"{field}{number}": number, "bulk": "x"})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(grow, names[:2] * 2, "aabb"))
        growing = [pool.submit(grow, name, "a") for name in names[2:]]
        for name in names[2:]:
            open_shelf(settings, owner).remove(name)
        for task in growing:
            task.result()
    shelf = open_shelf(settings, owner)
    assert [len(shelf.get(name)) for name in names[:2]] == [42, 42]
    assert shelf.ids() == names[:2]
    assert [shelf.find(name) for name in names[2:]] == [None] * 6
    assert all("bulk" not in shelf.whole({"id": name}) for name in names[2:])


def test_what_may_be_large_is_kept_apart(shelf: Shelf) -> None:
    shelf.add(thing("thing_1"))
    kept = shelf.update("thing_1", {"size": 3, "bulk": {"a": "x" * 300_000}})
    assert kept == shelf.get("thing_1") == all_of(shelf)[0] and "bulk" not in kept
    assert shelf.whole(kept) == {**kept, "bulk": {"a": "x" * 300_000}}
    shelf.remove("thing_1")
    assert shelf.whole(kept) == kept


def test_what_has_expired_is_neither_listed_nor_found(shelf: Shelf) -> None:
    shelf.add({"id": "thing_1", "expires_at": time.time() + 0.3})
    shelf.add(thing("thing_2"))
    assert shelf.ids() == ["thing_1", "thing_2"]
    time.sleep(0.4)
    assert shelf.ids() == ["thing_2"] and shelf.find("thing_1") is None


def test_the_index_loses_what_has_expired_and_then_the_oldest(
    settings: Settings, shelf: Shelf, owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_LISTED", 3)
    shelf.add({"id": "old", "expires_at": time.time() - 1})
    for number in range(2):
        shelf.add(thing(f"thing_{number}"))
    index = Store(settings).recall(f"things/{owner}", "index")
    assert index is not None and list(index["expiries"]) == ["thing_0", "thing_1"]
    for number in range(2, 5):
        shelf.add(thing(f"thing_{number}"))
    assert shelf.ids() == ["thing_2", "thing_3", "thing_4"]
    assert shelf.get("thing_0")["id"] == "thing_0"
