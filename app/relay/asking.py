"""Asks with keys of the pool: takes one, reports how it went, and goes on with the next one.

A question is asked again only as long as no event of an answer has come: what has begun may have
been paid for.
"""

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sized
from contextlib import closing
from functools import partial
from typing import TypeVar

import gevent

from app.access.client import Client
from app.access.pool import Pool, PoolKey, seconds_of
from app.access.resting import Event
from app.config import Settings
from app.core.conversation import Query, Text
from app.core.events import Batch
from app.errors import ApiError, KeyFault, UpstreamError
from app.poe.client import PoeClient
from app.poe.session import Exchange

MAX_ATTEMPTS = 6
"""Of one request, whatever keys and bots it tries."""

PAUSE_SECONDS = 0.2
"""Before the same key is tried again after a fault of the connection."""

AFFINITY_CHARS = 2_000
"""Of the first user message, by which a conversation without a name keeps its key."""

ACCOUNT, UPLOAD = "(account)", "(upload)"
"""In the place of a bot's name, for the state of a key: no bot is asked."""

_RATE_LIMIT_NAMES = ("limit", "remaining", "reset")

_Result = TypeVar("_Result")
_Batch = TypeVar("_Batch", bound=Sized)


class Asker:
    """One for the worker. Bots of BOT_URLS and clients with a key of their own need no pool.

    ``accepted`` is called with the owner of each key of a client that Poe has answered for.
    """

    def __init__(
        self,
        settings: Settings,
        client: PoeClient,
        pool: Pool,
        accepted: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._client = client
        self._pool = pool
        self._accepted = accepted

    def ask(self, query: Query, client: Client) -> Iterator[Batch]:
        """The reply's events, as ``PoeClient.ask`` gives them. Raises ApiError."""
        ask = partial(self._client.ask, query)
        return self.ask_with(ask, query.bot, client, affinity_of(query))

    def ask_with(
        self,
        ask: Callable[[str, Exchange], Generator[_Batch]],
        bot: str,
        client: Client,
        affinity: str,
        only: PoolKey | None = None,
    ) -> Iterator[_Batch]:
        """What ``ask`` gives, whose first batch that is not empty begins an answer; asked with the
        next key where that is of use. Raises ApiError.

        ``affinity``: by which a conversation without a name keeps its key. ``only``: the one key
        that can be asked.
        """
        exchange = Exchange(
            time.monotonic() + self._settings.first_event_timeout,
            _headers_for(client),
            owner=client.owner,
        )
        if not self._needs_pool(bot, client):
            client.visit.attempts += 1
            with closing(ask(client.key, exchange)) as batches:
                yield from self._noting_acceptance(batches, bot, client)
            client.visit.poe_headers = exchange.answer_headers
            return
        session = client.visit.session or affinity
        attempts = Attempts(self._pool, self._settings, client, bot, session, only)
        while True:
            key = attempts.next_key()
            try:
                with closing(ask(key.secret, exchange)) as batches:
                    yield from attempts.watch(batches)
                return
            except ApiError as error:
                attempts.fail(error)
            finally:
                client.visit.poe_headers = exchange.answer_headers
                if limit := rate_limit_in(exchange.answer_headers):
                    self._pool.rate_limits[key.digest] = limit

    def pool_key(self, digest: str) -> PoolKey | None:
        """The key of the pool with that digest, if it is still there."""
        return next((key for key in self._pool.keys if key.digest == digest), None)

    def digest_of(self, number: int) -> str:
        """The digest of a key of the pool; "" for the number 0, which is no key's."""
        key = self._pool.key_numbered(number)
        return key.digest if key else ""

    def with_key(self, client: Client, purpose: str, use: Callable[[str], _Result]) -> _Result:
        """What ``use`` makes of a key; tried with others where that key is at fault."""
        if not client.has_token:
            client.visit.attempts += 1
            result = use(client.key)
            self._accepted(client.owner)
            return result
        if not self._pool.keys:
            raise UpstreamError("This gateway has no Poe key (POE_API_KEYS) to ask Poe with.")
        attempts = Attempts(self._pool, self._settings, client, purpose, client.visit.session)
        while True:
            key = attempts.next_key()
            try:
                result = use(key.secret)
            except ApiError as error:
                attempts.fail(error)
            else:
                attempts.succeed()
                return result

    def _noting_acceptance(
        self, batches: Iterator[_Batch], bot: str, client: Client
    ) -> Iterator[_Batch]:
        is_known = client.has_token or self._settings.url_of(bot) is not None
        for batch in batches:
            if batch and not is_known:
                self._accepted(client.owner)
                is_known = True
            yield batch

    def _needs_pool(self, bot: str, client: Client) -> bool:
        return client.has_token and bool(self._pool.keys) and not self._settings.url_of(bot)


class Attempts:
    """The tries of one question. ``next_key`` begins one; ``succeed`` or ``fail`` ends it."""

    def __init__(
        self,
        pool: Pool,
        settings: Settings,
        client: Client,
        bot: str,
        affinity: str,
        only: PoolKey | None = None,
    ) -> None:
        self._pool = pool
        self._only = only
        self._settings = settings
        self._visit = client.visit
        self._bot = bot
        self._affinity = f"{client.owner}:{affinity}"
        self._tried: list[PoolKey] = []
        self._again: PoolKey | None = None
        self._key: PoolKey | None = None
        self._asked_at = 0.0
        self._has_begun = False
        self._unavailable = 0

    def next_key(self) -> PoolKey:
        """Raises ApiError where no key can be asked."""
        key = self._again or self._next_choice()
        if key is None:
            raise self._pool.resting_error(self._bot, self._only)
        self._key, self._again, self._has_begun = key, None, False
        self._asked_at = self._pool.clock()
        self._visit.key = key.number
        self._visit.attempts += 1
        return key

    def _next_choice(self) -> PoolKey | None:
        if self._only is None:
            return self._pool.choose(self._affinity, self._bot, self._tried)
        return None if self._pool.rests(self._only, self._bot) else self._only

    def watch(self, batches: Iterator[_Batch]) -> Iterator[_Batch]:
        """The same batches; the first that is not empty is the beginning of an answer."""
        for batch in batches:
            if batch and not self._has_begun:
                self.succeed()
            yield batch
        if not self._has_begun:
            self.succeed()

    def succeed(self) -> None:
        self._has_begun = True
        self._report(Event.ANSWERED)

    def fail(self, error: ApiError) -> None:
        """Returns where another try is due. Raises what the client gets otherwise."""
        if self._has_begun or error.key_fault is None:
            raise error
        self._report(error.key_fault, seconds_of(error.retry_after, self._pool.clock()))
        is_unavailable = error.key_fault is KeyFault.UNAVAILABLE
        if self._key is not None and self._key not in self._tried:
            self._tried.append(self._key)
        if self._visit.attempts >= MAX_ATTEMPTS:
            raise error
        if self._only is not None and not is_unavailable:
            raise error
        if is_unavailable:
            self._try_once_more(error)
        elif len(self._tried) >= self._settings.pool_tries:
            raise error
        elif len(self._tried) == len(self._pool.keys):
            raise self._pool.resting_error(self._bot) from error

    def _try_once_more(self, error: ApiError) -> None:
        """With another key where there is one, else with the same after a pause."""
        self._unavailable += 1
        if self._unavailable > 1:
            raise error
        others = len(self._tried) < min(self._settings.pool_tries, len(self._pool.keys))
        if others and self._only is None and self._pool.may_choose(self._bot, self._tried):
            return
        gevent.sleep(PAUSE_SECONDS)
        if self._key is None or self._pool.rests(self._key, self._bot):
            raise error
        self._again = self._key

    def _report(self, outcome: KeyFault | Event, retry_after: float | None = None) -> None:
        if self._key is not None:
            self._pool.report(
                self._key,
                self._bot,
                outcome,
                asked_at=self._asked_at,
                retry_after=retry_after,
            )


def rate_limit_in(headers: Mapping[str, str]) -> dict[str, int] | None:
    """What Poe says of the key's requests a minute; None where it says nothing of the kind."""
    values = [headers.get(f"x-ratelimit-{name}-requests", "") for name in _RATE_LIMIT_NAMES]
    if not all(value.isdecimal() and len(value) < 10 for value in values):
        return None
    limit, remaining, reset = map(int, values)
    now = int(time.time())
    return {"limit": limit, "remaining": remaining, "reset_seconds": reset, "at": now}


def affinity_of(query: Query) -> str:
    """What a conversation begins with: its first user message."""
    for message in query.messages:
        if message.role == "user":
            texts = [part.text for part in message.parts if isinstance(part, Text)]
            return "\n".join(text[:AFFINITY_CHARS] for text in texts)[:AFFINITY_CHARS]
    return ""


def _headers_for(client: Client) -> dict[str, str]:
    """By which an operator and Poe can speak of one request."""
    visit = client.visit
    headers = {"x-request-id": visit.request_id, "traceparent": visit.traceparent}
    return {name: value for name, value in headers.items() if value}
