"""Records that are kept for one client, each by its id, and listed in their order."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from app.errors import InternalError, NotFound
from app.store import KEEP_SECONDS, Store

Record = dict[str, Any]
"""JSON values, with at least ``id``, and ``expires_at`` in seconds since the epoch."""

MOST_LISTED = 10_000
"""OpenAI's longest page. Older records keep their ids but are no longer listed."""

_INDEX = "index"


class Shelf:
    """One client's records of one kind. ``noun``: what an error calls a record."""

    def __init__(self, store: Store, kind: str, owner: str, *, noun: str) -> None:
        self._store = store
        self._owner = f"{kind}/{owner}"  # no response's id can name what is kept under it
        self._noun = noun

    def add(self, record: Record) -> None:
        """Raises InternalError where it cannot be kept: the id would be worth nothing."""
        self._store.keep(self._owner, record["id"], record)
        if self.find(record["id"]) is None:
            raise InternalError(f"The {self._noun} was taken, but its id could not be kept here.")
        self._change_index(lambda ids: [*ids, record["id"]])

    def change(self, record_id: str, change: Callable[[Record], Record]) -> Record | None:
        """The record as ``change`` makes it, kept in its place; None where it is gone.

        No other worker changes or removes it meanwhile. Raises InternalError.
        """
        kept: list[Record] = []

        def changed(record: Record | None) -> Record | None:
            kept.extend([] if record is None else [change(record)])
            return kept[0] if kept else None

        self._store.change(self._owner, record_id, changed)
        return kept[0] if kept else None

    def find(self, record_id: str) -> Record | None:
        record = self._store.recall(self._owner, record_id) if record_id != _INDEX else None
        return record if record and record["expires_at"] > time.time() else None

    def get(self, record_id: str) -> Record:
        """Raises NotFound."""
        record = self.find(record_id)
        if record is None:
            raise NotFound(f"There is no {self._noun} with the id {record_id!r}.", param="id")
        return record

    def remove(self, record_id: str) -> None:
        """Raises NotFound."""
        self.get(record_id)

        def without(ids: list[str]) -> list[str]:
            # Within the change, so that none of the record itself can bring it back.
            self._store.forget(self._owner, record_id)
            return [kept for kept in ids if kept != record_id]

        self._change_index(without)

    def records(self) -> Iterator[Record]:
        """The oldest first."""
        index = self._store.recall(self._owner, _INDEX)
        return filter(None, map(self.find, index["ids"] if index else []))

    def _change_index(self, change: Callable[[list[str]], list[str]]) -> None:
        def changed(index: Record | None) -> Record:
            return {"ids": change(index["ids"] if index else [])[-MOST_LISTED:]}

        self._store.change(self._owner, _INDEX, changed)


def expiry(seconds: int | None = None) -> int:
    """When something that is kept from now on is forgotten."""
    return int(time.time()) + min(seconds or KEEP_SECONDS, KEEP_SECONDS)
