"""Which links of a bot's the gateway itself may follow, and to what address they lead.

A bot may link to anything, so a link is followed only to https and only to a public address, or to
an upstream of the settings. A name is resolved once and all its addresses are checked; whoever
connects goes to one of those very addresses, so that no second DNS answer counts.
"""

import re
import socket
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import quote, urlsplit

from app.config import Settings
from app.errors import UpstreamError

MAX_ADDRESSES = 3
"""Of a name's addresses, how many are tried."""

POE_FILES = ".poecdn.net"
"""Where Poe keeps the files that its bots make."""

_GLOBAL_UNICAST = IPv6Network("2000::/3")
_TRANSITIONAL = (IPv6Network("2002::/16"), IPv6Network("2001::/23"), IPv6Network("3fff::/20"))
_ANYCAST_6TO4 = IPv4Network("192.88.99.0/24")
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\\]")
_DEFAULT_PORTS = {"https": 443, "http": 80}

Origin = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Link:
    """An address that was read once; nothing else reads it again."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def origin(self) -> Origin:
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """The Host header: the port only where it is not the usual one (RFC 9110, 7.2)."""
        usual = self.port == _DEFAULT_PORTS[self.scheme]
        return bracketed(self.host) if usual else f"{bracketed(self.host)}:{self.port}"

    def url_at(self, address: str) -> str:
        """The same, with an address in place of its host."""
        return f"{self.scheme}://{bracketed(address)}:{self.port}{self.target}"


def read_link(url: str) -> Link:
    """Raises UpstreamError for what is no plain http or https link."""
    url = url.strip()
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname or "", parts.port
        host = host.encode("idna").decode().rstrip(".")  # which also measures its labels
    except ValueError as error:
        raise unfetched("its link cannot be read") from error
    if scheme not in _DEFAULT_PORTS or _FORBIDDEN.search(url) or "@" in parts.netloc or not host:
        raise unfetched("its link is not a plain https link")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    quoted = quote(target, safe="/%:=&?~+!$,;'@()*[]", errors="replace")
    return Link(scheme, host, port or _DEFAULT_PORTS[scheme], quoted)


def hosts_of(link: Link, settings: Settings) -> list[str]:
    """What to connect to: checked addresses, or the very name of a host that needs no check.

    Raises UpstreamError for a link that may not be followed.
    """
    if link.origin in own_bots(settings) | _poe(settings):
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
    """The addresses of a name, or of an address however it is written (127.1, 0x7f000001, ...)."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(address: str) -> bool:
    """Whether it is an ordinary address of the internet (IANA's special-purpose registries).

    Of IPv6 only global unicast, without the ranges that carry an IPv4 address within.
    """
    ip = ip_address(address)
    if not ip.is_global or ip.is_multicast or ip.is_reserved:
        return False
    return _is_public_v4(ip) if isinstance(ip, IPv4Address) else _is_public_v6(ip)


def _is_public_v4(ip: IPv4Address) -> bool:
    return ip not in _ANYCAST_6TO4


def _is_public_v6(ip: IPv6Address) -> bool:
    return ip in _GLOBAL_UNICAST and not any(ip in network for network in _TRANSITIONAL)


@lru_cache(maxsize=8)
def own_bots(settings: Settings) -> frozenset[Origin]:
    """The servers of BOT_URLS."""
    return frozenset(_origin(url) for _, url in settings.bot_urls)


@lru_cache(maxsize=8)
def _poe(settings: Settings) -> frozenset[Origin]:
    urls = (settings.poe_base_url, settings.poe_api_url, settings.poe_upload_url)
    return frozenset(map(_origin, urls))


def _origin(url: str) -> Origin:
    """Of a URL in the settings; one that cannot be read is nobody's origin."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname or "", parts.port or _DEFAULT_PORTS[parts.scheme]
    except (ValueError, KeyError):
        return "", "", 0


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def unfetched(reason: str) -> UpstreamError:
    """The link is the bot's, so what is wrong with it is no fault of the client's."""
    return UpstreamError(f"The bot's file could not be fetched: {reason}.")
