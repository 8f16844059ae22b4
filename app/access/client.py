"""Who asks, and what one request of theirs has met so far."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from app.access.rules import Rules
from app.core.events import Usage


class Window(NamedTuple):
    """A rate limit as it stands: ``reset_at`` in seconds since the epoch."""

    limit: int
    remaining: int
    reset_at: float


class Parallel(NamedTuple):
    """Requests at a time."""

    limit: int
    in_use: int


class Budget(NamedTuple):
    """Points of a period: ``period`` is it in words, ``resets_at`` in seconds since the epoch."""

    limit: float
    used: float
    period: str
    resets_at: int


@dataclass(slots=True)
class Visit:
    """One request on its way: filled in as it goes, read for headers, the log and the ledger.

    ``session`` names a conversation, so that it keeps its key of the pool; "" where nothing does.
    ``key`` is the number of the last key that was asked, 0 for none. ``lease`` is held as one of
    the token's parallel requests. ``fallbacks`` counts the bots that were asked in vain before the
    one that answers. ``windows`` has "requests" and "tokens" where they are limited;
    ``poe_headers`` are those of Poe's last answer.
    """

    request_id: str = ""
    traceparent: str | None = None
    address: str = ""
    session: str = ""
    is_admitted: bool = False
    lease: str | None = None
    bot: str | None = None
    key: int = 0
    attempts: int = 0
    fallbacks: int = 0
    usage: Usage | None = None
    points: float | None = None
    windows: dict[str, Window] = field(default_factory=dict)
    poe_headers: Mapping[str, str] = field(default_factory=dict)

    def add_points(self, points: float | None) -> None:
        if points is not None:
            self.points = (self.points or 0.0) + points


@dataclass(frozen=True, slots=True)
class Client:
    """What authentication gives. ``name`` is for logs, ``owner`` for what is kept.

    ``key`` is the client's own Poe key; it is empty for a token of this gateway (``has_token``).
    """

    name: str
    owner: str
    rules: Rules = Rules()
    key: str = field(default="", repr=False)
    has_token: bool = False
    visit: Visit = field(default_factory=Visit)
