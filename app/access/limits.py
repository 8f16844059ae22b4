"""Rate limits and parallel requests, over all workers, or in memory where these cannot be reached.

Windows are fixed: a window begins with its first request (the ``limits`` library).
"""

import logging
import math
import time
import uuid
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

from limits import RateLimitItem, RateLimitItemPerMinute, parse
from limits.storage import MemoryStorage, Storage
from limits.strategies import FixedWindowRateLimiter

from app.access.client import Client, Parallel, Window
from app.access.store import LEASE_SECONDS, AccessStore
from app.errors import RateLimited

log = logging.getLogger("poegate.access.limits")

RETRY_SECONDS = 5.0
"""How long the counters in memory are used after the shared ones failed."""

RENEW_SECONDS = LEASE_SECONDS / 4
PARALLEL_RETRY_AFTER = "1"

_Result = TypeVar("_Result")


@lru_cache(maxsize=8)
def read_limit(text: str) -> RateLimitItem:
    """``60/minute``, ``1000 per hour``. Raises ValueError."""
    return parse(text)


class Limits:
    """One for the worker. Checks raise RateLimited."""

    def __init__(self, store: AccessStore, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._shared: FixedWindowRateLimiter | None = None
        self._errors: tuple[type[Exception], ...] = (OSError,)
        self._memory = FixedWindowRateLimiter(MemoryStorage())
        self._leases: dict[str, str] = {}
        self._broken_until = 0.0

    def check_client(self, limit: RateLimitItem, who: str) -> Window:
        """For RATE_LIMIT. ``who``: an address or the digest of a key."""
        return self._count(limit, "client", who, "requests of this client")

    def client_window(self, limit: RateLimitItem, who: str) -> Window:
        return self._window(limit, "client", who)

    def check_requests(self, client: Client) -> None:
        """Counts the request, and notes how the window stands."""
        per_minute = client.rules.requests_per_minute
        if per_minute is not None:
            client.visit.windows["requests"] = self._count(
                _per_minute(per_minute), "requests", client.name, "requests of this token a minute"
            )

    def check_tokens(self, client: Client) -> None:
        """Refuses where the window is used up; an answer is charged when it is complete."""
        per_minute = client.rules.tokens_per_minute
        if per_minute is None:
            return
        window = self._window(_per_minute(per_minute), "tokens", client.name)
        client.visit.windows["tokens"] = window
        if window.remaining <= 0:
            raise self._too_many(window, "tokens of this token a minute")

    def charge_tokens(self, client: Client, tokens: int) -> None:
        """Raises nothing."""
        per_minute = client.rules.tokens_per_minute
        if per_minute is not None and tokens > 0:
            item, name = _per_minute(per_minute), client.name
            self._ask(lambda limiter: limiter.hit(item, "tokens", name, cost=tokens))

    def tokens_window(self, client: Client) -> Window | None:
        per_minute = client.rules.tokens_per_minute
        if per_minute is None:
            return None
        return self._window(_per_minute(per_minute), "tokens", client.name)

    def requests_window(self, client: Client) -> Window | None:
        per_minute = client.rules.requests_per_minute
        if per_minute is None:
            return None
        return self._window(_per_minute(per_minute), "requests", client.name)

    def begin(self, client: Client) -> None:
        """Takes one of the token's parallel requests; ``end`` gives it back."""
        limit = client.rules.max_parallel
        if limit is None:
            return
        lease = uuid.uuid4().hex
        try:
            taken = self._store.acquire(client.name, lease, limit, self._clock())
        except OSError as error:
            self._note_error(error)
            taken = list(self._leases.values()).count(client.name) < limit
        if not taken:
            raise RateLimited(
                f"This token has {limit} requests at a time already. Wait until one has ended.",
                code="max_parallel_exceeded",
                retry_after=PARALLEL_RETRY_AFTER,
            )
        client.visit.lease = lease
        self._leases[lease] = client.name

    def end(self, client: Client) -> None:
        """Raises nothing: a lease that cannot be given back ends by itself."""
        lease, client.visit.lease = client.visit.lease, None
        if lease is not None and self._leases.pop(lease, ""):
            try:
                self._store.release(client.name, lease)
            except OSError as error:
                self._note_error(error)

    def parallel(self, client: Client) -> Parallel | None:
        """Those of the token; where they cannot be known those of this worker."""
        limit = client.rules.max_parallel
        if limit is None:
            return None
        try:
            return Parallel(limit, self._store.in_use(client.name, self._clock()))
        except OSError:
            return Parallel(limit, list(self._leases.values()).count(client.name))

    def renew(self) -> None:
        """To be called every RENEW_SECONDS. Raises nothing."""
        if not self._leases:
            return
        try:
            self._store.renew(
                [(name, lease) for lease, name in self._leases.items()], self._clock()
            )
        except OSError as error:
            self._note_error(error)

    def _count(self, item: RateLimitItem, kind: str, who: str, words: str) -> Window:
        """Counts one request. Raises RateLimited where the window is full."""
        fits = self._ask(lambda limiter: limiter.hit(item, kind, who))
        window = self._window(item, kind, who)
        if not fits:
            raise self._too_many(window, words)
        return window

    def _window(self, item: RateLimitItem, kind: str, who: str) -> Window:
        stats = self._ask(lambda limiter: limiter.get_window_stats(item, kind, who))
        return Window(item.amount, max(0, stats.remaining), stats.reset_time)

    def _too_many(self, window: Window, words: str) -> RateLimited:
        seconds = max(1, math.ceil(window.reset_at - self._clock()))
        return RateLimited(
            f"Too many {words}: {window.limit} are allowed. Try again in {seconds} s.",
            code="rate_limit_exceeded",
            retry_after=str(seconds),
        )

    def _ask(self, ask: Callable[[FixedWindowRateLimiter], _Result]) -> _Result:
        """Of the shared counters, or while these fail of those in memory."""
        if self._clock() >= self._broken_until:
            try:
                return ask(self._shared_limiter())
            except self._errors as error:
                self._note_error(error)
                self._broken_until = self._clock() + RETRY_SECONDS
        return ask(self._memory)

    def _shared_limiter(self) -> FixedWindowRateLimiter:
        if self._shared is None:
            counters: Storage = self._store.counters()
            errors = counters.base_exceptions
            self._errors = (OSError, *(errors if isinstance(errors, tuple) else (errors,)))
            self._shared = FixedWindowRateLimiter(counters)
        return self._shared

    def _note_error(self, error: Exception) -> None:
        log.warning("limits are counted in memory, by each worker alone: %s", error)


def _per_minute(amount: int) -> RateLimitItem:
    return RateLimitItemPerMinute(amount)
