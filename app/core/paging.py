"""Paging of lists by the ids of their entries."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from typing import Any, Generic, TypeVar

from app.errors import InvalidRequest

Entry = TypeVar("Entry", bound=Mapping[str, Any])
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Page(Generic[Entry]):
    """A part of a list. ``has_more``: there are entries beyond it, in the direction of paging."""

    entries: list[Entry]
    has_more: bool

    def render(
        self, render: Callable[[Entry], Mapping[str, Any]] = lambda entry: entry
    ) -> dict[str, Any]:
        """OpenAI's list and Anthropic's page in one, each entry rendered."""
        ids = [entry["id"] for entry in self.entries] or [None]
        return {
            "object": "list",
            "data": list(map(render, self.entries)),
            "has_more": self.has_more,
            "first_id": ids[0],
            "last_id": ids[-1],
        }


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: ``before`` the entry of that id, else ``after`` it, else at the start.

    ``names``: what the client calls the two.
    """

    after: str | None = None
    before: str | None = None
    names: tuple[str, str] = ("after_id", "before_id")

    def beyond(self, entries: Sequence[_T], id_of: Callable[[_T], str]) -> Sequence[_T]:
        """The entries from there on, the nearest first. Raises InvalidRequest for an id that is
        not listed."""
        if self.before is not None:
            end = _index_of(self.before, list(map(id_of, entries)), self.names[1])
            return entries[:end][::-1]
        if self.after is not None:
            return entries[_index_of(self.after, list(map(id_of, entries)), self.names[0]) + 1 :]
        return entries

    def page(self, found: Iterable[Entry], limit: int) -> Page[Entry]:
        """The first ``limit`` of the entries beyond, in the list's order."""
        entries = list(islice(found, limit + 1))
        page = entries[:limit] if self.before is None else entries[:limit][::-1]
        return Page(page, has_more=len(entries) > limit)


def cut_page(entries: Sequence[Entry], limit: int, place: Place) -> Page[Entry]:
    """A page of a list in memory. Raises InvalidRequest."""
    return place.page(place.beyond(entries, itemgetter("id")), limit)


def _index_of(entry_id: str, ids: Sequence[str], param: str) -> int:
    """Raises InvalidRequest, which names the ``param``."""
    if entry_id not in ids:
        message = f"{param}: Nothing with the id {entry_id!r} is in this list."
        raise InvalidRequest(message, param=param)
    return ids.index(entry_id)
