"""Asks a bot: ``ask(query, key)`` yields the events of its reply in batches, as they arrive."""

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
from app.errors import ApiError, UpstreamError
from app.poe import event_source, greenlet_loop
from app.poe.deadline import Deadline
from app.poe.error_mapping import Asked, translate_error
from app.poe.event_source import is_silence
from app.poe.pacing import ReadPacer
from app.poe.protocol import (
    Attach,
    inline_attachments,
    protocol_messages,
    read_partial,
    tool_definitions,
)
from app.poe.session import Exchange, QuerySession, Wire
from app.poe.silence import TICK_SECONDS, SilenceWatch
from app.poe.transport import GeventTransport
from app.poe.uploads import Uploader

NO_KEY = "none"
"""fastapi_poe's server requires a key even for bots without one."""


class _QuietRequest(fp.QueryRequest):
    """The library adds ``repr(request)`` to every partial, so it is kept short."""

    def __repr__(self) -> str:
        return "<request>"


def prepare_library() -> None:
    """Patches fastapi_poe for use with gevent, and stops it from printing to stdout."""
    greenlet_loop.install()
    setattr(fastapi_poe.client, "QueryRequest", _QuietRequest)  # noqa: B010 - not exported
    setattr(fastapi_poe.client, "httpx_sse", event_source)  # noqa: B010
    defaults = fastapi_poe.client.stream_request.__kwdefaults__ or {}
    defaults["on_error"] = _stay_silent


def _stay_silent(error: Exception, message: str) -> None:
    """Prints nothing: the call raises the error, whose message may contain user data."""


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """The address of a bot, ``base_url`` and ``name`` joined, and the key to ask it with.

    One's own bots are never shown a Poe key; their access key is the password in their URL.
    """

    base_url: str
    name: str
    key: str
    transport: GeventTransport
    attach: Attach


class PoeClient:
    """Asks the bots of Poe and of BOT_URLS. Safe to share between greenlets."""

    def __init__(self, settings: Settings) -> None:
        prepare_library()
        self._settings = settings
        self.wire = Wire(
            GeventTransport(settings.poe_proxy),
            ReadPacer(settings.max_read_pause_ms / 1000),
            SilenceWatch(),
        )
        self._poe = self.wire.transport
        self._own = GeventTransport()
        self.uploader = Uploader(settings.poe_upload_url, self._poe, settings.poe_api_keys)

    def ask(self, query: Query, key: str, exchange: Exchange | None = None) -> Generator[Batch]:
        """The reply's events. An empty batch comes after each TICK_SECONDS of silence.

        Raises ApiError for all that goes wrong. Closing the iterator closes the connection to the
        bot at once, so that it stops writing.
        """
        pooled = key in self._settings.poe_api_keys
        asked = Asked(f"the bot {query.bot!r}", "bot", key, pooled)
        exchange = exchange or Exchange()
        deadline = Deadline(self._settings, query.bot, exchange.first_event_by)
        call = _Call(query, asked, deadline, exchange)
        opening = gevent.spawn(self._open, call)
        try:
            yield from self._batches(call, opening)
        finally:
            if opening.ready():
                call.close()
            else:
                opening.kill(block=False)

    def _open(self, call: "_Call") -> None:
        """Asks the bot and waits for the first partial of its answer.

        In a greenlet of its own, for uploads and a bot that thinks take long, and the client is to
        hear something meanwhile. Once the answer has begun, the greenlet that serves the client
        reads on by itself: a second one would cost two switches for each token.
        """
        try:
            endpoint = self._endpoint(call.query.bot, call.asked.key, call.exchange.owner)
            if endpoint.transport is self._own:
                call.asked = Asked(call.asked.subject, "own_bot", endpoint.key)
            call.partials = self._partials(call.query, endpoint, call.exchange)
            for partial in call.partials:
                if not isinstance(partial, fp.MetaResponse):  # Poe's ``meta`` begins no answer
                    call.deadline.renew()
                    call.first = partial
                    break
        except Exception as error:  # noqa: BLE001 - handed to the greenlet that asked
            call.error = error

    def _batches(self, call: "_Call", opening: "gevent.Greenlet[..., None]") -> Iterator[Batch]:
        deadline = call.deadline
        while not opening.ready():
            opening.join(TICK_SECONDS)
            if not opening.ready():
                deadline.check()
                yield []
        try:
            for partial in call:
                if is_silence(partial):
                    deadline.check()
                else:
                    deadline.renew()
                yield read_partial(partial)
        except ApiError:
            raise
        except Exception as error:
            raise translate_error(error, call.asked) from error

    def _partials(
        self, query: Query, endpoint: "_Endpoint", exchange: Exchange
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
            session=QuerySession(  # type: ignore[arg-type]  # it has all that is called
                endpoint.transport,
                self.wire.pacer,
                self.wire.silence,
                exchange,
                self._settings.max_answer_mb * 1_000_000,
            ),
        )

    def _endpoint(self, bot: str, key: str, owner: str) -> "_Endpoint":
        own_url = self._settings.url_of(bot)
        if own_url is None and not key:
            raise UpstreamError(
                "This gateway has no Poe key (POE_API_KEYS): it can ask only the bots of BOT_URLS."
            )
        if own_url is None:
            name = quote(bot, safe="")
            attach = partial(self.uploader.attach, key=key, owner=owner)
            return _Endpoint(self._settings.poe_base_url, name, key, self._poe, attach)
        url = httpx.URL(own_url)
        bare_url = str(url.copy_with(username="", password=""))
        return _Endpoint(bare_url, "", url.password or NO_KEY, self._own, inline_attachments)


class _Call:
    """One call of a bot: the partials of its answer, or why there are none.

    ``asked``: which bot, and by which key, for the words of an error.
    """

    def __init__(self, query: Query, asked: Asked, deadline: Deadline, exchange: Exchange) -> None:
        self.query = query
        self.asked = asked
        self.deadline = deadline
        self.exchange = exchange
        self.partials: Iterator[fp.PartialResponse] = iter(())
        self.first: fp.PartialResponse | None = None
        self.error: Exception | None = None

    def __iter__(self) -> Iterator[fp.PartialResponse]:
        if self.error is not None:
            raise self.error
        if self.first is not None:
            yield self.first
        yield from self.partials

    def close(self) -> None:
        """Closes the connection to the bot, unless the answer has ended."""
        close = getattr(self.partials, "close", None)  # a generator, once it has started
        if close is not None:
            close()
