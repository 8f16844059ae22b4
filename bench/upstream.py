"""A raw, fast simulated Poe: an ASGI app with no framework, so that it never is the bottleneck.

`POST /bot/<name>` answers with Poe protocol events; the name chooses the behaviour:

- `burst-100`: 100 tokens, each its own ASGI send, as fast as they go.
- `slow-5x60`: 5 tokens a second, 60 of them; `slow-5` sends 5 seconds of them.
- `timed`: one token as soon as the body is read, the rest `TIMED_PAUSE` seconds later.

`GET /v1/models` lists these bots.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from bench.wire import token

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

TIMED_TOKENS = 5
TIMED_PAUSE = 0.005  # seconds between the first token of `timed` and its rest
SLOW_SECONDS = 5  # how long a `slow-N` bot speaks when its name does not say
DONE = b"event: done\ndata: {}\n\n"


def text_event(number: int) -> bytes:
    """One Poe `text` event holding the token of that number, counted from 0."""
    data = json.dumps({"text": token(number)})
    return f"event: text\ndata: {data}\n\n".encode()


# Made once: an answer costs the upstream no more than its sends.
EVENTS = [text_event(number) for number in range(1000)]


async def burst(size: str) -> AsyncIterator[bytes]:
    """`size` tokens without a pause."""
    for event in EVENTS[: int(size)]:
        yield event


async def slow(pace: str) -> AsyncIterator[bytes]:
    """Tokens on a fixed timetable; `pace` is `<tokens a second>` or `<that>x<tokens in all>`."""
    rate, _, size = pace.partition("x")
    tokens = int(size) if size else int(rate) * SLOW_SECONDS
    now = asyncio.get_running_loop().time
    start = now()
    for number in range(tokens):
        await asyncio.sleep(start + number / int(rate) - now())
        yield EVENTS[number]


async def timed(_: str) -> AsyncIterator[bytes]:
    """The first token at once and by itself."""
    yield EVENTS[0]
    await asyncio.sleep(TIMED_PAUSE)
    for event in EVENTS[1:TIMED_TOKENS]:
        yield event


BOTS = {"burst": burst, "slow": slow, "timed": timed}


async def drain(receive: Receive) -> None:
    """Reads the request's body to its end and forgets it."""
    while (await receive()).get("more_body"):
        pass


async def start(send: Send, content_type: bytes, status: int = 200) -> None:
    """Sends the status and the one header."""
    headers = [(b"content-type", content_type)]
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def speak(name: str, send: Send) -> None:
    """Streams the answer of the bot of that name; an unknown name is a 404."""
    kind, _, setting = name.partition("-")
    if kind not in BOTS:
        await start(send, b"text/plain", 404)
        await send({"type": "http.response.body", "body": b"no such bot"})
        return
    await start(send, b"text/event-stream")
    async for event in BOTS[kind](setting):
        await send({"type": "http.response.body", "body": event, "more_body": True})
    await send({"type": "http.response.body", "body": DONE})


async def list_models(send: Send) -> None:
    """The model list, in the fields that Poe's own has."""
    names = ["burst-100", "slow-5", "timed"]
    data = [{"id": name, "object": "model", "created": 0, "owned_by": "bench"} for name in names]
    await start(send, b"application/json")
    body = json.dumps({"object": "list", "data": data}).encode()
    await send({"type": "http.response.body", "body": body})


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI entry; run it with `--lifespan off`."""
    await drain(receive)
    if scope["method"] == "GET":
        await list_models(send)
    else:
        await speak(scope["path"].rpartition("/")[2], send)
