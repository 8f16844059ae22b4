"""The histories of several keys as one: nothing lost, nothing twice, the newest first."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import InvalidRequest, UpstreamError
from app.poe.pooled_history import History, PooledHistory
from tests.account_api import page
from tests.lengths import examples

Entries = list[dict[str, Any]]


def ask_in_turn(asks: Mapping[int, Callable[[], None]]) -> None:
    for ask in asks.values():
        ask()


def history_of(entries: Entries) -> History:
    """As Poe answers for one key, whose entries may grow."""

    def history(limit: int, after: str | None) -> Any:
        assert 1 <= limit <= 100
        status, answer = page(entries, limit, after)
        assert status == 200
        return dict(answer)

    return history


def pool(keys: list[Entries]) -> PooledHistory:
    return PooledHistory([history_of(entries) for entries in keys], ask_in_turn)


def entries_of(key: int, times: list[int]) -> Entries:
    newest_first = sorted(times, reverse=True)
    return [
        {"creation_time": time, "query_id": f"k{key}-{number}", "cost_points": 1}
        for number, time in enumerate(newest_first)
    ]


def merged(keys: list[Entries]) -> Entries:
    """By time; of one time by key. ``sorted`` is stable, so Poe's order within a key stays."""
    every = [entry for entries in keys for entry in entries]
    return sorted(every, key=lambda entry: -entry["creation_time"])


def read_all(
    of: Callable[[], PooledHistory], limits: st.DataObject, between: Callable[[], None]
) -> tuple[Entries, list[int]]:
    """Page by page, each as long as is drawn, until there is no more."""
    got: Entries = []
    lengths: list[int] = []
    after: str | None = None
    while True:
        limit = limits.draw(st.integers(1, 7))
        answer = of().page(limit, after)
        assert answer["length"] == len(answer["data"]) <= limit
        got += map(dict, answer["data"])
        lengths.append(answer["length"])
        if not answer["has_more"]:
            return got, lengths
        assert answer["length"] == limit
        after = answer["data"][-1]["query_id"]
        between()


times = st.lists(st.lists(st.integers(0, 6), max_size=12), min_size=1, max_size=4)


@settings(max_examples=examples(300), deadline=None)
@given(times, st.booleans(), st.data())
def test_it_works(drawn: list[list[int]], other_workers: bool, data: st.DataObject) -> None:
    """Another worker, which never saw the page before, gives the same next page."""
    keys = [entries_of(key, of_key) for key, of_key in enumerate(drawn)]
    one = pool(keys)
    got, lengths = read_all(lambda: pool(keys) if other_workers else one, data, lambda: None)
    assert got == merged(keys)
    assert 0 not in lengths or got == [], "has_more was right at the last page too"


@settings(max_examples=examples(300), deadline=None)
@given(times, st.booleans(), st.data())
def test_what_comes_meanwhile_disturbs_nothing(
    drawn: list[list[int]], other_workers: bool, data: st.DataObject
) -> None:
    keys = [entries_of(key, of_key) for key, of_key in enumerate(drawn)]
    due = merged(keys)
    one, came = pool(keys), iter(range(10_000))

    def come() -> None:
        number = next(came)
        entry = {"creation_time": 100 + number, "query_id": f"new-{number}", "cost_points": 1}
        keys[data.draw(st.integers(0, len(keys) - 1))].insert(0, entry)

    got, _ = read_all(lambda: pool(keys) if other_workers else one, data, come)
    assert got == due


def test_any_query_of_the_history_is_a_cursor() -> None:
    keys = [entries_of(0, [9, 7, 5]), entries_of(1, [8, 7, 6])]
    due = [entry["query_id"] for entry in merged(keys)]
    for place, query_id in enumerate(due):
        answer = pool(keys).page(2, query_id)
        assert [entry["query_id"] for entry in answer["data"]] == due[place + 1 : place + 3]
        assert answer["has_more"] == (place + 3 < len(due))


def test_two_keys_of_one_account_tell_its_history_once() -> None:
    shared = entries_of(0, [9, 8, 8, 8, 2])
    keys = [shared, entries_of(1, [8, 3]), shared]
    one, after = pool(keys), None
    got: Entries = []
    for _ in range(4):
        answer = one.page(2, after)
        got += map(dict, answer["data"])
        after = got[-1]["query_id"]
    assert got == merged(keys[:2])
    assert answer["has_more"] is False


def test_a_long_history_is_walked_by_hundreds() -> None:
    keys = [entries_of(0, list(range(250))), entries_of(1, list(range(130)))]
    due = merged(keys)
    answer = pool(keys).page(100, due[300]["query_id"])
    assert answer["data"] == due[301:]
    assert not answer["has_more"]


def test_a_page_costs_one_request_a_key() -> None:
    asked: list[str | None] = []

    def counted(history: History) -> History:
        def ask(limit: int, after: str | None) -> Any:
            asked.append(after)
            return history(limit, after)

        return ask

    keys = [entries_of(key, list(range(key, 900, 3))) for key in range(3)]
    one = PooledHistory([counted(history_of(entries)) for entries in keys], ask_in_turn)
    after = None
    for _ in range(6):
        after = one.page(100, after)["data"][-1]["query_id"]
    assert len(asked) == 6 * 3


def test_an_unknown_cursor() -> None:
    with pytest.raises(InvalidRequest) as caught:
        pool([entries_of(0, [1, 2])]).page(5, "nobody")
    assert caught.value.param == "starting_after"


def test_an_unknown_cursor_is_looked_for_within_30_days() -> None:
    day = 24 * 3600 * 1_000_000
    pages: list[str | None] = []

    def endless(limit: int, after: str | None) -> Any:
        """Four pages a day, for ever."""
        pages.append(after)
        first = int(after) + 1 if after else 0
        times = range(first, first + limit)
        entries = [
            {"query_id": str(number), "creation_time": (10**6 * day) - number * day // 400}
            for number in times
        ]
        return {"has_more": True, "data": entries}

    with pytest.raises(InvalidRequest):
        PooledHistory([endless], ask_in_turn).page(5, "nobody")
    assert 120 <= len(pages) <= 122


def test_a_page_that_comes_again_ends_the_walk() -> None:
    entries = entries_of(0, [3, 2, 1])

    def same(limit: int, after: str | None) -> Any:
        return {"has_more": True, "data": entries}

    with pytest.raises(InvalidRequest):
        PooledHistory([same], ask_in_turn).page(5, "nobody")


@pytest.mark.parametrize(
    "data", [None, {}, ["x"], [{}], [{"query_id": "a"}], [{"creation_time": 1, "query_id": 2}]]
)
def test_what_cannot_be_merged(data: Any) -> None:
    odd = PooledHistory(
        [lambda limit, after: {"has_more": True, "length": 1, "data": data}], ask_in_turn
    )
    with pytest.raises(UpstreamError):
        odd.page(5, None)


def test_more_of_nothing_is_an_end() -> None:
    empty = PooledHistory(
        [lambda limit, after: {"has_more": True, "length": 0, "data": []}], ask_in_turn
    )
    assert empty.page(5, None) == {"has_more": False, "length": 0, "data": []}
