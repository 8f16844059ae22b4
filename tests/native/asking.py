"""Requests in three formats: to a gateway, and to the simulated Poe itself."""

import time
from typing import Any

import requests

from tests.servers import Server

CHAT, RESPONSES, MESSAGES = "/v1/chat/completions", "/v1/responses", "/v1/messages"
PATHS = (CHAT, RESPONSES, MESSAGES)
TEXT = 'Say "model":"poe/api-ok" with \u2603 and {"usage":{ twice'


def body_of(path: str, model: str, text: str = TEXT, **more: Any) -> dict[str, Any]:
    turns = [{"role": "user", "content": text}]
    named = {"input": turns} if path == RESPONSES else {"messages": turns}
    limit = {"max_tokens": 500} if path == MESSAGES else {}
    return {"model": model, **named, **limit, **more}


class Native:
    """One gateway, and the Poe behind it."""

    def __init__(self, gateway: Server, poe: Server, key: str) -> None:
        self.gateway = gateway
        self.poe = poe
        self.key = key

    def wait_for(self, path: str, model: str) -> None:
        """Until the gateway knows Poe's list of models, which no request waits for."""
        until = time.monotonic() + 20
        while time.monotonic() < until:
            way = self.ask(path, model).headers.get("x-poegate-upstream", "")
            if "not in Poe's list" not in way:
                return
            time.sleep(0.1)
        raise AssertionError("the list of models was not read")

    def ask(
        self, path: str, model: str, text: str = TEXT, *, headers: Any = None, **more: Any
    ) -> requests.Response:
        return self.send(path, body_of(path, model, text, **more), headers=headers)

    def send(self, path: str, body: Any, *, headers: Any = None) -> requests.Response:
        sent = {"Authorization": f"Bearer {self.key}", **(headers or {})}
        url = self.gateway.url + path
        return requests.post(url, json=body, headers=sent, timeout=30)

    def poes_own(self, path: str, model: str, text: str = TEXT, **more: Any) -> requests.Response:
        """What Poe answers by itself."""
        sent = {"Authorization": f"Bearer {self.key}"}
        body = body_of(path, model, text, **more)
        return requests.post(self.poe.url + path, json=body, headers=sent, timeout=30)

    def closed(self) -> dict[str, int]:
        """By model: streams that were closed on Poe."""
        found: dict[str, int] = requests.get(f"{self.poe.url}/native", timeout=5).json()["closed"]
        return found

    def line_of(self, request_id: str) -> str:
        """The log's line of a request, once it is there."""
        until = time.monotonic() + 10
        while time.monotonic() < until:
            for line in self.gateway.printed().splitlines():
                if f'"request_id": "{request_id}"' in line:
                    return line
            time.sleep(0.05)
        raise AssertionError(f"no line of {request_id}")
