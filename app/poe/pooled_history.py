"""Points histories of several keys as one, newest first, with Poe's own cursor: a query's id.

An entry's place among all is its time, then the number of its key, then Poe's order within the
key. That order never changes, so a page begins where the one before it ended whatever happens
between them.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from cachetools import TTLCache

from app.config import Settings
from app.errors import InvalidRequest, UpstreamError
from app.poe.account import Account, ask_together

Entry = dict[str, Any]
Place = tuple[int, int]
History = Callable[[int, str | None], dict[str, Any]]
"""A key's history: how many entries at most, and the id of the query after which they begin."""
AskTogether = Callable[[Mapping[int, Callable[[], None]]], object]

MAX_MARKED, MARKED_SECONDS = 10_000, 3_600.0
WALK = 100
"""How many entries are asked for at once where a cursor must be looked for: the most Poe gives."""


class _Strand:
    """One key's history, read page by page. ``after`` is its last entry that was taken."""

    def __init__(self, number: int, history: History, limit: int, after: str | None = None) -> None:
        self.number = number
        self._history = history
        self._limit = limit
        self.after = after
        self.entries: deque[Entry] = deque()
        self.goes_on = True

    def is_dry(self) -> bool:
        """Whether Poe must be asked before its next entry, if there is one, is known."""
        return self.goes_on and not self.entries

    def load(self) -> None:
        """Raises UpstreamError for an answer that cannot be merged."""
        page = self._history(self._limit, self.after)
        self.entries.extend(_entries_in(page))
        self.goes_on = bool(page.get("has_more")) and bool(self.entries)

    def place(self) -> Place:
        return -self.entries[0]["creation_time"], self.number

    def take(self) -> Entry:
        entry = self.entries.popleft()
        self.after = entry["query_id"]
        return entry


class PooledHistory:
    """The points history of a pool of keys. One for the worker."""

    def __init__(self, histories: Sequence[History], ask_together: AskTogether) -> None:
        self._histories = histories
        self._ask_together = ask_together
        # Where each key stood at the end of a page, so that the next one need not look for it.
        self._marks: TTLCache[str, tuple[Place, list[str | None]], float] = TTLCache(
            MAX_MARKED, MARKED_SECONDS
        )

    def page(self, limit: int, starting_after: str | None) -> dict[str, Any]:
        """In Poe's form. Raises InvalidRequest for a cursor that no key knows, and ApiError."""
        strands = self._strands_after(starting_after, limit)
        entries: list[Entry] = []
        place: Place | None = None
        while len(entries) < limit and (strand := self._newest(strands)):
            place = strand.place()
            entries.append(_take(strand, strands))
        if place is not None:
            ends = [strand.after for strand in strands]
            self._marks[entries[-1]["query_id"]] = (place, ends)
        has_more = any(strand.entries or strand.goes_on for strand in strands)
        return {"has_more": has_more, "length": len(entries), "data": entries}

    def _strands_after(self, cursor: str | None, limit: int) -> list[_Strand]:
        if cursor is None:
            return self._strands(limit, [None] * len(self._histories))
        mark = self._marks.get(cursor)
        return self._resume(*mark, limit) if mark else self._look_for(cursor)

    def _strands(self, limit: int, ends: list[str | None]) -> list[_Strand]:
        pairs = zip(self._histories, ends, strict=True)
        return [
            _Strand(number, history, limit, end) for number, (history, end) in enumerate(pairs, 1)
        ]

    def _resume(self, place: Place, ends: list[str | None], limit: int) -> list[_Strand]:
        """Skips what has come since to a key of which nothing was given yet."""
        strands = self._strands(limit, ends)
        while (strand := self._newest(strands)) and strand.place() < place:
            strand.take()
        return strands

    def _look_for(self, cursor: str) -> list[_Strand]:
        """From the newest entry on: another worker gave the page, or it was long ago."""
        strands = self._strands(WALK, [None] * len(self._histories))
        while strand := self._newest(strands):
            if _take(strand, strands)["query_id"] == cursor:
                return strands
        raise InvalidRequest(
            f"starting_after: No query with the id {cursor!r} is in the history.",
            param="starting_after",
        )

    def _newest(self, strands: Sequence[_Strand]) -> _Strand | None:
        """The strand whose next entry comes next."""
        if dry := [strand for strand in strands if strand.is_dry()]:
            self._ask_together({strand.number: strand.load for strand in dry})
        return min(
            (strand for strand in strands if strand.entries), key=_Strand.place, default=None
        )


def _take(strand: _Strand, strands: Sequence[_Strand]) -> Entry:
    """The strand's next entry, from all strands: two keys of one account tell the same history."""
    entry = strand.take()
    for other in strands:
        if other.entries and other.entries[0]["query_id"] == entry["query_id"]:
            other.take()
    return entry


def _entries_in(page: dict[str, Any]) -> list[Entry]:
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
