"""Pages of what is on a records."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.config import Settings
from app.core.paging import Place, cut_page
from app.errors import InvalidRequest, Unavailable
from app.http.record_pages import read_page
from app.state.records import Kind, RecordList, expiry
from app.state.store import Store


@pytest.fixture
def records(tmp_path: Path) -> RecordList[Any]:
    return RecordList(Store(Settings(state_dir=str(tmp_path))), Kind("things", noun="thing"), "ann")


def fill(records: RecordList[Any], count: int) -> list[dict[str, Any]]:
    added = [{"id": f"t{number}", "n": number, "expires_at": expiry()} for number in range(count)]
    for record in added:
        records.add(record)
    return added


def is_even(record: dict[str, Any]) -> bool:
    return bool(record["n"] % 2 == 0)


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 8])
@pytest.mark.parametrize("wanted", [bool, is_even])
def test_pages_are_those_of_the_whole_list(
    records: RecordList[Any], newest_first: bool, limit: int, wanted: Callable[[Any], bool]
) -> None:
    whole = [record for record in fill(records, 7) if wanted(record)]
    if newest_first:
        whole.reverse()
    ways: list[dict[str, Any]] = [{}]
    ways += [{way: record["id"]} for way in ("after", "before") for record in whole]
    for way in ways:
        page = read_page(records, limit, Place(**way), newest_first=newest_first, wanted=wanted)
        assert page == cut_page(whole, limit, Place(**way)), way


def test_what_is_gone_is_not_counted(records: RecordList[Any]) -> None:
    fill(records, 4)
    records.remove("t2")
    page = read_page(records, 3, Place())
    assert [record["id"] for record in page.entries] == ["t3", "t1", "t0"] and not page.has_more
    for way in ("after", "before"):
        cursor: dict[str, Any] = {way: "t2"}
        with pytest.raises(InvalidRequest) as caught:
            read_page(records, 3, Place(**cursor, names=("starting", "ending")))
        assert caught.value.param == ("starting" if way == "after" else "ending")


def test_only_what_is_needed_is_read(records: RecordList[Any], tmp_path: Path) -> None:
    """The oldest record here is one that cannot be read."""
    fill(records, 1)
    files = (path for path in (tmp_path / "kept").iterdir() if path.is_file())
    [record] = [path for path in files if b'"n":0' in path.read_bytes()]
    fill(records, 5)
    record.unlink()
    record.mkdir()
    assert len(read_page(records, 3, Place()).entries) == 3
    assert len(read_page(records, 3, Place(before="t0")).entries) == 3
    with pytest.raises(Unavailable):
        read_page(records, 5, Place())


def test_a_long_list(records: RecordList[Any]) -> None:
    fill(records, 201)
    assert len(read_page(records, 1_000, Place()).entries) == 201
