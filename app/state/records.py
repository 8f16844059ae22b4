"""Records of one client, by id, and listed in the order in which they were added."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from app.errors import NotFound
from app.state.store import KEEP_SECONDS, NOT_KEPT, Change, Store, Value

Record = TypeVar("Record", bound=Mapping[str, Any])
"""A TypedDict of JSON values, with at least ``id`` and ``expires_at`` (seconds since the epoch)."""

Expiries = dict[str, float]
"""``expires_at`` by id of the listed records, in the order in which they were added."""

MAX_LISTED = 10_000
"""OpenAI's longest page. Older records can still be read by id but are not listed."""

_INDEX = "index"


@dataclass(frozen=True, slots=True)
class Kind(Generic[Record]):
    """A kind of records. ``noun``: the name of such a record in errors.

    ``apart``: a field that may be large. It is stored under a key of its own, which only ``whole``
    reads.
    """

    name: str
    noun: str
    apart: str | None = None


class RecordList(Generic[Record]):
    """One client's records of one kind. All methods raise one of NOT_KEPT if the store fails."""

    def __init__(self, store: Store, kind: Kind[Record], owner: str) -> None:
        self._store = store
        self._kind = kind
        self._owner = owner

    def add(self, record: Record) -> None:
        self._write(record["id"], record)
        self._change_index(lambda listed: {**listed, record["id"]: record["expires_at"]})

    def update(self, record_id: str, news: Mapping[str, Any]) -> Record | None:
        """The record with its changed fields; None, and nothing is kept, if it no longer exists."""
        apart = {name: value for name, value in news.items() if name == self._kind.apart}
        rest = {name: value for name, value in news.items() if name not in apart}
        if apart:  # first, so that no record refers to a missing value
            self._write(self._apart(record_id), apart)
        kept = self._change(record_id, lambda now: now and now | rest)
        if apart and kept is None:
            self._forget(self._apart(record_id))
        return cast(Record | None, kept)

    def find(self, record_id: str) -> Record | None:
        record = self._recall(record_id) if record_id != _INDEX else None
        alive = record is not None and record["expires_at"] > time.time()
        return cast(Record, record) if alive else None

    def get(self, record_id: str) -> Record:
        """Raises NotFound."""
        record = self.find(record_id)
        if record is None:
            noun = self._kind.noun
            raise NotFound(f"There is no {noun} with the id {record_id!r}.", param="id")
        return record

    def whole(self, record: Record) -> Record:
        """The record with its ``apart`` field, if that exists."""
        apart = self._recall(self._apart(record["id"])) or {}
        return cast(Record, {**record, **apart})

    def remove(self, record_id: str) -> None:
        """Raises NotFound."""
        self.get(record_id)
        self._forget(record_id)
        if self._kind.apart:  # afterwards: a concurrent update removes it itself
            self._forget(self._apart(record_id))
        with suppress(*NOT_KEPT):  # on a full disk; an id without a record is not listed
            self._change_index(
                lambda listed: {name: end for name, end in listed.items() if name != record_id}
            )

    def ids(self) -> list[str]:
        """The ids of the listed records, the oldest first."""
        return list(_unexpired(self._recall(_INDEX)))

    def records(self, ids: Iterable[str]) -> Iterator[Record]:
        """The existing records among the ids, each read when it is requested."""
        return filter(None, map(self.find, ids))

    def _recall(self, name: str) -> Value | None:
        return self._store.recall(self._owner, name, self._kind.name)

    def _write(self, name: str, value: Mapping[str, Any]) -> None:
        self._store.write(self._owner, name, value, self._kind.name)

    def _forget(self, name: str) -> None:
        self._store.forget(self._owner, name, self._kind.name)

    def _change(self, name: str, change: Change) -> Value | None:
        return self._store.change(self._owner, name, change, self._kind.name)

    def _apart(self, record_id: str) -> str:
        return f"{record_id}/{self._kind.apart}"

    def _change_index(self, change: Callable[[Expiries], Expiries]) -> None:
        def changed(index: Value | None) -> Value:
            return {"expiries": dict([*change(_unexpired(index)).items()][-MAX_LISTED:])}

        self._change(_INDEX, changed)


def _unexpired(index: Value | None) -> Expiries:
    expiries: Expiries = (index or {}).get("expiries", {})
    now = time.time()
    return {name: expiry for name, expiry in expiries.items() if expiry > now}


def expiry(seconds: int | None = None) -> int:
    """``expires_at`` of a value that is stored now."""
    return int(time.time()) + min(seconds or KEEP_SECONDS, KEEP_SECONDS)
