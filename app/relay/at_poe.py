"""Answers that Poe keeps: by which key, so that what goes on from one goes back to it.

Poe keeps them for the owner of the key. A pool's key serves many clients, so an id is found only by
the client whose answer it was.
"""

import logging
from collections.abc import Iterable
from typing import TypedDict, cast

from app.core.turns import in_turns
from app.state.store import NOT_KEPT, Store

log = logging.getLogger("poegate")


class Place(TypedDict):
    """``key``: the digest of a key of the pool, "" for the client's own. ``bot``: who answered, and
    ``model`` its name as the client knows it."""

    key: str
    bot: str
    model: str


class KeptAtPoe:
    """What Poe keeps for one client."""

    def __init__(self, store: Store, owner: str) -> None:
        self._store = store
        self._owner = f"at-poe/{owner}"  # a response that the gateway keeps cannot collide with it

    def remember(self, ids: Iterable[str], place: Place) -> None:
        """Raises nothing: the log says what could not be kept."""
        for name in in_turns(ids):
            try:
                self._store.write(self._owner, name, place)
            except NOT_KEPT as error:
                log.warning("not kept where Poe has %s: %s", name, error.message)

    def find(self, name: str) -> Place | None:
        """Raises one of NOT_KEPT."""
        return cast(Place | None, self._store.recall(self._owner, name))

    def forget(self, name: str) -> None:
        """Raises one of NOT_KEPT."""
        self._store.forget(self._owner, name)
