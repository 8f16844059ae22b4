"""Records of one client on a records of their own."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from app.config import Settings
from app.errors import NotFound
from app.state import records as module
from app.state.records import Kind, RecordList, expiry
from app.state.store import Store

THINGS: Kind[dict[str, Any]] = Kind("things", noun="thing", apart="bulk")


@pytest.fixture(params=["files", "redis"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    if request.param == "files":
        return Settings(state_dir=str(tmp_path))
    return Settings(state_url=request.getfixturevalue("redis_url"))


@pytest.fixture
def owner() -> str:
    return uuid4().hex


@pytest.fixture
def records(settings: Settings, owner: str) -> RecordList[Any]:
    return open_list(settings, owner)


def open_list(settings: Settings, owner: str) -> RecordList[Any]:
    """As each worker does."""
    return RecordList(Store(settings), THINGS, owner)


def thing(name: str, **fields: Any) -> dict[str, Any]:
    return {"id": name, "expires_at": expiry(), **fields}


def all_of(records: RecordList[Any]) -> list[dict[str, Any]]:
    return list(records.records(records.ids()))


def test_it_works(settings: Settings, owner: str) -> None:
    open_list(settings, owner).add(thing("thing_1", size=1))
    records = open_list(settings, owner)
    updated = records.update("thing_1", {"size": 2})
    assert updated is not None and updated["size"] == 2
    assert open_list(settings, owner).get("thing_1") == updated
    assert all_of(open_list(settings, owner)) == [updated]
    assert open_list(settings, "bob").update("thing_1", {"size": 3}) is None
    assert all_of(open_list(settings, "bob")) == []


def test_what_is_removed_does_not_come_back(records: RecordList[Any]) -> None:
    records.add(thing("thing_1"))
    records.remove("thing_1")
    assert records.update("thing_1", {"size": 1, "bulk": "x"}) is None
    with pytest.raises(NotFound):
        records.get("thing_1")
    assert all_of(records) == []
    assert "bulk" not in records.whole(thing("thing_1"))


def test_no_update_is_lost_and_none_brings_back_what_is_removed(
    settings: Settings, owner: str
) -> None:
    names = [f"thing_{number}" for number in range(8)]
    for name in names:
        open_list(settings, owner).add(thing(name))

    def grow(name: str, field: str) -> None:
        records = open_list(settings, owner)
        for number in range(20):
            records.update(name, {f"{field}{number}": number, "bulk": "x"})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(grow, names[:2] * 2, "aabb"))
        growing = [pool.submit(grow, name, "a") for name in names[2:]]
        for name in names[2:]:
            open_list(settings, owner).remove(name)
        for task in growing:
            task.result()
    records = open_list(settings, owner)
    assert [len(records.get(name)) for name in names[:2]] == [42, 42]
    assert records.ids() == names[:2]
    assert [records.find(name) for name in names[2:]] == [None] * 6
    assert all("bulk" not in records.whole({"id": name}) for name in names[2:])


def test_what_may_be_large_is_kept_apart(records: RecordList[Any]) -> None:
    records.add(thing("thing_1"))
    kept = records.update("thing_1", {"size": 3, "bulk": {"a": "x" * 300_000}})
    assert kept == records.get("thing_1") == all_of(records)[0] and "bulk" not in kept
    assert records.whole(kept) == {**kept, "bulk": {"a": "x" * 300_000}}
    records.remove("thing_1")
    assert records.whole(kept) == kept


def test_what_has_expired_is_neither_listed_nor_found(records: RecordList[Any]) -> None:
    records.add({"id": "thing_1", "expires_at": time.time() + 0.3})
    records.add(thing("thing_2"))
    assert records.ids() == ["thing_1", "thing_2"]
    time.sleep(0.4)
    assert records.ids() == ["thing_2"] and records.find("thing_1") is None


def test_the_index_loses_what_has_expired_and_then_the_oldest(
    settings: Settings, records: RecordList[Any], owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_LISTED", 3)
    records.add({"id": "old", "expires_at": time.time() - 1})
    for number in range(2):
        records.add(thing(f"thing_{number}"))
    index = Store(settings).recall(f"things/{owner}", "index")
    assert index is not None and list(index["expiries"]) == ["thing_0", "thing_1"]
    for number in range(2, 5):
        records.add(thing(f"thing_{number}"))
    assert records.ids() == ["thing_2", "thing_3", "thing_4"]
    assert records.get("thing_0")["id"] == "thing_0"
