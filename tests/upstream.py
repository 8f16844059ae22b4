"""A simulated Poe that misbehaves on request: what fastapi_poe's own bot server cannot do.

``/bot/{name}``: the name says what happens. ``GET /seen``: what was asked and how it ended.
``POST /faults`` ``{key: fault}``: what happens to whoever asks with that key (see FAULTS);
``GET /asked``: the ``[time, key, bot, fault]`` of every question since then.
Run as ``python -m tests.upstream PORT``.
"""

import asyncio
import json
import re
import sys
import time
from collections import Counter, defaultdict
from typing import Any

import uvicorn

from tests.account_api import MODELS as MORE_MODELS
from tests.account_api import answer_account

faults: dict[str, str] = {}
asked: list[tuple[float, str, str, str]] = []
calls: Counter[str] = Counter()
closed: Counter[str] = Counter()
last: dict[str, Any] = defaultdict(dict)

MODELS = {
    "object": "list",
    "data": [
        {
            "id": "Claude-Sonnet-4.5",
            "object": "model",
            "created": 1_759_000_000_000,
            "owned_by": "Anthropic",
            "pricing": {"prompt": "0.000003", "completion": "0.000015"},
            "architecture": {"input_modalities": ["text", "image"], "output_modalities": ["text"]},
        },
        *MORE_MODELS,
    ],
}


def event(name: str, /, **data: Any) -> bytes:
    return f"event: {name}\r\ndata: {json.dumps(data)}\r\n\r\n".encode()


