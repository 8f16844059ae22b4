"""Downloads: what may be fetched, from where, how much of it and for how long."""

import gzip
import re
import select
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import trustme

from app.config import Settings
from app.errors import UpstreamError
from app.poe import downloads, links
from app.poe.downloads import Budget, open_download
from app.poe.links import home_of_bot, home_of_uploads
from tests.forward_proxy import USER
from tests.servers import ROOT, Server, free_port, running

PUBLIC = "127.0.0.2"
"""Passes for a public address in these tests; 127.0.0.1 and all others stay what they are."""

FILE = bytes(range(256)) * 1_000
SETTINGS = Settings()


class FileServer(BaseHTTPRequestHandler):
    """Answers as the path says."""

    seen: list[tuple[str, str]] = []

    def do_GET(self) -> None:  # noqa: N802 - as the standard library has it
        self.seen.append((self.headers["Host"], self.path))
        kind, _, argument = self.path.lstrip("/").partition("/")
        getattr(self, f"answer_{kind}")(unquote(argument))

    def start(self, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def answer_file(self, _: str) -> None:
        self.start(Content_Type="image/png", Content_Length=str(len(FILE)))
        self.wfile.write(FILE)

    def answer_gzip(self, _: str) -> None:
        data = gzip.compress(FILE)
        self.start(Content_Length=str(len(data)), Content_Encoding="gzip")
        self.wfile.write(data)

    def answer_redirect(self, target: str) -> None:
        self.start(302, Location=target)

    def answer_loop(self, number: str) -> None:
        self.start(307, Location=f"/loop/{int(number) + 1}")

    def answer_hops(self, number: str) -> None:
        left = int(number) - 1
        self.start(301, Location=f"/hops/{left}" if left else "../file/")

    def answer_status(self, code: str) -> None:
        self.start(int(code))

    def answer_declared(self, size: str) -> None:
        self.start(Content_Length=size)

    def answer_endless(self, _: str) -> None:
        self.start()
        self.pour(b"x" * 65_536, 0)

    def answer_trickle(self, _: str) -> None:
        self.start()
        self.pour(b"x", 0.05)

    def answer_trickling(self, _: str) -> None:
        """Headers that never end."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nx-slow: ")
        self.pour(b"x", 0.05)

    def answer_silent(self, seconds: str) -> None:
        self.start(Content_Length="5")
        time.sleep(float(seconds))

    def answer_chunked(self, length: str) -> None:
        """A length beside chunks means nothing."""
        self.start(Content_Length=length, Transfer_Encoding="chunked")
        self.wfile.write(b"5\r\nhello\r\n0\r\n\r\n")

    def answer_cut(self, _: str) -> None:
        self.start(Content_Length="1000")
        self.wfile.write(b"half")

    def pour(self, piece: bytes, gap: float) -> None:
        try:
            while True:
                self.wfile.write(piece)
                self.wfile.flush()
                time.sleep(gap)
        except OSError:
            pass

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serving(address: str, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A FileServer on a free port of its own, which is given."""
    server = ThreadingHTTPServer((address, 0), FileServer)
    server.handle_error = lambda *args: None  # type: ignore[method-assign]  # left on purpose
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def plain() -> Iterator[str]:
    """The base URL of an upstream of the settings below."""
    with serving("127.0.0.1") as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def own(plain: str) -> Settings:
    return Settings(bot_urls=(("mine", f"{plain}/bot"),))


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def secure_port(authority: trustme.CA) -> Iterator[int]:
    """https for files.test, at the address that passes for public."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("files.test").configure_cert(context)
    with serving(PUBLIC, context) as port:
        yield port


@pytest.fixture
def dns(monkeypatch: pytest.MonkeyPatch, authority: trustme.CA) -> dict[str, list[str]]:
    """Names of the test's own; each question is answered once with the list's first entries."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    table = {"files.test": [PUBLIC], "other.test": [PUBLIC]}
    resolve, is_public = links.resolve, links.is_public
    monkeypatch.setattr(links, "resolve", lambda host, port: table.get(host) or resolve(host, port))
    monkeypatch.setattr(links, "is_public", lambda ip: ip == PUBLIC or is_public(ip))
    monkeypatch.setattr(downloads, "_tls", lambda: context)
    return table


@contextmanager
def untouched(address: str = "127.0.0.1") -> Iterator[int]:
    """A listening port that nothing may connect to."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as listener:
        yield listener.getsockname()[1]
        assert not select.select([listener], [], [], 0.02)[0], "something connected"


def refusal(url: str, settings: Settings = SETTINGS) -> str:
    with pytest.raises(UpstreamError) as caught:
        open_download(url, settings, home_of_bot("mine", settings))
    return caught.value.message


def fetched(url: str, settings: Settings) -> bytes:
    return open_download(url, settings, home_of_bot("mine", settings)).read(Budget(1_000_000))


LOOPBACK = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7F.0.0.1",
    "0177.0.0.1",
    "0177.0.0.01",
    "017700000001",
    "127.0.0.1.",
    "0",
    "0.0.0.0",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "①②⑦.⓪.⓪.①",
    "１２７.0.0.1",
    "127。0。0。1",
    "%31%32%37.0.0.1",
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[fe80::1%25lo]",
    "files.test@127.0.0.1",
    "files.test:443@127.0.0.1",
    "127.0.0.1:80@localhost",
]


@pytest.mark.parametrize("host", LOOPBACK)
@pytest.mark.parametrize("scheme", ["https", "http"])
def test_no_writing_of_loopback_is_connected_to(host: str, scheme: str) -> None:
    with untouched() as port, untouched("::1") as port6:
        assert "could not be fetched" in refusal(f"{scheme}://{host}:{port}/")
        assert "could not be fetched" in refusal(f"{scheme}://{host}:{port6}/")


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1:{}\\@files.test/",
        "https://files.test\\@127.0.0.1:{}/",
        "https://files.test#@127.0.0.1:{}/",
        "https://127.0.0.1:{}\t/",
        "https:127.0.0.1:{}/",
        "https:///127.0.0.1:{}/",
        "//127.0.0.1:{}/",
        "ftp://127.0.0.1:{}/",
        "gopher://127.0.0.1:{}/_x",
        "file:///etc/passwd",
        "data:text/plain,hello",
        "https://[127.0.0.1:{}/",
        "https://a..b:{}/",
        "https://:{}/",
        "https://files.test:99999/",
        "https://" + "a" * 70 + ".test:{}/",
        "https://\x00127.0.0.1:{}/",
        "",
    ],
)
def test_tricky_links_are_refused(url: str) -> None:
    with untouched() as port:
        assert "could not be fetched" in refusal(url.replace("{}", str(port)))


@pytest.mark.parametrize(
    "address",
    (
        "0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.127.255.254 127.0.0.1 127.255.255.254 "
        "169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.2.1 192.88.99.1 192.168.1.1 "
        "198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 "
        ":: ::1 ::2 ::7f00:1 ::ffff:8.8.8.8 ::ffff:10.0.0.1 64:ff9b::8.8.8.8 64:ff9b:1::1 100::1 "
        "2001::1 2001:db8::1 2002:808:808:: 3fff::1 5f00::1 fc00::1 fd12::1 fe80::1 fe80::1%eth0 "
        "fec0::1 ff02::1 ff0e::1"
    ).split(),
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not links.is_public(address)


@pytest.mark.parametrize(
    "address", "1.1.1.1 8.8.8.8 172.32.0.1 100.128.0.1 2606:4700::1111 2a00:1450::1".split()
)
def test_addresses_that_are_public(address: str) -> None:
    assert links.is_public(address)


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["::1"], ["10.1.2.3"], [PUBLIC, "127.0.0.1"], ["::ffff:7f00:1"]]
)
def test_a_name_that_leads_inside(dns: dict[str, list[str]], addresses: list[str]) -> None:
    dns["inside.test"] = addresses
    with untouched() as port:
        assert "public address" in refusal(f"https://inside.test:{port}/")


def test_the_address_that_was_checked_is_connected_to(
    dns: dict[str, list[str]], secure_port: int
) -> None:
    """The name has no other DNS: only a pinned connection gets there, and TLS names the name."""
    FileServer.seen.clear()
    download = open_download(f"https://FILES.test.:{secure_port}/file/a b?c=é#d", SETTINGS)
    assert download.read(Budget(len(FILE))) == FILE
    assert (download.content_type, download.length) == ("image/png", len(FILE))
    assert FileServer.seen == [(f"files.test:{secure_port}", "/file/a%20b?c=%C3%A9")]


def test_a_name_is_resolved_once(
    dns: dict[str, list[str]], secure_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [[PUBLIC], ["127.0.0.1"]]
    monkeypatch.setattr(links, "resolve", lambda host, port: answers.pop(0))
    assert fetched(f"https://files.test:{secure_port}/file/", SETTINGS) == FILE
    assert answers == [["127.0.0.1"]]


def test_the_next_address_where_one_is_dead(
    dns: dict[str, list[str]], secure_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "is_public", lambda ip: True)
    dns["files.test"] = ["127.0.0.9", PUBLIC]
    assert fetched(f"https://files.test:{secure_port}/file/", SETTINGS) == FILE


def test_the_certificate_must_name_the_host(dns: dict[str, list[str]], secure_port: int) -> None:
    assert "connection" in refusal(f"https://other.test:{secure_port}/file/")


@pytest.mark.parametrize(
    "target",
    [
        "https://127.0.0.1:{}/",
        "http://127.0.0.1:{}/",
        "//localhost:{}/",
        "https://[::ffff:127.0.0.1]:{}/",
        "https://0x7f.1:{}/",
        "https://inside.test:{}/",
        "file:///etc/passwd",
        "https://[",
    ],
)
def test_redirects_to_where_no_link_may_lead(
    dns: dict[str, list[str]], secure_port: int, target: str
) -> None:
    dns["inside.test"] = ["127.0.0.1"]
    with untouched() as port:
        place = target.replace("{}", str(port))
        message = refusal(f"https://files.test:{secure_port}/redirect/{place}")
    assert "could not be fetched" in message and "127" not in message


def test_redirects_are_followed(own: Settings, plain: str) -> None:
    assert fetched(f"{plain}/hops/5", own) == FILE
    assert "too often" in refusal(f"{plain}/hops/6", own)
    assert "too often" in refusal(f"{plain}/loop/1", own)


@pytest.mark.parametrize("setting", ["poe_base_url", "poe_api_url", "poe_upload_url"])
def test_a_bot_may_not_lead_to_an_upstream_of_the_settings(plain: str, setting: str) -> None:
    settings: dict[str, Any] = {setting: f"{plain}/x/"}
    assert "https" in refusal(f"{plain}/file/", Settings(**settings))


def test_nor_to_another_bots_server(own: Settings, plain: str) -> None:
    for home in (None, ("http", "127.0.0.1", 1)):
        with pytest.raises(UpstreamError, match="not an https link"):
            open_download(f"{plain}/file/", own, home)


def test_poes_upload_server_may_link_to_itself(plain: str) -> None:
    settings = Settings(poe_upload_url=f"{plain}/x/")
    opened = open_download(f"{plain}/file/", settings, home_of_uploads(settings))
    assert opened.read(Budget(1_000_000)) == FILE


def test_only_the_very_origin_of_an_upstream(own: Settings, plain: str) -> None:
    port = int(plain.rpartition(":")[2])
    assert "https" in refusal(f"http://127.0.0.1:{port + 1}/file/", own)
    assert "https" in refusal(f"http://localhost:{port}/file/", own)
    assert "public" in refusal(f"https://127.0.0.1:{port}/file/", own)
    assert "plain" in refusal(f"http://x@127.0.0.1:{port}/file/", own)


def test_settings_whose_urls_cannot_be_read() -> None:
    settings = Settings(bot_urls=(("a", "http://h:{bot}/"), ("b", "nonsense"), ("c", "http://[")))
    assert "https" in refusal("http://h/", settings)


def test_compressed_files_are_unpacked(own: Settings, plain: str) -> None:
    download = open_download(f"{plain}/gzip/", own, home_of_bot("mine", own))
    assert download.length is None
    assert download.read(Budget(len(FILE))) == FILE


@pytest.mark.parametrize("length", ["3", "5", "1000"])
def test_chunks_have_no_length(own: Settings, plain: str, length: str) -> None:
    download = open_download(f"{plain}/chunked/{length}", own, home_of_bot("mine", own))
    assert download.length is None
    assert download.read(Budget(5)) == b"hello"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("status/404", "HTTP 404"),
        ("status/500", "HTTP 500"),
        (f"declared/{downloads.MAX_BYTES + 1}", "larger than 104 MB"),
    ],
)
def test_what_a_server_may_answer(own: Settings, plain: str, path: str, words: str) -> None:
    assert words in refusal(f"{plain}/{path}", own)


def test_a_server_that_is_gone() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    assert "reached" in refusal(f"{url}/file/", Settings(bot_urls=(("mine", url),)))


def failure(url: str, settings: Settings) -> str:
    with pytest.raises(UpstreamError) as caught:
        list(open_download(url, settings, home_of_bot("mine", settings)))
    return caught.value.message


def test_an_endless_file(own: Settings, plain: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "MAX_BYTES", 1_000_000)
    assert "larger than 1 MB" in failure(f"{plain}/endless/", own)


def test_a_large_file_is_never_held(own: Settings, plain: str) -> None:
    blocks = iter(open_download(f"{plain}/endless/", own, home_of_bot("mine", own)))
    assert max(len(next(blocks)) for _ in range(500)) <= downloads.BLOCK_BYTES


def test_a_budget(own: Settings, plain: str) -> None:
    budget = Budget(len(FILE) + 1)
    open_download(f"{plain}/file/", own, home_of_bot("mine", own)).read(budget)
    with pytest.raises(UpstreamError, match="larger than 0 MB"):
        open_download(f"{plain}/file/", own, home_of_bot("mine", own)).read(budget)


def test_time_limits(own: Settings, plain: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "IDLE_SECONDS", 0.2)
    assert "too long" in failure(f"{plain}/silent/1", own)
    monkeypatch.setattr(downloads, "TOTAL_SECONDS", 0.5)
    began = time.monotonic()
    assert "too long" in failure(f"{plain}/trickle/", own)
    assert time.monotonic() - began < 5


def test_headers_that_trickle(plain: str) -> None:
    """Only under gevent's sockets, as in the worker: each byte comes within the idle time."""
    script = f"""
from gevent import monkey; monkey.patch_all()
from app.config import Settings
from app.poe import downloads
downloads.OPEN_SECONDS = 0.5
home = ("http", "127.0.0.1", {plain.rpartition(":")[2]})
downloads.open_download("{plain}/trickling/", Settings(), home)
"""
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20)
    assert "it took too long" in done.stderr


