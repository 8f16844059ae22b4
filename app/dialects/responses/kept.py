"""The responses that are kept for a client: each with its own items, and its parent's id.

The conversation up to a response is that of its ancestors, in their order. A session of N turns so
costs disk for N turns, and one file is read for each.
"""

import logging
from collections.abc import Iterator
from typing import Any, NotRequired, TypedDict, cast

from app.core.turns import in_turns
from app.dialects.responses.items import Item, response_id_of
from app.errors import InvalidRequest, NotFound
from app.state.store import NOT_KEPT, Store

log = logging.getLogger("poegate")

MAX_TURNS = 1_000
"""How many responses a conversation may have. A file is read for each, at every turn."""


class KeptResponse(TypedDict):
    """A response object, and the ``input`` items that were new in its request.

    ``previous``: the id of the response that it goes on from. Records of older releases lack it,
    and have all items of the conversation in ``input``. ``deleted``: the client deleted it, but a
    response that goes on from it is still there.
    """

    response: dict[str, Any]
    input: list[Item]
    previous: NotRequired[str | None]
    deleted: NotRequired[bool]


class Kept:
    """The responses of one client."""

    def __init__(self, store: Store, owner: str) -> None:
        self._store = store
        self._owner = owner

    def keep(self, items: list[Item], response: dict[str, Any]) -> bool:
        """Keeps a response with its new items; whether that was possible. The log says why not."""
        previous: str | None = response["previous_response_id"]
        record = KeptResponse(response=response, input=items, previous=previous)
        try:
            self._store.write(self._owner, response["id"], record, after=previous or "")
            if previous is not None:
                self._add_child(previous, response["id"])
        except NOT_KEPT as error:
            log.warning("not kept: %s: %s", response["id"], error.message)
            return False
        return True

    def response(self, response_id: str) -> dict[str, Any]:
        """Raises NotFound."""
        return self._found(response_id)["response"]

    def input_items(self, response_id: str) -> list[Item]:
        """All that the response answers to, earlier turns included. Raises NotFound."""
        record = self._found(response_id)
        previous = record.get("previous")
        earlier = self._conversation(previous) if previous else []
        return [*(earlier or ()), *record["input"]]

    def items_until(self, response_id: str) -> list[Item] | None:
        """The conversation up to and with that response, or None if it is not known."""
        record = self._find(response_id)
        if record is None or record.get("deleted"):
            return None
        return self._conversation(response_id)

    def knows(self, name: str) -> bool:
        """Whether it is the id of a kept response, or of an item of one."""
        return self.item(name) is not None or self._find(name) is not None

    def item(self, item_id: str) -> Item | None:
        record = self._find(response_id_of(item_id))
        if record is None or record.get("deleted"):
            return None
        items = [*record["input"], *record["response"]["output"]]
        return next((item for item in items if item.get("id") == item_id), None)

    def forget(self, response_id: str) -> None:
        """Raises NotFound. The items stay as long as a response goes on from them."""
        record = self._found(response_id)
        if self._children(response_id):
            self._note(response_id, deleted=True)
        else:
            self._remove(response_id, record)

    def _remove(self, response_id: str, record: KeptResponse) -> None:
        """Removes the record; and its ancestors that were deleted, where it was the last child."""
        for _ in range(MAX_TURNS):
            self._store.forget(self._owner, response_id)
            self._store.forget(self._owner, _children_of(response_id))
            parent_id = record.get("previous")
            parent = self._find(parent_id) if parent_id else None
            if not (parent_id and parent and parent.get("deleted")) or self._children(parent_id):
                return
            response_id, record = parent_id, parent

    def _conversation(self, response_id: str) -> list[Item] | None:
        """None if a part of it is gone. Raises InvalidRequest for too many turns."""
        turns = []
        for record in in_turns(self._ancestry(response_id)):
            if record is None:
                return None
            turns.append(record)
        return [
            item
            for record in reversed(turns)
            for item in (*record["input"], *record["response"]["output"])
        ]

    def _ancestry(self, response_id: str) -> Iterator[KeptResponse | None]:
        """The response, its parent and so on; None for one that is not there.

        What is used is kept on: all of it then has one age, and is dropped together or not at all.
        """
        name: str | None = response_id
        used: list[str] = []
        for _ in range(MAX_TURNS):
            record = self._find(name)
            yield record
            if record is None or name is None:
                return
            used += [name, _children_of(name)]
            name = record.get("previous")
            if name is None:
                self._renew(used)
                return
        raise InvalidRequest(
            f"previous_response_id: The conversation has more than {MAX_TURNS} responses. Send its "
            "items instead.",
            param="previous_response_id",
        )

    def _renew(self, names: list[str]) -> None:
        try:
            self._store.renew(self._owner, reversed(names))
        except NOT_KEPT as error:
            log.warning("not renewed: %s", error.message)

    def _note(self, response_id: str, **news: Any) -> None:
        """Writes the record anew, with the news, if it is still there. Raises one of NOT_KEPT."""
        self._store.change(
            self._owner, response_id, lambda now: now and {**now, **news}, after=response_id
        )

    def _add_child(self, response_id: str, child: str) -> None:
        """Raises one of NOT_KEPT. The list is apart from the response, whose record is large."""
        self._store.change(
            self._owner,
            _children_of(response_id),
            lambda now: {"ids": [*(now or {"ids": []})["ids"], child]},
            after=response_id,
        )

    def _children(self, response_id: str) -> list[str]:
        """Those that are still there."""
        listed = self._store.recall(self._owner, _children_of(response_id)) or {"ids": []}
        return [child for child in listed["ids"] if self._find(child) is not None]

    def _find(self, response_id: str | None) -> KeptResponse | None:
        found = self._store.recall(self._owner, response_id) if response_id else None
        return cast(KeptResponse | None, found)

    def _found(self, response_id: str) -> KeptResponse:
        record = self._find(response_id)
        if record is None or record.get("deleted"):
            raise NotFound(f"Response with id {response_id!r} not found.")
        return record


def _children_of(response_id: str) -> str:
    """The name under which the ids of the responses are kept that go on from this one."""
    return f"{response_id}/children"
