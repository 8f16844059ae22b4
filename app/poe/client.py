"""Asks one bot: ``ask(query, key)`` gives the events of its reply, in batches as they arrive."""

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

import fastapi_poe as fp
import fastapi_poe.client
import gevent
import httpx

from app.config import Settings
from app.core.conversation import Query
from app.core.events import Batch
from app.errors import BotTimeout, UpstreamError
from app.poe import event_source, greenlet_loop
from app.poe.error_mapping import Asked
from app.poe.partial_queue import End, PartialQueue
from app.poe.protocol import (
    Attach,
    inline_attachments,
    protocol_messages,
    read_partials,
    tool_definitions,
)
from app.poe.session import Call, QuerySession
from app.poe.transport import GeventTransport
from app.poe.uploads import Uploader

TICK_SECONDS = 1.0

NO_KEY = "none"
"""fastapi_poe's server wants some key even where its bot has none."""

QUEUE_CHARS = 100_000
"""How far a slow client may be behind; then its upstream waits."""


class _QuietRequest(fp.QueryRequest):
    """The library puts ``repr(request)`` on every partial; this one's is short."""

    def __repr__(self) -> str:
        return "<request>"


def prepare_library() -> None:
    """Give fastapi_poe what it lacks for this use, and end its printing to stdout."""
    greenlet_loop.install()
    setattr(fastapi_poe.client, "QueryRequest", _QuietRequest)  # noqa: B010 - not exported
    setattr(fastapi_poe.client, "httpx_sse", event_source)  # noqa: B010
    defaults = fastapi_poe.client.stream_request.__kwdefaults__ or {}
    defaults["on_error"] = _stay_silent


def _stay_silent(error: Exception, message: str) -> None:
    """The error comes out of the call; its message may hold what the bot or the user wrote."""


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """Where a bot is asked: ``base_url`` and ``name`` joined, and by which key.

    One's own bots are never shown a Poe key; their access key is the password in their URL.
    """

    base_url: str
    name: str
    key: str
    transport: GeventTransport
    attach: Attach


class PoeClient:
    """Every bot: Poe's, and those of BOT_URLS. Safe to share between greenlets."""

    def __init__(self, settings: Settings) -> None:
        prepare_library()
        self._settings = settings
        self._poe = GeventTransport(settings.poe_proxy)
        self._own = GeventTransport()
        self.uploader = Uploader(settings.poe_upload_url, self._poe, settings.poe_api_keys)

    def ask(self, query: Query, key: str, call: Call | None = None) -> Generator[Batch]:
        """The reply's events. An empty batch comes after each TICK_SECONDS of silence.

        Raises ApiError for all that goes wrong. Closing the iterator closes the connection to the
        bot at once, so that it stops writing.
        """
        inbox = PartialQueue(QUEUE_CHARS)
        call = call or Call()
        pump = gevent.spawn(self._pump, query, key, call, inbox)
        try:
            yield from self._batches(inbox, query.bot, call)
        finally:
            pump.kill(block=False)

    def _batches(self, inbox: PartialQueue, bot: str, call: Call) -> Iterator[Batch]:
        deadline = _Deadline(self._settings, bot, call.first_event_by)
        while True:
            partials, end = inbox.take(TICK_SECONDS)
            if partials:
                deadline.renew()
            elif end is None:
                deadline.check()
            yield read_partials(partials)
            if end is not None:
                end.raise_if_failed()
                return

    def _pump(self, query: Query, key: str, call: Call, inbox: PartialQueue) -> None:
        """Moves partials from the bot into the inbox, then how it ended."""
        asked = Asked(f"the bot {query.bot!r}", "bot", key, key in self._settings.poe_api_keys)
        try:
            endpoint = self._endpoint(query.bot, key)
            if endpoint.transport is self._own:
                asked = Asked(asked.subject, "own_bot", endpoint.key)
            for piece in self._partials(query, endpoint, call):
                inbox.put(piece)
        except Exception as error:  # noqa: BLE001 - handed to the greenlet that asked
            inbox.close(End(asked, error))
        else:
            inbox.close(End(asked))

    def _partials(
        self, query: Query, endpoint: "_Endpoint", call: Call
    ) -> Iterator[fp.PartialResponse]:
        return fp.get_bot_response_sync(
            protocol_messages(query, endpoint.attach),
            endpoint.name,
            endpoint.key,
            tools=tool_definitions(query.tools),
            temperature=query.temperature,
            skip_system_prompt=True,
            logit_bias=dict(query.logit_bias) if query.logit_bias else None,
            stop_sequences=list(query.stop) or None,
            base_url=endpoint.base_url,
            session=QuerySession(endpoint.transport, call),  # type: ignore[arg-type]  # all it calls
        )

    def _endpoint(self, bot: str, key: str) -> "_Endpoint":
        own_url = self._settings.url_of(bot)
        if own_url is None and not key:
            raise UpstreamError(
                "This gateway has no Poe key (POE_API_KEYS): it can ask only the bots of BOT_URLS."
            )
        if own_url is None:
            name = quote(bot, safe="")
            attach = partial(self.uploader.attach, key=key)
            return _Endpoint(self._settings.poe_base_url, name, key, self._poe, attach)
        url = httpx.URL(own_url)
        bare_url = str(url.copy_with(username="", password=""))
        return _Endpoint(bare_url, "", url.password or NO_KEY, self._own, inline_attachments)


class _Deadline:
    """When a silent bot is given up: FIRST_EVENT_TIMEOUT, then IDLE_TIMEOUT after each event."""

    def __init__(self, settings: Settings, bot: str, first_event_by: float | None) -> None:
        self._settings = settings
        self._bot = bot
        self._started = False
        self._at = first_event_by or time.monotonic() + settings.first_event_timeout

    def renew(self) -> None:
        self._started = True
        self._at = time.monotonic() + self._settings.idle_timeout

    def check(self) -> None:
        """Raises BotTimeout before the bot's first event, UpstreamError after it."""
        if time.monotonic() < self._at:
            return
        if not self._started:
            seconds = self._settings.first_event_timeout
            raise BotTimeout(f"The bot {self._bot!r} did not start within {seconds:g} seconds.")
        seconds = self._settings.idle_timeout
        raise UpstreamError(f"The bot {self._bot!r} sent nothing for {seconds:g} seconds.")