def test_hosts_that_no_name_can_be() -> None:
    """gevent would print what the system's resolver says to them."""
    script = """
from gevent import monkey; monkey.patch_all()
from app.config import Settings
from app.errors import UpstreamError
from app.poe.downloads import open_download
for host in ("a" * 300 + ".test", "a" * 64, "a..test", ".test", "ü" * 70 + ".test", "a." * 200):
    try:
        open_download(f"https://{host}/", Settings())
    except UpstreamError as error:
        print(error.message)
"""
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20)
    assert done.stderr == ""
    assert done.stdout.count("could not be fetched") == 6


def test_a_file_that_breaks_off(own: Settings, plain: str) -> None:
    assert "connection" in failure(f"{plain}/cut/", own)


@pytest.fixture(scope="module")
def proxy(logs: Path) -> Iterator[Server]:
    port = free_port()
    with running(["-m", "tests.forward_proxy", str(port)], port, logs / "files.log") as server:
        yield server


@pytest.fixture
def proxied(proxy: Server, plain: str) -> Callable[..., Settings]:
    def settings(**more: str) -> Settings:
        return Settings(poe_proxy=f"http://{USER}@127.0.0.1:{proxy.port}", **more)  # type: ignore[arg-type]

    return settings


def test_through_a_proxy_to_the_checked_address(
    dns: dict[str, list[str]], secure_port: int, proxied: Callable[..., Settings], proxy: Server
) -> None:
    assert fetched(f"https://files.test:{secure_port}/file/", proxied()) == FILE
    assert f"CONNECT {PUBLIC}:{secure_port}" in proxy.printed()


def test_no_proxy_makes_a_private_address_public(proxied: Callable[..., Settings]) -> None:
    with untouched() as port:
        assert "public" in refusal(f"https://localhost:{port}/", proxied())


def test_the_proxy_resolves_poes_own_names(
    proxied: Callable[..., Settings], proxy: Server, plain: str
) -> None:
    """The test's proxy cannot, and says nothing at all."""
    settings = proxied(poe_upload_url=plain)
    opened = open_download(f"{plain}/file/", settings, home_of_uploads(settings))
    assert opened.read(Budget(1_000_000)) == FILE
    assert re.search(rf"GET {plain}/file/", proxy.printed())
    assert "connection" in refusal("https://pfst.cf2.poecdn.net/x", proxied())
    assert "CONNECT pfst.cf2.poecdn.net:443" in proxy.printed()


def test_own_bots_need_no_proxy(plain: str) -> None:
    settings = Settings(poe_proxy="http://127.0.0.1:9", bot_urls=(("mine", plain),))
    assert fetched(f"{plain}/file/", settings) == FILE
