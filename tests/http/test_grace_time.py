"""What clients see whose answers take longer than a stopping gateway can wait."""

import json
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.conftest import KEY
from tests.servers import Server

GRACE_SECONDS = 6
MESSAGES = [{"role": "user", "content": "x"}]
BODIES: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": MESSAGES},
    "/v1/completions": {"prompt": "x"},
    "/v1/messages": {"messages": MESSAGES, "max_tokens": 100_000},
    "/v1/responses": {"input": "x"},
}
ENDS = {
    "/v1/chat/completions": '"code":"shutting_down"',
    "/v1/completions": '"code":"shutting_down"',
    "/v1/messages": "event: error\n",
    "/v1/responses": '"type":"response.failed"',
}


class Ending:
    """A gateway that is told to end while it is at many answers, and what became of each."""

    def __init__(self, gateway: Server, number: signal.Signals) -> None:
        self.gateway = gateway
        self._client = ThreadPoolExecutor(20)
        self.streams = {path: self._ask(path, "endless-cut", True) for path in BODIES}
        self.whole = {path: self._ask(path, "silent-1", False) for path in BODIES}
        self.blocked = self._open_and_never_read()
        time.sleep(2)
        self.began = time.monotonic()
        # At SIGHUP the new workers are started first, and the grace time begins after that.
        self.latest = GRACE_SECONDS + (5 if number == signal.SIGHUP else 0)
        gateway.process.send_signal(number)

    def _ask(self, path: str, model: str, stream: bool) -> Future[tuple[requests.Response, float]]:
        def ask() -> tuple[requests.Response, float]:
            body = {"model": model, "stream": stream, **BODIES[path]}
            headers = {"x-api-key": KEY}
            answer = requests.post(self.gateway.url + path, json=body, headers=headers, timeout=60)
            return answer, time.monotonic()

        return self._client.submit(ask)

    def _open_and_never_read(self) -> socket.socket:
        body = json.dumps({"model": "flood-", "stream": True, "messages": MESSAGES})
        sock = socket.create_connection(("127.0.0.1", self.gateway.port))
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nx-api-key: {KEY}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        sock.sendall((head + body).encode())
        return sock

    def log(self) -> list[dict[str, Any]]:
        lines = self.gateway.printed().splitlines()
        return [json.loads(line) for line in lines if '"path"' in line]


@pytest.fixture(scope="module", params=[signal.SIGTERM, signal.SIGHUP])
def ending(
    request: pytest.FixtureRequest, start_gateway: Callable[..., Server]
) -> Iterator[Ending]:
    gateway = start_gateway(
        GUNICORN_CMD_ARGS=f"--graceful-timeout {GRACE_SECONDS}", IDLE_TIMEOUT="60"
    )
    ending = Ending(gateway, request.param)
    yield ending
    ending.blocked.close()


@pytest.mark.parametrize("path", BODIES)
def test_a_stream_ends_with_an_error_frame(ending: Ending, path: str) -> None:
    """And in HTTP's terms whole: requests raises for a body that breaks off."""
    answer, ended = ending.streams[path].result(30)
    assert answer.status_code == 200
    assert "is being restarted" in answer.text[-10_000:]
    assert ENDS[path] in answer.text.replace('": "', '":"')
    assert '"finish_reason":"stop"' not in answer.text
    assert GRACE_SECONDS - 4 < ended - ending.began < ending.latest


@pytest.mark.parametrize("path", BODIES)
def test_a_whole_answer_becomes_a_503(ending: Ending, path: str) -> None:
    answer, ended = ending.whole[path].result(30)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "is being restarted" in answer.json()["error"]["message"]
    assert ended - ending.began < ending.latest


def test_the_log_tells_of_each(ending: Ending) -> None:
    """Also of the one whose client reads nothing, to which nothing could be told."""
    deadline = time.monotonic() + GRACE_SECONDS + 7
    while len(ending.log()) < 1 + 2 * len(BODIES) + 1:
        assert time.monotonic() < deadline, ending.gateway.printed()
        time.sleep(0.1)
    lines = [line for line in ending.log() if line["path"] != "/healthz"]
    assert {line["error"] for line in lines} == {"shutting_down"}
    assert [line["status"] for line in lines].count(503) == len(BODIES)
    assert "answers that still run are ended" in ending.gateway.printed()
    assert "1 answers that could not be ended are cut" in ending.gateway.printed()
    assert "Traceback" not in ending.gateway.printed()
    assert "SIGKILL" not in ending.gateway.printed()
