"""One worker, many requests at once; clients that leave; a worker that is asked to stop."""

import asyncio
import signal
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest
import requests

from tests.conftest import KEY
from tests.servers import Server

EMPTY_CHUNK = '"delta":{},"logprobs":null,"finish_reason":null'


def test_two_requests_at_once_from_one_worker(client: openai.OpenAI) -> None:
    """get_bot_response_sync, called plainly, fails here: it runs one asyncio loop per thread."""

    def ask(mark: str) -> str:
        answer = client.chat.completions.create(
            model="slow-2", messages=[{"role": "user", "content": mark}]
        )
        return answer.choices[0].message.content or ""

    started = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(ask, "ab")) == ["t0 t1 t2 t3 t4 "] * 2
    assert time.monotonic() - started < 3.8


async def _ask_all(url: str, number: int) -> list[str]:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0) as sdk:

        async def ask(mark: str) -> str:
            stream = await sdk.chat.completions.create(
                model="count-50", stream=True, messages=[{"role": "user", "content": mark}]
            )
            return "".join(
                [part.choices[0].delta.content or "" async for part in stream if part.choices]
            )

        return await asyncio.gather(*(ask(f"c{index}") for index in range(number)))


@pytest.fixture(scope="module")
def patient(start_gateway: Callable[..., Server]) -> Server:
    """Waits long for a bot: the machine has other work."""
    return start_gateway(FIRST_EVENT_TIMEOUT="60", IDLE_TIMEOUT="60", KEEPALIVE_SECONDS="1")


def test_300_streams_at_once_each_whole_and_its_own(patient: Server) -> None:
    texts = asyncio.run(_ask_all(patient.url, 300))
    for index, text in enumerate(texts):
        assert text == "".join(f"c{index}:{number} " for number in range(50))


def _open_request(gateway: Server, model: str, stream: bool) -> socket.socket:
    """A client that has asked and can leave at any time."""
    flag = "true" if stream else "false"
    body = f'{{"model":"{model}","stream":{flag},"messages":[{{"role":"user","content":"x"}}]}}'
    sock = socket.create_connection(("127.0.0.1", gateway.port))
    sock.sendall(
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
    )
    return sock


def _wait_until_closed(seen: Callable[[], Any], path: str, before: int) -> None:
    deadline = time.monotonic() + 10
    while seen()["closed"].get(path, 0) <= before:
        assert time.monotonic() < deadline, "the bot is still being read"
        time.sleep(0.02)


def test_a_client_that_leaves_a_talking_bot(gateway: Server, seen: Callable[[], Any]) -> None:
    before = seen()["closed"].get("/bot/endless-", 0)
    sock = _open_request(gateway, "endless-", stream=True)
    assert b"more" in sock.recv(65536) + sock.recv(65536)
    sock.close()
    _wait_until_closed(seen, "/bot/endless-", before)


def test_a_client_that_leaves_a_silent_bot(patient: Server, seen: Callable[[], Any]) -> None:
    """It is noticed by what keeps the connection alive, long before the bot's time is up."""
    before = seen()["closed"].get("/bot/silent-1", 0)
    sock = _open_request(patient, "silent-1", stream=True)
    sock.recv(65536)
    sock.close()
    _wait_until_closed(seen, "/bot/silent-1", before)


def test_a_client_that_leaves_while_it_waits_for_a_whole_answer(
    gateway: Server, seen: Callable[[], Any]
) -> None:
    before = seen()["closed"].get("/bot/endless-whole", 0)
    sock = _open_request(gateway, "endless-whole", stream=False)
    time.sleep(0.3)
    sock.close()
    _wait_until_closed(seen, "/bot/endless-whole", before)


def test_a_silent_stream_is_kept_alive(gateway: Server) -> None:
    with requests.post(
        f"{gateway.url}/v1/chat/completions",
        json={"model": "slow-7", "stream": True, "messages": [{"role": "user", "content": "x"}]},
        headers={"Authorization": f"Bearer {KEY}"},
        stream=True,
        timeout=20,
    ) as response:
        body = response.text
    assert body.count(EMPTY_CHUNK) >= 3
    assert body.endswith("data: [DONE]\n\n")
    assert [f"t{number}" in body for number in range(5)] == [True] * 5


def test_a_slow_reader_holds_the_bot_back(gateway: Server, seen: Callable[[], Any]) -> None:
    """The worker's memory must not take what the client does not."""
    worker = _worker_pid(gateway)
    before = _rss_mb(worker)
    sock = _open_request(gateway, "flood-", stream=True)
    time.sleep(2)
    assert _rss_mb(worker) - before < 30
    sock.close()


def _worker_pid(gateway: Server) -> int:
    pid = gateway.process.pid
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return int(file.read().split()[0])


def _rss_mb(pid: int) -> float:
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6


def test_sigterm_lets_running_streams_end(start_gateway: Callable[..., Server]) -> None:
    gateway = start_gateway()
    text: list[str] = []

    def ask() -> None:
        with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0) as sdk:
            stream = sdk.chat.completions.create(
                model="slow-3", stream=True, messages=[{"role": "user", "content": "x"}]
            )
            text.extend(part.choices[0].delta.content or "" for part in stream if part.choices)

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(1)
    gateway.process.send_signal(signal.SIGTERM)
    asking.join(10)
    assert "".join(text) == "t0 t1 t2 t3 t4 "
    assert gateway.process.wait(15) == 0
