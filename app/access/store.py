"""What access keeps, and the two places where it can be kept: SQLite or Redis.

Both hold the ledger's hourly sums, the last requests, the stored tokens, counters of rate limits
and leases of parallel requests. Whatever cannot be reached raises OSError.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from typing import Any, NamedTuple, Protocol

from limits.storage import Storage

HOUR = 3600
DAY = 24 * HOUR
MAX_RECENT = 1_000
"""The last requests that are kept, over all workers."""

WRITTEN_SECONDS = 3600
"""How long it is known that a batch was written."""

MAX_READ_ROWS = 200_000
"""Rows that one report may read; more raises TooManyRows."""

BEAT_SECONDS = 2.0
BEAT_LOST_SECONDS = 10.0
"""A worker that has not shown itself for so long is gone."""

LEASE_SECONDS = 60.0
"""A parallel request whose worker died counts for so long at most; live ones are renewed."""


class TooManyRows(Exception):
    """The period has more than MAX_READ_ROWS rows."""


class RowKey(NamedTuple):
    """What hourly sums are kept by. ``hour`` is its beginning in seconds since the epoch.

    ``key`` is the number of the pool's key, 0 for none; ``model`` the bot that was asked.
    """

    hour: int
    token: str
    key: int
    model: str
    dialect: str


@dataclass(slots=True)
class Sums:
    """``points`` are estimates. ``first_token_ms`` is the sum over ``first_tokens`` requests."""

    requests: int = 0
    errors: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    points: float = 0.0
    first_token_ms: int = 0
    first_tokens: int = 0

    def add(self, other: "Sums") -> None:
        self.requests += other.requests
        self.errors += other.errors
        self.prompt_tokens += other.prompt_tokens
        self.completion_tokens += other.completion_tokens
        self.points += other.points
        self.first_token_ms += other.first_token_ms
        self.first_tokens += other.first_tokens

    def values(self) -> tuple[float, ...]:
        return astuple(self)


Row = tuple[RowKey, Sums]
Facts = dict[str, Any]
"""JSON values of one request, for the list of the last requests."""


@dataclass(slots=True)
class LedgerBatch:
    """What is written at once. ``id`` lets a second try of the same batch change nothing."""

    id: str
    sums: dict[RowKey, Sums] = field(default_factory=dict)
    requests: list[Facts] = field(default_factory=list)

    def points_by_day(self) -> dict[tuple[str, int], float]:
        """By token and the beginning of its day (UTC)."""
        points: dict[tuple[str, int], float] = {}
        for key, sums in self.sums.items():
            day = (key.token, key.hour - key.hour % DAY)
            points[day] = points.get(day, 0.0) + sums.points
        return points


class Spent(NamedTuple):
    """What Poe's history says an account spent on a bot within an hour.

    ``account`` is the smallest number of the keys that share it.
    """

    hour: int
    account: int
    bot: str
    points: float


class AccessStore(Protocol):
    """Safe to share between greenlets, workers and, on Redis, machines."""

    medium: str

    def write(self, batch: LedgerBatch) -> None: ...

    def rows(self, since: int, until: int) -> list[Row]:
        """Of the hours that begin within ``since <= hour < until``. Raises TooManyRows."""

    def recent(self) -> list[Facts]:
        """The last requests with their ``seq``, the newest first."""

    def points(self, token: str, day: int, month: int) -> tuple[float, float]:
        """What a token spent on the day, and since the month, that begin at these times."""

    def last_used(self) -> dict[str, int]:
        """The last hour in which each token asked."""

    def replace_spent(self, since: int, spent: Sequence[Spent]) -> None:
        """In the place of all that is known of the hours from ``since`` on."""

    def spent(self, since: int, until: int) -> list[Spent]: ...

    def fact(self, name: str) -> Any:
        """A JSON value, or None."""

    def put_fact(self, name: str, value: Any) -> None: ...

    def claim(self, name: str, now: float, seconds: float) -> bool:
        """True for one of all workers that ask within that time."""

    def tokens(self) -> list[Mapping[str, Any]]: ...

    def change_token(
        self, name: str, change: Callable[[Mapping[str, Any] | None], Mapping[str, Any] | None]
    ) -> Mapping[str, Any] | None:
        """Keeps what ``change`` makes of the token; None removes it. Gives what is kept."""

    def acquire(self, token: str, lease: str, limit: int, now: float) -> bool:
        """Whether one more of ``limit`` parallel requests may run: then it has that lease."""

    def release(self, token: str, lease: str) -> None: ...

    def renew(self, leases: Iterable[tuple[str, str]], now: float) -> None:
        """Pairs of token and lease, which hold from now on LEASE_SECONDS again."""

    def in_use(self, token: str, now: float) -> int: ...

    def beat(self, worker: str, in_progress: int, now: float) -> None:
        """A worker shows itself, and how many requests it serves."""

    def workers(self, now: float) -> list[int]:
        """The requests in progress of each worker that is alive."""

    def counters(self) -> Storage:
        """For the ``limits`` library. Its methods raise OSError too."""

    def prune(self, before: int) -> None:
        """Forgets the hours that began before that time."""

    def close(self) -> None: ...
