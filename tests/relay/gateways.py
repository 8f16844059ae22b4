"""Gateways with a pool of keys, and what the simulated Poe saw of it."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from tests.servers import Server

TOKEN = "alice-secret"
KEYS = tuple(f"points-{number}-0-1" for number in (1001, 1002, 1003))
ADMIN = "admin-secret"


class Pooled:
    """One gateway whose keys can be given faults."""

    def __init__(self, gateway: Server, upstream: Server) -> None:
        self.gateway = gateway
        self.upstream = upstream

    def set_faults(self, **faults: str) -> None:
        """``key1="revoked"``; the keys that are not named have none."""
        by_key = {KEYS[int(name[3:]) - 1]: fault for name, fault in faults.items()}
        requests.post(f"{self.upstream.url}/faults", json=by_key, timeout=5).raise_for_status()

    def reset(self) -> None:
        """No faults, no rests."""
        self.set_faults()
        for number in range(1, len(KEYS) + 1):
            self.admin("post", f"keys/{number}/reset").raise_for_status()
        time.sleep(1.2)  # until every worker has heard of it

    def asked(self) -> list[tuple[float, int, str, str]]:
        """``(time, key number, bot, fault)`` of every question since ``set_faults``."""
        rows = requests.get(f"{self.upstream.url}/asked", timeout=5).json()
        return [(at, KEYS.index(key) + 1, bot, fault) for at, key, bot, fault in rows]

    def admin(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {ADMIN}"}
        url = f"{self.gateway.url}/admin/{path}"
        return requests.request(method, url, headers=headers, timeout=20, **options)

    def chat(
        self, text: str = "hi", *, bot: str = "count-5", token: str = TOKEN, **payload: Any
    ) -> requests.Response:
        body = {"model": bot, "messages": [{"role": "user", "content": text}], **payload}
        headers = {"Authorization": f"Bearer {token}"}
        url = f"{self.gateway.url}/v1/chat/completions"
        return requests.post(url, json=body, headers=headers, timeout=60)


def text_of(response: requests.Response) -> str:
    """The text of a streamed answer. Raises AssertionError where it did not end as it should."""
    assert response.status_code == 200, response.text
    chunks = []
    for line in response.text.splitlines():
        if line.startswith("data: ") and line != "data: [DONE]":
            chunk = json.loads(line[6:])
            assert "error" not in chunk, chunk
            chunks += [choice["delta"].get("content") or "" for choice in chunk["choices"]]
    assert "[DONE]" in response.text
    return "".join(chunks)


def at_once(count: int, act: Callable[[int], Any]) -> list[Any]:
    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(act, range(count)))
