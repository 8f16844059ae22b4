"""The replacement of fastapi_poe's ``httpx.AsyncClient``, for one query."""

import json
import math
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import gevent
import httpx
import orjson
from fastapi_poe.client import BotErrorNoRetry

from app.core import turns
from app.poe.pacing import ReadPacer, Turn
from app.poe.silence import SilenceWatch
from app.poe.transport import GeventTransport, Incoming

ERROR_BODY_CHARS = 4_000
ERROR_BODY_BYTES = 65_536
"""How much of an error's body is read."""
END_SECONDS = 0.05

parsed_url = lru_cache(maxsize=1024)(httpx.URL)


class PoeStatus(BotErrorNoRetry):
    """An HTTP status other than 200 from a bot's endpoint, which fastapi_poe does not check.

    A subclass of BotErrorNoRetry, so that the library hands it on at once.
    """

    def __init__(self, status: int, body: str, retry_after: str | None) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.body = body
        self.retry_after = retry_after


@dataclass(slots=True)
class Exchange:
    """What is sent and received beside one question.

    ``first_event_by``: when a bot that has not started is given up, by time.monotonic; None leaves
    it to FIRST_EVENT_TIMEOUT. ``headers`` are sent; ``answer_headers`` came with the last answer,
    their names in lower case. ``owner``: whose files are uploaded.
    """

    first_event_by: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    answer_headers: Mapping[str, str] = field(default_factory=dict)
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Wire:
    """What all questions to Poe share in a worker: connections, pace, and the watch for silence."""

    transport: GeventTransport
    pacer: ReadPacer
    silence: SilenceWatch


class AnswerTooLarge(BotErrorNoRetry):
    """An answer above MAX_ANSWER_MB. Asking again would not help."""

    def __init__(self) -> None:
        super().__init__("more than MAX_ANSWER_MB")


class QuerySession:
    """The two methods of its client that fastapi_poe calls.

    Cookies, redirects and the environment's proxies have no place in a query, and httpx's own
    requests and responses cost as much as half of the rest of a short one.
    """

    def __init__(
        self,
        transport: GeventTransport,
        pacer: ReadPacer,
        silence: SilenceWatch,
        exchange: Exchange,
        max_answer_bytes: float,
    ) -> None:
        self._exchange = exchange
        self._transport = transport
        self._max_answer_bytes = max_answer_bytes
        self._pacer = pacer
        self._silence = silence

    @asynccontextmanager
    async def stream(
        self, method: str, url: str, *, headers: dict[str, str], **body: Any
    ) -> AsyncIterator["AnswerStream"]:
        """The response to a query, while its body arrives. Raises PoeStatus."""
        headers |= {"Content-Type": "application/json", **self._exchange.headers}
        payload = encode_json(body["json"])
        turns.after(len(payload))
        incoming = self._transport.send(method, parsed_url(url), headers, payload)
        self._exchange.answer_headers = {name.lower(): value for name, value in incoming.headers}
        self._pacer.streams += 1
        try:
            if incoming.status != 200:
                raise status_of_incoming(incoming)
            yield AnswerStream(incoming, self._pacer, self._silence, self._max_answer_bytes)
        finally:
            self._pacer.streams -= 1
            incoming.release()

    async def post(self, *args: Any, **kwargs: Any) -> None:
        """Does nothing: fastapi_poe posts ``report_error`` for answers that it considers wrong,
        such as every answer without text, which image bots give."""


class AnswerStream:
    """The body of a bot's answer, read at the worker's pace."""

    def __init__(
        self,
        incoming: Incoming,
        pacer: ReadPacer,
        silence: SilenceWatch,
        max_answer_bytes: float = math.inf,
    ) -> None:
        self.max_answer_bytes = max_answer_bytes
        self.content_type = incoming.header("content-type")
        self._incoming = incoming
        self._pacer = pacer
        self._silence = silence
        self._turn = Turn()

    def read(self, *, begun: bool) -> bytes | None:
        """The next bytes; b"" at the end, None for a while of silence. Raises httpx.ReadError.

        ``begun``: the first event was there. What comes before it is neither held up nor
        interrupted.
        """
        if not begun:
            return self._incoming.read()
        self._turn.give_way()
        if pause := self._pacer.pause():
            # What has arrived already, such as the rest of a burst, is read without a pause.
            data = self._incoming.read_now()
            if data is not None:
                return data
            gevent.sleep(pause)
        return self._silence.receive(self._incoming.read)

    def read_to_the_end(self) -> None:
        """Reads the end of the body, which follows the last event, so that the connection can be
        kept."""
        if self._incoming.complete:
            return
        with suppress(httpx.HTTPError), gevent.Timeout(END_SECONDS, False):  # type: ignore[arg-type]
            while self._incoming.read():
                pass


def encode_json(payload: Any) -> bytes:
    """JSON, by orjson if possible: an agent's history is half a megabyte at each turn.

    It refuses what only a bot's parameters can still hold: lone surrogates, huge whole numbers.
    """
    try:
        return orjson.dumps(payload)
    except TypeError:
        return json.dumps(payload, allow_nan=False).encode("ascii")


def status_of_incoming(incoming: Incoming) -> PoeStatus:
    body = bytearray()
    with suppress(httpx.HTTPError):  # the status is known, and says more than a broken body
        while len(body) < ERROR_BODY_BYTES and (data := incoming.read()):
            body += data
    text = body.decode(errors="replace")[:ERROR_BODY_CHARS]
    return PoeStatus(incoming.status, text, incoming.header("retry-after") or None)


async def status_of(response: httpx.Response) -> PoeStatus:
    """The same of a response of httpx's own client."""
    body = bytearray()
    with suppress(httpx.HTTPError):
        async for data in response.aiter_raw():
            body += data
            if len(body) >= ERROR_BODY_BYTES:
                break
    return PoeStatus(
        response.status_code,
        body.decode(errors="replace")[:ERROR_BODY_CHARS],
        response.headers.get("retry-after"),
    )
