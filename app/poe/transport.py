"""A gevent-native transport under fastapi_poe's httpx client.

Connections are kept alive and shared by all requests of the worker. Every wait is a wait on a
gevent socket, so an ``await`` of these coroutines never suspends.
"""

from collections.abc import AsyncIterator, Iterable
from typing import Any

import gevent.socket
import httpx
from geventhttpclient.client import HTTPClient
from geventhttpclient.response import HTTPParseError, HTTPSocketPoolResponse

BLOCK_BYTES = 65_536
CONNECT_SECONDS = 20.0
MAX_CONNECTIONS = 1_000_000

_NOT_FORWARDED = {b"connection", b"accept-encoding"}


class GeventTransport(httpx.AsyncBaseTransport):
    """Sends httpx requests over geventhttpclient. One for all origins and all greenlets."""

    def __init__(self, proxy: str | None = None) -> None:
        """``proxy``: an ``http://user:password@host:port`` that all requests go through."""
        self._proxy = _proxy_options(proxy)
        self._origins: dict[tuple[str, str, int | None], HTTPClient] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The response as soon as its headers are there.

        Raises httpx.ConnectError before the request was sent, httpx.ReadError after. A body
        in memory is sent whole, a form with files by blocks.
        """
        origin = self._origin(request.url)
        body = await _body_of(request)
        try:
            response = origin.request(
                request.method,
                request.url.raw_path.decode("ascii"),
                body=body,
                headers=_headers(request),
            )
        except (gevent.socket.gaierror, gevent.socket.timeout, ConnectionRefusedError) as error:
            raise httpx.ConnectError(f"cannot connect to {request.url.host}") from error
        except (OSError, HTTPParseError, RuntimeError) as error:
            raise httpx.ReadError(f"no answer from {request.url.host}") from error
        return httpx.Response(
            response.status_code,
            headers=list(response.items()),
            stream=_Body(response),
            request=request,
        )

    def _origin(self, url: httpx.URL) -> HTTPClient:
        """The pool of connections to one scheme, host and port. Its TLS context is built once."""
        key = (url.scheme, url.host, url.port)
        if key not in self._origins:
            self._origins[key] = HTTPClient(
                url.host,
                url.port,
                ssl=url.scheme == "https",
                concurrency=MAX_CONNECTIONS,
                block_size=BLOCK_BYTES,
                connection_timeout=CONNECT_SECONDS,
                network_timeout=None,  # type: ignore[arg-type]  # the asker keeps the time
                **self._proxy,
            )
        return self._origins[key]


def _proxy_options(proxy: str | None) -> dict[str, Any]:
    if proxy is None:
        return {}
    url = httpx.URL(proxy)
    options: dict[str, Any] = {"proxy_host": url.host, "proxy_port": url.port or 80}
    if url.username:
        options |= {"proxy_user": url.username, "proxy_password": url.password}
    return options


def _headers(request: httpx.Request) -> dict[str, str]:
    """The request's own, but kept alive, and uncompressed so that events are never held back."""
    return {
        name.decode("ascii"): value.decode("latin-1")
        for name, value in request.headers.raw
        if name.lower() not in _NOT_FORWARDED
    }


async def _body_of(request: httpx.Request) -> Any:
    stream, length = request.stream, request.headers.get("content-length")
    in_memory = isinstance(stream, httpx.ByteStream)
    if isinstance(stream, httpx.SyncByteStream) and not in_memory and length is not None:
        return _Form(stream, int(length))
    return await request.aread()


class _Form:
    """A form with files, as the file that geventhttpclient sends: of a length known before.

    geventhttpclient never sends a POST twice, so it is read once.
    """

    def __init__(self, stream: Iterable[bytes], length: int) -> None:
        self._blocks = filter(None, stream)
        self._length = length

    def __len__(self) -> int:
        return self._length

    def read(self, size: int) -> bytes:
        """The next block, whatever its size; b"" at the end."""
        return next(self._blocks, b"")


class _Body(httpx.AsyncByteStream):
    """The bytes of a response as they come, however few."""

    def __init__(self, response: HTTPSocketPoolResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while data := _receive(self._response):
                yield data
        except (OSError, HTTPParseError) as error:
            raise httpx.ReadError("the connection broke in the middle of the answer") from error

    async def aclose(self) -> None:
        """Back to the pool where the body was read to its end; else the connection is closed."""
        self._response.release()


def _receive(response: HTTPSocketPoolResponse) -> bytes:
    """What is there, waiting only where nothing is; b"" at the end.

    geventhttpclient's own reads wait for a whole line or a whole block.
    """
    buffer, sock = response._body_buffer, response._sock
    while not buffer and sock is not None and not response.message_complete:
        response.feed(sock.recv(BLOCK_BYTES))
    data = bytes(buffer)
    buffer.clear()
    return data
