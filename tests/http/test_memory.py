"""Memory after a peak: a worker is as small again as it was, a few seconds later."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

from tests.conftest import KEY
from tests.servers import Server

BODIES = 8
BODY_BYTES = 8_000_000


def _worker(gateway: Server) -> int:
    pid = gateway.process.pid
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def _megabytes(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 1e6


def test_it_is_given_back(start_gateway: Callable[..., Server]) -> None:
    gateway = start_gateway()
    worker = _worker(gateway)
    at_rest = _megabytes(worker)
    messages = [{"role": "user", "content": "word " * (BODY_BYTES // 5)}]
    body = json.dumps({"model": "demo-echo", "max_tokens": 5, "messages": messages})
    headers = {"x-api-key": KEY, "Content-Type": "application/json"}
    url = f"{gateway.url}/v1/chat/completions"
    with ThreadPoolExecutor(BODIES) as clients:
        asking = [
            clients.submit(requests.post, url, body, headers=headers, timeout=120)
            for _ in range(BODIES)
        ]
        peak = 0.0
        while not all(asked.done() for asked in asking):
            peak = max(peak, _megabytes(worker))
            time.sleep(0.05)
        assert {asked.result().status_code for asked in asking} == {200}
    assert peak > at_rest + 100
    deadline = time.monotonic() + 40
    while _megabytes(worker) > at_rest + 50:
        assert time.monotonic() < deadline, (at_rest, peak, _megabytes(worker))
        time.sleep(0.5)
