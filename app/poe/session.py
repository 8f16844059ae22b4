"""What fastapi_poe is given as its ``httpx.AsyncClient`` for one query."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import httpx
import orjson
from fastapi_poe.client import BotErrorNoRetry

ERROR_BODY_CHARS = 4_000

_url = lru_cache(maxsize=1024)(httpx.URL)


class PoeStatus(BotErrorNoRetry):
    """An HTTP status other than 200 from a bot's endpoint, which fastapi_poe itself never reads.

    A subclass of BotErrorNoRetry, so that the library hands it on at once.
    """

    def __init__(self, status: int, body: str, retry_after: str | None) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.body = body
        self.retry_after = retry_after


@dataclass(slots=True)
class Call:
    """What is said and heard beside one question.

    ``first_event_by``: when a bot that has not started is given up, by time.monotonic; None leaves
    it to FIRST_EVENT_TIMEOUT. ``headers`` are sent; ``answer_headers`` came with the last answer,
    their names in lower case.
    """

    first_event_by: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    answer_headers: Mapping[str, str] = field(default_factory=dict)


class QuerySession:
    """The two methods that fastapi_poe calls on its client, without the client.

    Cookies, redirects and the environment's proxies have no place in a query, and leaving them
    out saves a third of a millisecond a request.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport, call: Call) -> None:
        self._transport = transport
        self._call = call

    @asynccontextmanager
    async def stream(
        self, method: str, url: str, *, headers: dict[str, str], **body: Any
    ) -> AsyncIterator[httpx.Response]:
        """The response to a query, while its body comes. Raises PoeStatus."""
        headers |= {"Content-Type": "application/json", **self._call.headers}
        request = httpx.Request(method, _url(url), headers=headers, content=_encode(body["json"]))
        response = await self._transport.handle_async_request(request)
        self._call.answer_headers = response.headers
        try:
            if response.status_code != 200:
                raise await status_of(response)
            yield response
        finally:
            await response.aclose()

    async def post(self, *args: Any, **kwargs: Any) -> None:
        """Drops it: fastapi_poe posts a ``report_error`` for answers that it does not like, among
        them every answer without text, which is what image bots give."""


def _encode(payload: Any) -> bytes:
    """JSON, by orjson where it can: an agent's history is half a megabyte at each turn.

    It refuses what only a bot's parameters can still hold: lone surrogates, huge whole numbers.
    """
    try:
        return orjson.dumps(payload)
    except TypeError:
        return json.dumps(payload, allow_nan=False).encode("ascii")


async def status_of(response: httpx.Response) -> PoeStatus:
    await response.aread()
    return PoeStatus(
        response.status_code,
        response.text[:ERROR_BODY_CHARS],
        response.headers.get("retry-after"),
    )
