"""Decides which links of a bot the gateway may follow, and to which address.

A bot may link to anything, so a link is followed only over https to a public address. A bot of
BOT_URLS may link to its own server too, and Poe's upload server to itself. A name is resolved once
and all its addresses are checked; the connection goes to one of these addresses, so that a second
DNS answer cannot change it.
"""

import re
import socket
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import quote, urlsplit

from app.config import Settings
from app.errors import UpstreamError
from app.poe.resolver import BoundedResolver

MAX_ADDRESSES = 3
"""How many addresses of a name are tried."""

POE_FILES = ".poecdn.net"
"""The domain of the files that Poe's bots make."""

_GLOBAL_UNICAST = IPv6Network("2000::/3")
_TRANSITIONAL = (IPv6Network("2002::/16"), IPv6Network("2001::/23"), IPv6Network("3fff::/20"))
_ANYCAST_6TO4 = IPv4Network("192.88.99.0/24")
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\\]")
_DEFAULT_PORTS = {"https": 443, "http": 80}

Origin = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Link:
    """A parsed URL. It is parsed once, so that no second parser can read it differently."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def origin(self) -> Origin:
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """The Host header: with the port only if it is not the default (RFC 9110, section 7.2)."""
        usual = self.port == _DEFAULT_PORTS[self.scheme]
        return bracketed(self.host) if usual else f"{bracketed(self.host)}:{self.port}"

    def url_at(self, address: str) -> str:
        """The URL with an address in place of its host."""
        return f"{self.scheme}://{bracketed(address)}:{self.port}{self.target}"


def read_link(url: str) -> Link:
    """Raises UpstreamError for anything but a plain http or https link."""
    url = url.strip()
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname or "", parts.port
        host = host.encode("idna").decode().rstrip(".")  # also checks the length of its labels
    except ValueError as error:
        raise unfetched("its link cannot be read") from error
    if scheme not in _DEFAULT_PORTS or _FORBIDDEN.search(url) or "@" in parts.netloc or not host:
        raise unfetched("its link is not a plain https link")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    quoted = quote(target, safe="/%:=&?~+!$,;'@()*[]", errors="replace")
    return Link(scheme, host, port or _DEFAULT_PORTS[scheme], quoted)


def hosts_of(link: Link, settings: Settings, home: Origin | None) -> list[str]:
    """The addresses to connect to, checked; or the name of a host that needs no check.

    ``home``: the server of whoever wrote the link, to which it may lead whatever its address.
    Raises UpstreamError for a link that may not be followed.
    """
    if link.origin == home:
        return [link.host]
    if link.scheme != "https":
        raise unfetched("its link is not an https link")
    if settings.poe_proxy is not None and link.host.endswith(POE_FILES):
        return [link.host]
    try:
        addresses = resolve(link.host, link.port)
    except (OSError, UnicodeError) as error:
        raise unfetched("the host of its link is not known") from error
    if not addresses or not all(map(is_public, addresses)):
        raise unfetched("its link does not lead to a public address")
    return addresses[:MAX_ADDRESSES]


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, or of an address in any notation (127.1, 0x7f000001, ...)."""
    found = _resolver().getaddrinfo(host, port, socktype=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(address: str) -> bool:
    """Whether it is a public address by IANA's special-purpose registries.

    For IPv6, only global unicast without the ranges that embed an IPv4 address.
    """
    ip = ip_address(address)
    if not ip.is_global or ip.is_multicast or ip.is_reserved:
        return False
    return _is_public_v4(ip) if isinstance(ip, IPv4Address) else _is_public_v6(ip)


def _is_public_v4(ip: IPv4Address) -> bool:
    return ip not in _ANYCAST_6TO4


def _is_public_v6(ip: IPv6Address) -> bool:
    return ip in _GLOBAL_UNICAST and not any(ip in network for network in _TRANSITIONAL)


@cache
def _resolver() -> BoundedResolver:
    """Apart from the one of the gateway's own connections: a bot's links may be slow on purpose."""
    return BoundedResolver()


@cache
def own_bots(settings: Settings) -> frozenset[Origin]:
    """The servers of BOT_URLS: they are reached without the proxy."""
    return frozenset(_origin(url) for _, url in settings.bot_urls)


def home_of_bot(bot: str, settings: Settings) -> Origin | None:
    """The server of a bot of BOT_URLS; None for a bot of Poe's."""
    url = settings.url_of(bot)
    return None if url is None else _origin(url)


def home_of_uploads(settings: Settings) -> Origin:
    """Where Poe's upload server is, and so may be the files that it gives links to."""
    return _origin(settings.poe_upload_url)


def _origin(url: str) -> Origin:
    """The origin of a URL in the settings; empty for one that cannot be parsed."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname or "", parts.port or _DEFAULT_PORTS[parts.scheme]
    except (ValueError, KeyError):
        return "", "", 0


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def unfetched(reason: str) -> UpstreamError:
    """An UpstreamError, because the link is the bot's and not the client's."""
    return UpstreamError(f"The bot's file could not be fetched: {reason}.")