class Exchange:
    """One ASGI request and its answer."""

    def __init__(self, scope: Any, receive: Any, send: Any) -> None:
        self.path: str = scope["path"]
        self.headers = {key.decode(): value.decode() for key, value in scope["headers"]}
        self._receive, self._send = receive, send

    async def body(self) -> bytes:
        body, more = b"", True
        while more:
            message = await self._receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        return body

    async def start(self, status: int = 200, kind: str = "text/event-stream", **extra: str) -> None:
        headers = {"content-type": kind, **extra}
        pairs = [(key.replace("_", "-").encode(), value.encode()) for key, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": pairs})

    async def write(self, data: bytes, more: bool = True) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": more})

    async def answer(self, status: int, payload: Any, **extra: str) -> None:
        await self.start(status, "application/json", **extra)
        await self.write(json.dumps(payload).encode(), more=False)

    async def gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass


async def status(exchange: Exchange, code: str) -> None:
    extra = {"retry_after": "7"} if code in ("429", "503") else {}
    await exchange.answer(int(code), {"detail": f"told with {code}"}, **extra)


async def typed(exchange: Exchange, error_type: str) -> None:
    await exchange.start()
    text = "This is too much. error_id: abc-123"
    data = {"text": text, "allow_retry": False, "error_type": error_type}
    await exchange.write(event("error", **data), more=False)


async def retry(exchange: Exchange, name: str) -> None:
    """Fails with leave to try again, as often as the number says; then it answers."""
    await exchange.start()
    if calls[f"retry-{name}"] <= int(name):
        text = f"failure {calls[f'retry-{name}']}"
        await exchange.write(event("error", text=text, allow_retry=True), more=False)
    else:
        await exchange.write(event("text", text="recovered") + event("done"), more=False)


async def cut(exchange: Exchange, tokens: str) -> None:
    await exchange.start()
    for number in range(int(tokens)):
        await exchange.write(event("text", text=f"t{number} "))
    await asyncio.sleep(0.05)
    raise ConnectionAbortedError("cut on purpose")


async def meta(exchange: Exchange, _: str) -> None:
    """Tells of its answer, which never comes."""
    await exchange.start()
    told = {"content_type": "text/markdown", "linkify": True, "suggested_replies": False}
    await exchange.write(event("meta", **told, refetch_settings=False))
    await _stay_silent(exchange)


async def silent(exchange: Exchange, tokens: str) -> None:
    """So many tokens, then only comments, which are no events of the bot."""
    await exchange.start()
    for number in range(int(tokens)):
        await exchange.write(event("text", text=f"t{number} "))
    await _stay_silent(exchange)


async def _stay_silent(exchange: Exchange) -> None:
    leaving = asyncio.create_task(exchange.gone())
    while not leaving.done():
        await exchange.write(b": ping\r\n\r\n")
        await asyncio.wait([leaving], timeout=0.1)
    closed[exchange.path] += 1


async def late(exchange: Exchange, seconds: str) -> None:
    """Fails after so long a silence."""
    await exchange.start()
    await asyncio.sleep(float(seconds))
    data = {"text": "Too late.", "allow_retry": False, "error_type": "insufficient_fund"}
    await exchange.write(event("error", **data), more=False)


async def endless(exchange: Exchange, _: str) -> None:
    await exchange.start()
    leaving = asyncio.create_task(exchange.gone())
    while not leaving.done():
        await exchange.write(event("text", text="more "))
        await asyncio.wait([leaving], timeout=0.02)
    closed[exchange.path] += 1


async def flood(exchange: Exchange, _: str) -> None:
    """Up to 400 MB as fast as it is taken."""
    await exchange.start()
    piece = event("text", text="x" * 4_000) * 25
    for _number in range(4_000):
        await exchange.write(piece)
    await exchange.write(event("done"), more=False)


async def unfinished(exchange: Exchange, tokens: str) -> None:
    """Ends its body as it should, but without the done event."""
    await exchange.start()
    for number in range(int(tokens)):
        await exchange.write(event("text", text=f"t{number} "))
    await exchange.write(b"", more=False)


async def keyed(exchange: Exchange, _: str) -> None:
    """Tells the key that it was asked with."""
    told = {"detail": f"bad key: {exchange.headers['authorization']}"}
    await exchange.answer(401, told)


async def slow(exchange: Exchange, seconds: str) -> None:
    await exchange.start()
    for number in range(5):
        await asyncio.sleep(float(seconds) / 5)
        await exchange.write(event("text", text=f"t{number} "))
    await exchange.write(event("done"), more=False)


async def garbage(exchange: Exchange, kind: str) -> None:
    page = b"<html>no bot here</html>"
    bodies = {
        "json": b"event: text\r\ndata: {broken\r\n\r\n",
        "field": event("text", content="no text field") + event("done"),
        "kind": event("surprise", a=1) + event("text", text="fine") + event("done"),
        "list": b"event: text\r\ndata: [1]\r\n\r\n",
        "binary": b"\xff\xfe\x00event: te\xc3xt\r\ndata: {}\r\n\r\n" + event("done"),
        "html": page,
        "empty": event("done"),
    }
    await exchange.start(kind="text/html" if kind == "html" else "text/event-stream")
    await exchange.write(bodies[kind], more=False)


async def script(exchange: Exchange, _: str) -> None:
    """The last message is a JSON list of [event name, data], sent one by one."""
    await exchange.start()
    for name, data in json.loads(last["script-"]["query"][-1]["content"]):
        await exchange.write(event(name, **data))
        await asyncio.sleep(0.01)
    await exchange.write(event("done"), more=False)


async def count(exchange: Exchange, tokens: str) -> None:
    """Tokens that carry the last user message, so that no answer can pass for another."""
    mark = json.loads(exchange.payload)["query"][-1]["content"]  # type: ignore[attr-defined]
    await exchange.start()
    for number in range(int(tokens)):
        await exchange.write(event("text", text=f"{mark}:{number} "))
        if number % 10 == 0:
            await asyncio.sleep(0.01)
    await exchange.write(event("done"), more=False)


async def toolless(exchange: Exchange, tokens: str) -> None:
    """Takes no tools, whatever Poe's list says."""
    if json.loads(exchange.payload).get("tools"):  # type: ignore[attr-defined]
        await exchange.answer(400, {"detail": "tools are not supported"})
    else:
        await count(exchange, tokens)


PROSE = (
    "## Tides\n\n"
    + "The *moon* pulls at the water, and the water **follows** it slowly. " * 9
    + "\n\n"
    "1. high water\n2. low water\n   - spring tide\n   - neap tide\n\n"
    "```python\ndef height(hour: float) -> float:\n    return 2.4 * cos(hour / 6.21)\n```\n\n"
    "| port | metres |\n| --- | ---: |\n| Brest | 6.1 |\n| Dover | 5.9 |\n\n"
)
"""Some 150 words in markdown of every common kind."""


async def prose(exchange: Exchange, tokens: str) -> None:
    """So many words of markdown, about 1,000 a second."""
    words = re.findall(r"\S+\s*", PROSE)
    await exchange.start()
    for number in range(int(tokens)):
        await exchange.write(event("text", text=words[number % len(words)]))
        if number % 10 == 0:
            await asyncio.sleep(0.01)
    await exchange.write(event("text", text="\n\nThe end.") + event("done"), more=False)


BEHAVIOURS = {
    behaviour.__name__: behaviour
    for behaviour in (
        status,
        typed,
        retry,
        cut,
        meta,
        silent,
        late,
        endless,
        flood,
        slow,
        unfinished,
        keyed,
        garbage,
        script,
        count,
        toolless,
        prose,
    )
}


async def revoked(exchange: Exchange, _: str) -> None:
    await exchange.answer(401, {"detail": "Invalid API key"})


async def no_points(exchange: Exchange, _: str) -> None:
    await exchange.start()
    data = {"text": "Not enough points.", "allow_retry": False, "error_type": "insufficient_fund"}
    await exchange.write(event("error", **data), more=False)


async def limited(exchange: Exchange, seconds: str) -> None:
    extra = {"retry_after": seconds} if seconds else {}
    await exchange.answer(429, {"detail": "Too many requests"}, **extra)


async def limit_event(exchange: Exchange, _: str) -> None:
    await exchange.start()
    text = "You have exceeded rate limit to query bot using User API Key"
    await exchange.write(event("error", text=text, allow_retry=False), more=False)


async def unavailable(exchange: Exchange, status: str) -> None:
    await exchange.answer(int(status or 503), {"detail": "down"})


async def breaks(exchange: Exchange, _: str) -> None:
    """After its answer has begun."""
    await cut(exchange, "2")


FAULTS = {
    fault.__name__: fault
    for fault in (revoked, no_points, limited, limit_event, unavailable, breaks)
}
"""``NAME`` or ``NAME:ARGUMENT``. Also ``flapping``: every second question is unavailable, and
``slow:SECONDS``: the answer begins so late."""


async def meet_fault(exchange: Exchange, name: str) -> bool:
    """Whether the fault of the key that asks was the whole answer."""
    key = exchange.headers.get("authorization", "").removeprefix("Bearer ")
    fault = faults.get(key, "")
    asked.append((time.time(), key, name, fault))
    kind, _, argument = fault.partition(":")
    if kind == "flapping":
        calls[f"flapping {key}"] += 1
        kind = "unavailable" if calls[f"flapping {key}"] % 2 else ""
    if kind == "slow":
        await asyncio.sleep(float(argument))
    if kind not in FAULTS:
        return False
    await FAULTS[kind](exchange, argument)
    return True


async def serve_bot(exchange: Exchange) -> None:
    name = exchange.path.removeprefix("/bot/")
    exchange.payload = await exchange.body()  # type: ignore[attr-defined]
    payload = json.loads(exchange.payload)  # type: ignore[attr-defined]
    if payload["type"] != "query":
        calls["reports"] += 1
        await exchange.answer(200, {})
        return
    calls[name] += 1
    last[name] = {**payload, "authorization": exchange.headers.get("authorization")}
    last[name]["headers"] = exchange.headers
    if await meet_fault(exchange, name):
        return
    behaviour, _, argument = name.partition("-")
    if behaviour not in BEHAVIOURS:
        await exchange.answer(404, {"detail": "no such bot"})
        return
    await BEHAVIOURS[behaviour](exchange, argument)


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    exchange = Exchange(scope, receive, send)
    if exchange.path == "/v1/models":
        await exchange.answer(200, MODELS)
    elif exchange.path.startswith("/usage/"):
        key = exchange.headers.get("authorization", "")
        if faults.get(key.removeprefix("Bearer ")) == "revoked":
            await revoked(exchange, "")
            return
        await exchange.answer(*answer_account(exchange.path, scope["query_string"], key))
    elif exchange.path == "/faults":
        faults.clear()
        asked.clear()
        faults.update(json.loads(await exchange.body()))
        await exchange.answer(200, {})
    elif exchange.path == "/asked":
        await exchange.answer(200, asked)
    elif exchange.path == "/seen":
        await exchange.answer(200, {"calls": calls, "closed": closed, "last": last})
    elif exchange.path.startswith("/bot/"):
        await serve_bot(exchange)
    else:
        await exchange.answer(200, {})


if __name__ == "__main__":
    uvicorn.run(application, port=int(sys.argv[1]), log_level="critical", lifespan="off")
