"""Records that are kept for one client, each by its id, and listed in their order."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from app.errors import InternalError, NotFound
from app.state.store import KEEP_SECONDS, Store

Record = dict[str, Any]
"""JSON values, with at least ``id``, and ``expires_at`` in seconds since the epoch."""

Expiries = dict[str, float]
"""Of the records that are listed: ``expires_at`` by id, in the order in which they were added."""

MAX_LISTED = 10_000
"""OpenAI's longest page. Older records keep their ids but are no longer listed."""

_INDEX = "index"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of records. ``noun``: what an error calls one of them.

    ``apart``: a field that may be large, kept under a key of its own: only ``whole`` reads it.
    """

    name: str
    noun: str
    apart: str | None = None


class RecordList:
    """One client's records of one kind. Whatever it does raises InternalError where the store
    cannot be reached.
    """

    def __init__(self, store: Store, kind: Kind, owner: str) -> None:
        self._store = store
        self._kind = kind
        self._owner = f"{kind.name}/{owner}"  # no response's id can name what is kept under it

    def add(self, record: Record) -> None:
        self._store.write(self._owner, record["id"], record)
        self._change_index(lambda listed: {**listed, record["id"]: record["expires_at"]})

    def update(self, record_id: str, news: Record) -> Record | None:
        """The record with the news, kept in its place; None where it is gone, and stays so."""
        apart = {name: value for name, value in news.items() if name == self._kind.apart}
        rest = {name: value for name, value in news.items() if name not in apart}
        if apart:  # first: no record tells of what is not there
            self._store.write(self._owner, self._apart(record_id), apart)
        kept = self._store.change(self._owner, record_id, lambda now: now and now | rest)
        if apart and kept is None:
            self._store.forget(self._owner, self._apart(record_id))
        return kept

    def find(self, record_id: str) -> Record | None:
        record = self._store.recall(self._owner, record_id) if record_id != _INDEX else None
        return record if record and record["expires_at"] > time.time() else None

    def get(self, record_id: str) -> Record:
        """Raises NotFound."""
        record = self.find(record_id)
        if record is None:
            noun = self._kind.noun
            raise NotFound(f"There is no {noun} with the id {record_id!r}.", param="id")
        return record

    def whole(self, record: Record) -> Record:
        """The record with what is kept apart from it, as far as that is there."""
        return record | (self._store.recall(self._owner, self._apart(record["id"])) or {})

    def remove(self, record_id: str) -> None:
        """Raises NotFound."""
        self.get(record_id)
        self._store.forget(self._owner, record_id)
        if self._kind.apart:  # after it: an update that comes in between takes it away itself
            self._store.forget(self._owner, self._apart(record_id))
        with suppress(InternalError):  # on a full disk; an id without its record is not listed
            self._change_index(
                lambda listed: {name: end for name, end in listed.items() if name != record_id}
            )

    def ids(self) -> list[str]:
        """Of the records that are listed, the oldest first."""
        return list(_unexpired(self._store.recall(self._owner, _INDEX)))

    def records(self, ids: Iterable[str]) -> Iterator[Record]:
        """Those of the ids that are still there, each read as it is asked for."""
        return filter(None, map(self.find, ids))

    def _apart(self, record_id: str) -> str:
        return f"{record_id}/{self._kind.apart}"

    def _change_index(self, change: Callable[[Expiries], Expiries]) -> None:
        def changed(index: Record | None) -> Record:
            return {"expiries": dict([*change(_unexpired(index)).items()][-MAX_LISTED:])}

        self._store.change(self._owner, _INDEX, changed)


def _unexpired(index: Record | None) -> Expiries:
    expiries: Expiries = (index or {}).get("expiries", {})
    now = time.time()
    return {name: expiry for name, expiry in expiries.items() if expiry > now}


def expiry(seconds: int | None = None) -> int:
    """When something that is kept from now on is forgotten."""
    return int(time.time()) + min(seconds or KEEP_SECONDS, KEEP_SECONDS)
