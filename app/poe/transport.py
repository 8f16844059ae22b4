"""A gevent-native transport under fastapi_poe's httpx client.

Connections are kept alive and shared by all requests of the worker. Every wait is a wait on a
gevent socket, so an ``await`` of these coroutines never suspends.
"""

import select
import weakref
from collections.abc import AsyncIterator, Iterable
from typing import Any

import gevent
import gevent.socket
import httpx
from gevent import monkey
from geventhttpclient.client import HTTPClient
from geventhttpclient.connectionpool import ConnectionPool
from geventhttpclient.response import HTTPParseError, HTTPSocketPoolResponse

BLOCK_BYTES = 65_536
CONNECT_SECONDS = 20.0
MAX_CONNECTIONS = 1_000_000
SWEEP_SECONDS = 5.0
"""How often idle connections are looked at: one that Poe has closed would else stay half open."""

_NOT_FORWARDED = {b"connection", b"accept-encoding"}


class GeventTransport(httpx.AsyncBaseTransport):
    """Sends httpx requests over geventhttpclient. One for all origins and all greenlets."""

    def __init__(self, proxy: str | None = None) -> None:
        """``proxy``: an ``http://user:password@host:port`` that all requests go through."""
        self._proxy = _proxy_options(proxy)
        self._origins: dict[tuple[str, str, int | None], HTTPClient] = {}
        self._sweeper: gevent.Greenlet[..., None] | None = None

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
        if self._sweeper is None:  # not when it is made, which may be before a fork
            self._sweeper = gevent.spawn(_sweep, weakref.ref(self))
        return self._origins[key]

    def close_dead_connections(self) -> None:
        """Closes the idle connections that their servers have closed."""
        for origin in self._origins.values():
            _close_dead(origin._connection_pool)


def _sweep(reference: "weakref.ref[GeventTransport]") -> None:
    """For as long as somebody uses the transport."""
    while (transport := reference()) is not None:
        transport.close_dead_connections()
        del transport
        gevent.sleep(SWEEP_SECONDS)


def _close_dead(pool: ConnectionPool) -> None:
    """An idle connection that can be read from is closed, or holds what nobody has asked for.

    The real poll, which waits for nothing, because gevent's would go to the hub: nobody else may
    take a connection meanwhile.
    """
    idle = [pool._socket_queue.get(block=False) for _ in range(pool._socket_queue.qsize())]
    poll = monkey.get_original("select", "poll")()
    for sock in idle:
        poll.register(sock.fileno(), select.POLLIN)
    readable = {descriptor for descriptor, _ in poll.poll(0)}
    for sock in reversed(idle):  # the last one back in is the first one out
        if sock.fileno() in readable:
            sock.close()
        else:
            pool._socket_queue.put(sock)


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
