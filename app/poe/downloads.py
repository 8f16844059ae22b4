"""Fetches files that bots link to, where the gateway itself needs their bytes (b64_json, audio).

links.py decides which links may be followed. The connection goes to the address that was checked,
while TLS and the Host header name the link's host. Each redirect is checked as a link of its own.

With POE_PROXY the proxy gets the checked address, not the name, except for Poe's own hosts. Bots of
BOT_URLS are reached without the proxy.
"""

import re
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from urllib.parse import unquote, urljoin, urlsplit

import certifi
import gevent
import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from app.config import Settings
from app.core import turns
from app.core.media_types import UNKNOWN
from app.errors import UpstreamError
from app.poe.links import Link, Origin, hosts_of, own_bots, read_link, unfetched

MAX_BYTES = 100 * 1024 * 1024
MAX_REDIRECTS = 5

CONNECT_SECONDS, OPEN_SECONDS, IDLE_SECONDS, TOTAL_SECONDS = 10.0, 60.0, 60.0, 600.0
"""For connecting; until the file begins, redirects included; between its bytes; in total."""

BLOCK_BYTES = 65_536
_ENCODINGS = ("", "identity", "gzip", "x-gzip")
"""gzip although none is asked for: object stores send files as they were put there."""
_REDIRECTS = (301, 302, 303, 307, 308)


class Budget:
    """How many bytes the files of one answer may have in memory together."""

    def __init__(self, size: int) -> None:
        self._size = self._left = size

    def spend(self, size: int) -> None:
        """Raises UpstreamError if the budget is exceeded."""
        self._left -= size
        if self._left < 0:
            raise unfetched(f"the answer's files are larger than {self._size // 1_000_000} MB")


class Download:
    """A file being downloaded, to be read once. ``length``: its size, if the server sends it."""

    def __init__(self, response: urllib3.BaseHTTPResponse, ends_at: float) -> None:
        self._response = response
        self._ends_at = ends_at
        self.content_type = response.headers.get("content-type") or UNKNOWN
        self.length = _length_of(response)
        encoding = response.headers.get("content-encoding", "").strip().lower()
        self.is_readable = encoding in _ENCODINGS

    def __iter__(self) -> Iterator[bytes]:
        """Its bytes as they arrive. Raises UpstreamError for a broken, slow or too large file."""
        received = 0
        try:
            while data := self._receive():
                received += len(data)
                turns.give_way()  # else a bomb of a few bytes would hold up all other clients
                _check_size(received)
                yield data
        finally:
            self.close()

    def read(self, budget: Budget) -> bytes:
        """All of its bytes. Raises UpstreamError, also if the budget is exceeded."""
        data = bytearray()
        for block in self:
            budget.spend(len(block))
            data += block
        return bytes(data)

    def close(self) -> None:
        """Closes the connection. Safe at any time."""
        self._response.close()

    def _receive(self) -> bytes:
        seconds = min(IDLE_SECONDS, self._ends_at - time.monotonic())
        if seconds <= 0:
            raise unfetched("it took too long")
        with _at_most(seconds), _translated():
            return self._response.read1(BLOCK_BYTES, decode_content=True)


def open_download(url: str, settings: Settings, home: Origin | None = None) -> Download:
    """The file behind a bot's link, once its server has begun to send it.

    ``home``: the server of whoever wrote the link (``links.py``).

    Raises UpstreamError, for the link is the bot's: where it may not be followed, and for all that
    goes wrong on the way.
    """
    ends_at = time.monotonic() + TOTAL_SECONDS
    with _at_most(OPEN_SECONDS):
        for _ in range(MAX_REDIRECTS + 1):
            response = _get(read_link(url), settings, home)
            if response.status not in _REDIRECTS:
                return _started(Download(response, ends_at), response.status)
            response.close()
            url = _redirected(url, response.headers.get("location"))
    raise unfetched("its link is redirected too often")


def _redirected(url: str, location: str | None) -> str:
    try:
        return urljoin(url, location or "")
    except ValueError as error:
        raise unfetched("it is redirected to what is no link") from error


def _started(download: Download, status: int) -> Download:
    try:
        if status != 200:
            raise unfetched(f"its server answered with HTTP {status}")
        if not download.is_readable:
            raise unfetched("its server sent it in an encoding that was not asked for")
        _check_size(download.length or 0)
    except UpstreamError:
        download.close()
        raise
    return download


def _length_of(response: urllib3.BaseHTTPResponse) -> int | None:
    """None if unknown, and for an encoded or chunked body (RFC 9112, section 6.3)."""
    header = response.headers.get("content-length", "")
    coded = "content-encoding" in response.headers or "transfer-encoding" in response.headers
    return int(header) if re.fullmatch("[0-9]{1,18}", header) and not coded else None


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        raise unfetched(f"it is larger than {MAX_BYTES // 1_000_000} MB")


def _get(link: Link, settings: Settings, home: Origin | None) -> urllib3.BaseHTTPResponse:
    """The response from the first address that takes the connection."""
    *others, last = hosts_of(link, settings, home)
    with _translated():
        for host in others:
            try:
                return _ask(link, host, settings)
            except (NewConnectionError, ConnectTimeoutError):
                continue
        return _ask(link, last, settings)


def _ask(link: Link, host: str, settings: Settings) -> urllib3.BaseHTTPResponse:
    return _pool(link, settings).request(
        "GET",
        link.url_at(host),
        headers={"Host": link.authority, "Accept-Encoding": "identity", "User-Agent": "Poegate"},
        redirect=False,
        retries=False,
        preload_content=False,
        timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=IDLE_SECONDS),
    )


def _pool(link: Link, settings: Settings) -> urllib3.PoolManager:
    """Connections whose certificate must name the link's host, whatever their address."""
    if settings.poe_proxy is None or link.origin in own_bots(settings):
        return urllib3.PoolManager(ssl_context=_tls(), server_hostname=link.host)
    proxy = urlsplit(settings.poe_proxy)
    login = f"{unquote(proxy.username or '')}:{unquote(proxy.password or '')}"
    return urllib3.ProxyManager(
        proxy._replace(netloc=proxy.netloc.rpartition("@")[2]).geturl(),
        proxy_headers=urllib3.make_headers(proxy_basic_auth=login if proxy.username else None),
        ssl_context=_tls(),
        server_hostname=link.host,
    )


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """Trusts the same certificates as the connections to Poe: the system's, else certifi's."""
    return ssl.create_default_context(
        cafile=ssl.get_default_verify_paths().cafile or certifi.where()
    )


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """A time limit for the whole block, however slowly bytes arrive."""
    limit = gevent.Timeout(seconds)
    try:
        with limit:
            yield
    except gevent.Timeout as error:
        if error is not limit:
            raise
        raise unfetched("it took too long") from error


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except NewConnectionError as error:  # a subclass of TimeoutError in urllib3
        raise unfetched("its server cannot be reached") from error
    except urllib3.exceptions.TimeoutError as error:
        raise unfetched("it took too long") from error
    except (HTTPError, OSError, ValueError) as error:
        raise unfetched("the connection to its server failed") from error
