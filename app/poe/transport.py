"""A gevent-native transport under fastapi_poe's httpx client.

Connections are kept alive and shared by all requests of the worker. Every wait is a wait on a
gevent socket, so an ``await`` of these coroutines never suspends.
"""

import select
import ssl
import weakref
from collections.abc import AsyncIterator, Iterable
from typing import Any

import gevent
import gevent.socket
import geventhttpclient.client
import httpx
from gevent import monkey
from geventhttpclient.client import HTTPClient
from geventhttpclient.connectionpool import ConnectionPool
from geventhttpclient.response import HTTPParseError, HTTPSocketPoolResponse

BLOCK_BYTES = 65_536
CONNECT_SECONDS = 20.0
MAX_CONNECTIONS = 1_000_000
MAX_HEADER_CHARS = 65_536
"""Of a response, its trailers included."""
MAX_SERVICE_BYTES = 1_048_576
"""Of a response that httpx reads as a whole: what Poe's upload server answers."""
SWEEP_SECONDS = 5.0
"""How often idle connections are checked: one that Poe has closed would stay half open."""

_NOT_FORWARDED = {b"connection", b"accept-encoding"}


class _BoundedResponse(HTTPSocketPoolResponse):
    """A response whose headers are bounded: geventhttpclient would keep all that comes."""

    _header_chars = 0

    def _on_header_field(self, string: str) -> None:
        self._count(string)
        super()._on_header_field(string)

    def _on_header_value(self, string: str) -> None:
        self._count(string)
        super()._on_header_value(string)

    def _count(self, string: str) -> None:
        self._header_chars += len(string)
        if self._header_chars > MAX_HEADER_CHARS:
            raise HTTPParseError(f"more than {MAX_HEADER_CHARS:,} characters of headers")


setattr(geventhttpclient.client, "HTTPSocketPoolResponse", _BoundedResponse)  # noqa: B010


class GeventTransport(httpx.AsyncBaseTransport):
    """Sends httpx requests over geventhttpclient. One for all origins and all greenlets."""

    def __init__(self, proxy: str | None = None) -> None:
        """``proxy``: an ``http://user:password@host:port`` for all requests."""
        self._proxy = _proxy_options(proxy)
        self._origins: dict[tuple[str, str, int | None], HTTPClient] = {}
        self._sweeper: gevent.Greenlet[..., None] | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """As ``send``, for httpx's own client. A body in memory is sent whole, a form with files
        by blocks."""
        body = await _body_of(request)
        incoming = self.send(request.method, request.url, _headers(request), body)
        return httpx.Response(
            incoming.status,
            headers=incoming.headers,
            stream=_Body(incoming),
            request=request,
        )

    def send(self, method: str, url: httpx.URL, headers: dict[str, str], body: Any) -> "Incoming":
        """The response as soon as its headers are there.

        Raises httpx.ConnectError before the request was sent, httpx.ReadError after.
        """
        try:
            return Incoming(
                self._origin(url).request(method, url.raw_path.decode("ascii"), body, headers)
            )
        except (gevent.socket.gaierror, gevent.socket.timeout, ConnectionRefusedError) as error:
            raise httpx.ConnectError(f"cannot connect to {url.host}") from error
        except (OSError, HTTPParseError, RuntimeError) as error:
            raise httpx.ReadError(f"no answer from {url.host}") from error

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
                network_timeout=None,  # type: ignore[arg-type]  # the caller enforces time limits
                **self._proxy,
            )
        if self._sweeper is None:  # not in __init__, which may run before a fork
            self._sweeper = gevent.spawn(_sweep, weakref.ref(self))
        return self._origins[key]

    def close_dead_connections(self) -> None:
        """Closes the idle connections that their servers have closed."""
        for origin in self._origins.values():
            _close_dead(origin._connection_pool)


def _sweep(reference: "weakref.ref[GeventTransport]") -> None:
    """Runs as long as the transport is used."""
    while (transport := reference()) is not None:
        transport.close_dead_connections()
        del transport
        gevent.sleep(SWEEP_SECONDS)


def _close_dead(pool: ConnectionPool) -> None:
    """An idle connection with readable data is closed, or has data that was not requested.

    The real poll, which waits for nothing, because gevent's would go to the hub: nobody else may
    take a connection meanwhile.
    """
    idle = [pool._socket_queue.get(block=False) for _ in range(pool._socket_queue.qsize())]
    poll = monkey.get_original("select", "poll")()
    for sock in idle:
        poll.register(sock.fileno(), select.POLLIN)
    readable = {descriptor for descriptor, _ in poll.poll(0)}
    for sock in reversed(idle):  # the last one returned is used first
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
    """The request's headers, for a kept-alive connection without compression, which would delay
    events."""
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
    """A form with files, as a file of known length that geventhttpclient sends.

    geventhttpclient never sends a POST twice, so it is read once.
    """

    def __init__(self, stream: Iterable[bytes], length: int) -> None:
        self._blocks = filter(None, stream)
        self._length = length

    def __len__(self) -> int:
        return self._length

    def read(self, size: int) -> bytes:
        """The next block, of any size; b"" at the end."""
        return next(self._blocks, b"")


class Incoming:
    """A response whose body is read as it arrives, in pieces of any size.

    geventhttpclient's own reads wait for a whole line or a whole block.
    """

    def __init__(self, response: HTTPSocketPoolResponse) -> None:
        self._response = response
        self.status = response.status_code
        self.headers: list[tuple[str, str]] = list(response.items())
        self._encoding = self.header("content-encoding").strip().lower()

    def header(self, name: str) -> str:
        """A header's value; "" if it is missing."""
        return str(self._response.get(name, ""))

    @property
    def complete(self) -> bool:
        """Whether all of the body has arrived."""
        return bool(self._response.message_complete)

    def read(self) -> bytes:
        """The available bytes; waits only if there are none; b"" at the end.

        Raises httpx.ReadError, and httpx.DecodingError for an encoding, because none was asked for:
        a few bytes could stand for gigabytes.
        """
        if self._encoding not in ("", "identity"):
            raise httpx.DecodingError(f"an encoding that was not asked for: {self._encoding[:40]}")
        response = self._response
        buffer, sock = response._body_buffer, response._sock
        try:
            while not buffer and sock is not None and not response.message_complete:
                response.feed(sock.recv(BLOCK_BYTES))
        except (OSError, HTTPParseError) as error:
            raise httpx.ReadError("the connection broke in the middle of the answer") from error
        data = bytes(buffer)
        buffer.clear()
        return data

    def read_now(self) -> bytes | None:
        """As ``read``, but None instead of waiting."""
        sock = self._response._sock
        if sock is None:
            return self.read()
        sock.settimeout(0.0)  # gevent's sockets keep it to themselves: no system call
        try:
            return self.read()
        except httpx.ReadError as error:
            if isinstance(error.__cause__, BlockingIOError | ssl.SSLWantReadError):
                return None
            raise
        finally:
            sock.settimeout(None)

    def release(self) -> None:
        """Returns the connection to the pool if the body was read to its end, else closes it."""
        self._response.release()


class _Body(httpx.AsyncByteStream):
    """A body for httpx's own client."""

    def __init__(self, incoming: Incoming) -> None:
        self._incoming = incoming

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Raises httpx.ReadError above MAX_SERVICE_BYTES."""
        received = 0
        while data := self._incoming.read():
            received += len(data)
            if received > MAX_SERVICE_BYTES:
                raise httpx.ReadError(f"the answer has more than {MAX_SERVICE_BYTES:,} bytes")
            yield data

    async def aclose(self) -> None:
        self._incoming.release()
