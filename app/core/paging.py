"""Lists given out a page at a time, by the ids of their entries."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.errors import InvalidRequest

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list. ``has_more``: there are entries beyond it, in the direction of paging."""

    entries: list[Entry]
    has_more: bool

    def ends(self) -> dict[str, Any]:
        """What OpenAI and Anthropic both tell of a page beside its entries."""
        first, last = (
            (self.entries[0]["id"], self.entries[-1]["id"]) if self.entries else (None,) * 2
        )
        return {"has_more": self.has_more, "first_id": first, "last_id": last}


def cut_page(
    entries: Sequence[Entry],
    limit: int,
    *,
    after: str | None = None,
    before: str | None = None,
    names: tuple[str, str] = ("after_id", "before_id"),
) -> Page:
    """The entries next to the one with that id: ``before`` it, else ``after`` it, else the first.

    ``names``: what the client calls the two. Raises InvalidRequest for an id that is not listed.
    """
    if before is not None:
        end = place_of(before, _ids(entries), names[1])
        start = max(end - limit, 0)
        return Page(list(entries[start:end]), has_more=start > 0)
    start = 0 if after is None else place_of(after, _ids(entries), names[0]) + 1
    return Page(list(entries[start : start + limit]), has_more=start + limit < len(entries))


def _ids(entries: Sequence[Entry]) -> list[str]:
    return [entry["id"] for entry in entries]


def place_of(entry_id: str, ids: Sequence[str], param: str) -> int:
    """Raises InvalidRequest, which names the ``param``, for an id that is not listed."""
    if entry_id not in ids:
        message = f"{param}: Nothing with the id {entry_id!r} is in this list."
        raise InvalidRequest(message, param=param)
    return ids.index(entry_id)
