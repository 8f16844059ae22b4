"""Points histories of several keys merged into one, the newest entry first.

The cursor is Poe's own: a query's id. Entries are ordered by their time, then by the number of
their key, then as Poe orders them within the key. That order never changes, so a page begins where
the one before it ended.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from cachetools import TTLCache

from app.config import Settings
from app.errors import InvalidRequest, UpstreamError
from app.poe.account import Account, HistoryEntry, HistoryPage, ask_together

Place = tuple[int, int]
"""Where an entry stands among all: its negative time, and the number of its key."""
History = Callable[[int, str | None], HistoryPage]
"""A key's history: how many entries at most, and the id of the query after which they begin."""
AskTogether = Callable[[Mapping[int, Callable[[], None]]], object]

MAX_POSITIONS, POSITION_SECONDS = 10_000, 3_600.0
KEPT_MICROSECONDS = 30 * 24 * 3600 * 1_000_000
"""How far Poe's history goes back: 30 days."""

SEARCH_LIMIT = 100
"""How many entries are asked for at once where a cursor must be searched: the most Poe gives."""


class _KeyHistory:
    """One key's history, read page by page. ``after``: the id of the last entry that was taken."""

    def __init__(self, number: int, history: History, limit: int, after: str | None = None) -> None:
        self.number = number
        self._history = history
        self._limit = limit
        self.after = after
        self.entries: deque[HistoryEntry] = deque()
        self.has_more = True

    def needs_loading(self) -> bool:
        """Whether Poe must be asked before its next entry, if there is one, is known."""
        return self.has_more and not self.entries

    def load(self) -> None:
        """Raises UpstreamError for an answer that cannot be merged."""
        page = self._history(self._limit, self.after)
        entries = _entries_in(page)
        if any(entry["query_id"] == self.after for entry in entries):
            entries = []  # the same page again: it would come for ever
        self.entries.extend(entries)
        self.has_more = bool(page.get("has_more")) and bool(self.entries)

    def place(self) -> Place:
        return -self.entries[0]["creation_time"], self.number

    def take(self) -> HistoryEntry:
        entry = self.entries.popleft()
        self.after = entry["query_id"]
        return entry


class PooledHistory:
    """The points history of a pool of keys. One for the worker."""

    def __init__(self, histories: Sequence[History], ask_together: AskTogether) -> None:
        self._histories = histories
        self._ask_together = ask_together
        # By the last query id of a page: its place, and the position of each key after it, so that
        # the next page need not search for it.
        self._positions: TTLCache[str, tuple[Place, list[str | None]], float] = TTLCache(
            MAX_POSITIONS, POSITION_SECONDS
        )

    def page(self, limit: int, starting_after: str | None) -> HistoryPage:
        """In Poe's form. Raises InvalidRequest for a cursor that no key knows, and ApiError."""
        keys = self._keys_after(starting_after, limit)
        entries: list[HistoryEntry] = []
        place: Place | None = None
        while len(entries) < limit and (newest := self._newest(keys)):
            place = newest.place()
            entries.append(_take(newest, keys))
        if place is not None:
            self._positions[entries[-1]["query_id"]] = (place, [key.after for key in keys])
        has_more = any(key.entries or key.has_more for key in keys)
        return {"has_more": has_more, "length": len(entries), "data": entries}

    def _keys_after(self, cursor: str | None, limit: int) -> list[_KeyHistory]:
        if cursor is None:
            return self._open(limit, [None] * len(self._histories))
        position = self._positions.get(cursor)
        return self._resume(*position, limit) if position else self._search(cursor)

    def _open(self, limit: int, positions: list[str | None]) -> list[_KeyHistory]:
        pairs = zip(self._histories, positions, strict=True)
        return [
            _KeyHistory(number, history, limit, after)
            for number, (history, after) in enumerate(pairs, 1)
        ]

    def _resume(self, place: Place, positions: list[str | None], limit: int) -> list[_KeyHistory]:
        """Skips newer entries of keys of which no page has shown an entry yet."""
        keys = self._open(limit, positions)
        while (newest := self._newest(keys)) and newest.place() < place:
            newest.take()
        return keys

    def _search(self, cursor: str) -> list[_KeyHistory]:
        """From the newest entry on: another worker gave the page, or it was long ago."""
        keys = self._open(SEARCH_LIMIT, [None] * len(self._histories))
        first: int | None = None
        while newest := self._newest(keys):
            entry = _take(newest, keys)
            if entry["query_id"] == cursor:
                return keys
            first = entry["creation_time"] if first is None else first
            if entry["creation_time"] < first - KEPT_MICROSECONDS:
                break
        raise InvalidRequest(
            f"starting_after: No query with the id {cursor!r} is in the history.",
            param="starting_after",
        )

    def _newest(self, keys: Sequence[_KeyHistory]) -> _KeyHistory | None:
        """The key whose next entry comes next."""
        if waiting := [key for key in keys if key.needs_loading()]:
            self._ask_together({key.number: key.load for key in waiting})
        return min((key for key in keys if key.entries), key=_KeyHistory.place, default=None)


def _take(newest: _KeyHistory, keys: Sequence[_KeyHistory]) -> HistoryEntry:
    """The key's next entry, taken from all keys: two keys of one account have the same history."""
    entry = newest.take()
    for key in keys:
        if key.entries and key.entries[0]["query_id"] == entry["query_id"]:
            key.take()
    return entry


def _entries_in(page: HistoryPage) -> list[HistoryEntry]:
    entries = page.get("data")
    if not isinstance(entries, list) or not all(map(_is_entry, entries)):
        raise UpstreamError("Poe's account API sent a history that cannot be read.")
    return entries


def _is_entry(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("query_id"), str)
        and isinstance(entry.get("creation_time"), int)
    )


def pooled_history(settings: Settings, account: Account) -> PooledHistory:
    """The history of the gateway's own keys; of none in pass-through mode."""
    histories = [partial(account.history, key) for key in dict.fromkeys(settings.poe_api_keys)]
    return PooledHistory(histories, ask_together)
