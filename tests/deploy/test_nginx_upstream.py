"""nginx as the gateway sees it: a stand-in for the gateway keeps what it is told."""

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests

from tests.conftest import KEY
from tests.deploy.nginx_site import SITE, nginx_before
from tests.deploy.programs import gunicorn_number
from tests.servers import Server

pytestmark = pytest.mark.long

PIECE = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"


class Gateway(ThreadingHTTPServer):
    """Keeps the address and headers of each request, and the bytes that it got rid of."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answerer)
        self.asked: list[tuple[tuple[str, int], dict[str, str]]] = []
        self.sent = 0


class _Answerer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Gateway

    def do_GET(self) -> None:
        self.server.asked.append((self.client_address, dict(self.headers)))
        self.send_response(204)
        self.end_headers()

    def do_POST(self) -> None:
        """Up to 640 MB, as fast as they are taken."""
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.close_connection = True
        with suppress(OSError):
            for _ in range(10_000):
                self.wfile.write(PIECE)
                self.server.sent += len(PIECE)

    def log_message(self, *args: Any) -> None:
        """Nothing: the test has it all."""


@pytest.fixture
def stand_in() -> Iterator[Gateway]:
    with Gateway() as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def nginx(stand_in: Gateway, tmp_path: Path) -> Iterator[Server]:
    with nginx_before(stand_in.server_port, tmp_path) as server:
        yield server


def test_what_the_gateway_is_told(nginx: Server, stand_in: Gateway) -> None:
    asked = {"Host": "poegate.example.com", "x-api-key": KEY, "anthropic-version": "2023-06-01"}
    probe = {"Connection": "Upgrade", "Upgrade": "websocket"}
    requests.get(f"{nginx.url}/v1/responses", headers={**asked, **probe}, timeout=5)
    [(_, told)] = stand_in.asked
    assert told.items() >= asked.items()
    assert told["X-Forwarded-For"] == "127.0.0.1" and told["X-Forwarded-Proto"] == "http"
    # Codex asks for a WebSocket first; told 426 at once, it goes on without.
    assert told["Upgrade"] == "websocket" and "Connection" not in told


def test_connections_to_the_gateway_are_kept(nginx: Server, stand_in: Gateway) -> None:
    for _ in range(5):
        requests.get(f"{nginx.url}/v1/models", timeout=5)
    assert len(stand_in.asked) == 5
    assert len({address for address, _ in stand_in.asked}) < 5


def test_nginx_lets_go_of_an_idle_connection_before_gunicorn_does() -> None:
    """The other way round, a request now and then meets a closed door: 502."""
    [idle] = re.findall(r"^ +keepalive_timeout (\d+)s;", SITE, re.M)
    assert int(idle) < gunicorn_number("keepalive")


def test_a_slow_reader_holds_the_gateway_back(nginx: Server, stand_in: Gateway) -> None:
    """And so the bot. nginx would else take the whole answer to its disk, ahead of the client."""
    with requests.post(f"{nginx.url}/v1/chat/completions", stream=True, timeout=5):
        time.sleep(1.5)
        assert 0 < stand_in.sent < 30_000_000
