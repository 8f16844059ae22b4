"""Each attack by itself: answered as it should be, and hardly felt by the neighbour."""

import json
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import requests

from tests.attacks.conftest import ATTEMPTS, Held, Watch
from tests.lengths import FULL
from tests.servers import Server

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
USER = [{"role": "user", "content": "x"}]
pytestmark = pytest.mark.lengths

PLAIN = "hostile-plain-1"


@dataclass(frozen=True)
class Attack:
    """``times`` requests at once with the same body. ``statuses``: those that are right."""

    name: str
    path: str
    body: Callable[[], bytes]
    statuses: tuple[int, ...]
    kind: str = JSON
    times: int = 1
    tenants: int = 1
    total: int = 1
    """How many of the bodies may be in memory at once."""


def send(victim: Server, attack: Attack, body: bytes, number: int) -> int:
    key = f"attacker-{number % attack.tenants}"
    headers = {"Authorization": f"Bearer {key}", "Content-Type": attack.kind}
    url = victim.url + attack.path
    with requests.post(url, body, headers=headers, timeout=90, stream=True) as response:
        for _ in response.iter_content(65_536):
            pass
        return response.status_code


def run(victim: Server, watch: Watch, attack: Attack) -> None:
    body = attack.body()
    for attempt in range(ATTEMPTS):
        try:
            with watch(attack.total * len(body)), ThreadPoolExecutor(attack.times) as clients:
                ask = partial(send, victim, attack, body)
                statuses = set(clients.map(ask, range(attack.times)))
        except Held:
            if attempt == ATTEMPTS - 1:
                raise
            time.sleep(1)
            continue
        assert statuses <= set(attack.statuses), statuses
        return


def encoded(**body: Any) -> Callable[[], bytes]:
    return lambda: json.dumps(body).encode()


def chat(bot: str = PLAIN, /, **fields: Any) -> Callable[[], bytes]:
    return encoded(**{"model": bot, "messages": USER, **fields})


def asking(bot: str, statuses: tuple[int, ...] = (200,)) -> tuple[Attack, ...]:
    """The same bot in four APIs, half of them as streams; in ``make test`` in two of them."""
    bot, name = f"hostile-{bot}", bot
    begun = (200, *statuses)
    own = {"model": bot, "messages": USER, "max_tokens": 100_000_000}
    attacks = (
        Attack(f"{name} messages stream", MESSAGES, encoded(stream=True, **own), begun),
        Attack(f"{name} chat", CHAT, chat(bot), statuses),
        Attack(f"{name} chat stream", CHAT, chat(bot, stream=True), begun),
        Attack(f"{name} responses", RESPONSES, encoded(model=bot, input="x"), statuses),
    )
    return attacks if FULL else attacks[:2]


CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"


def schema_of(properties: int) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {f"p{n}": {"type": "string"} for n in range(properties)},
    }


def formatted(schema: Any, bot: str = "hostile-wrong_json-1", **fields: Any) -> Callable[[], bytes]:
    json_schema = {"name": "x", "schema": schema, "strict": True}
    return chat(bot, response_format={"type": "json_schema", "json_schema": json_schema}, **fields)


def offered(schema: Any, bot: str = "hostile-brackets-1", tools: int = 1) -> Callable[[], bytes]:
    functions = [{"name": f"f{n}", "parameters": schema} for n in range(tools)]
    return chat(bot, tools=[{"type": "function", "function": f} for f in functions])


PATTERN = {"type": "object", "properties": {"a": {"type": "string", "pattern": "^(a|a)*$"}}}
NODE = {"anyOf": [{"$ref": "#/$defs/n"}, {"$ref": "#/$defs/n"}, {"type": "string"}]}
RECURSIVE = {"$defs": {"n": {"type": "object", "properties": {"a": NODE, "b": NODE}}},
             "$ref": "#/$defs/n"}  # fmt: skip
DEEP = json.loads('{"type":"object","properties":{"a":' * 60 + "{}" + "}}" * 60)

MESSAGE = {"role": "user", "content": "x"}
MANY = 19_990

REQUESTS = (
    Attack("empty objects", CHAT,
           lambda: b'{"model":PLAIN,"messages":[' + b"{}," * 2_000_000 + b"{}]}", (413,)),
    Attack("messages at the limit", CHAT, chat(messages=[MESSAGE] * MANY), (200, 400)),
    Attack("Anthropic's messages at the limit", MESSAGES,
           encoded(model=PLAIN, max_tokens=9, messages=[MESSAGE] * MANY), (200, 400)),
    Attack("items at the limit", RESPONSES,
           encoded(model=PLAIN, input=[{"type": "message", **MESSAGE}] * MANY), (200, 400)),
    Attack("parts at the limit", CHAT,
           chat(messages=[{"role": "user", "content": [{"type": "text", "text": "x"}] * MANY}]),
           (200, 400)),
    Attack("calls at the limit", RESPONSES,
           encoded(model=PLAIN, input=[
               {"type": "function_call", "call_id": f"c{n}", "name": "f", "arguments": "{}"}
               for n in range(MANY)]), (200, 400)),
    Attack("wrong messages at the limit", CHAT, chat(messages=[{"role": "nobody"}] * MANY), (400,)),
    Attack("unknown brackets", CHAT,
           lambda: b'{"model":PLAIN,"messages":[],"x":[' + b"[]," * 10_000_000 + b"[]]}",
           (413,)),
    Attack("brackets at the limit", CHAT,
           lambda: chat()()[:-1] + b',"x":[' + b"[]," * 490_000 + b"[]]}", (200, 400)),
    Attack("numbers at the limit", CHAT,
           lambda: chat()()[:-1] + b',"x":[' + b"1.5," * 1_990_000 + b"1]}", (200, 400)),
    Attack("unknown names", CHAT, chat(**{f"x{n}": n for n in range(200_000)}), (200, 400, 413)),
    Attack("names at the limit", CHAT,
           lambda: chat()()[:-1] + b',"user":{' + b",".join(b'"k%d" :1' % n for n in range(390_000))
           + b"}}", (400,)),
    Attack("names beyond it", CHAT,
           lambda: b'{"user":{' + b",".join(b'"k%d"  :1' % n for n in range(1_900_000)) + b"}}",
           (413,)),
    Attack("form fields", "/v1/images/edits", lambda: b"a=&" * 4_000_000, (413,), FORM),
    Attack("form parts", "/v1/audio/transcriptions",
           lambda: b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n' * 300_000
           + b"--b--\r\n", (413,), "multipart/form-data; boundary=b"),
    Attack("a long form", "/v1/images/edits", lambda: b"prompt=" + b"%41" * 8_000_000, (400, 413),
           FORM),
    Attack("a pattern", CHAT, formatted(PATTERN, n=8), (200, 400, 502), times=4, tenants=4),
    Attack("5,000 properties", CHAT, formatted(schema_of(5_000)), (200, 400, 502)),
    Attack("50,000 properties", CHAT, formatted(schema_of(50_000)), (200, 400, 413, 502)),
    Attack("5,000 properties of a tool", CHAT, offered(schema_of(5_000)), (200, 400)),
    Attack("tools of 500 properties", CHAT, offered(schema_of(500), tools=100), (200, 400)),
    Attack("a recursive schema", CHAT, formatted(RECURSIVE), (200, 400, 502)),
    Attack("a recursive schema of a tool", CHAT, offered(RECURSIVE), (200, 400)),
    Attack("a deep schema", CHAT, formatted(DEEP), (200, 400, 502)),
    Attack("stop sequences", MESSAGES,
           encoded(model=PLAIN, max_tokens=9, messages=USER,
                   stop_sequences=[f"s{n}" for n in range(200_000)]), (400,)),
    Attack("a long stop sequence", MESSAGES,
           encoded(model=PLAIN, max_tokens=9, messages=USER, stop_sequences=["s" * 30_000_000]),
           (400,)),
    Attack("semicolons", CHAT, lambda: chat(messages=[{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "data:" + ";" * 20_000_000}}]}])(), (400,)),
    Attack("percent signs", CHAT, lambda: chat(messages=[{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "data:text/plain," + "%" * 20_000_000}}]}])(),
           (400,)),
    Attack("base64 of 40 MB", CHAT, lambda: chat(messages=[{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 40_000_000}}]}
    ])(), (200, 400, 500, 502), total=2),
    Attack("a prompt of 40 MB", CHAT, lambda: chat(messages=[
        {"role": "user", "content": "\u00e9 " * 13_000_000}])(), (200, 400)),
    Attack("a word of 20 MB", CHAT, lambda: chat(messages=[
        {"role": "user", "content": "a" * 20_000_000}])(), (200, 400)),
    Attack("escapes", CHAT, lambda: chat(messages=[
        {"role": "user", "content": "\ud83d\ude00" * 1_500_000}])(), (200, 400)),
    Attack("deep JSON", CHAT, lambda: b'{"x":' + b"[" * 400_000, (400, 413)),
    Attack("a long number", CHAT, lambda: b'{"x":' + b"1" * 20_000_000 + b"}", (400,)),
    Attack("21 videos", "/v1/videos",
           lambda: encoded(model="slow-3", prompt="x", other="y" * 20_000_000)(),
           (200, 429), times=21, tenants=21, total=13),
    Attack("20 long prompts", CHAT,
           lambda: chat("slow-3", messages=[{"role": "user", "content": "x" * 15_000_000}])(),
           (200, 429), times=20, tenants=20, total=17),
)  # fmt: skip

BOTS = (
    *asking("quotes-1000"),
    *asking("quoted_lines-300"),
    *asking("replacements-3000"),
    *asking("contradiction-12000"),
    *asking("files-5000"),
    *asking("letters-200"),
    Attack("letters", CHAT, chat("hostile-letters-2000", stream=True), (200,)),
    *asking("answer-300", (502,)),
    *asking("event_of-300", (502,)),
    *asking("error-400", (502,)),
    *asking("headers-200", (502,)),
    *asking("header-200", (502,)),
    *asking("trailers-200", (502,)),
    *asking("bomb-200", (502,)),
    *asking("bomb-500", (502,)),
    Attack("calls", CHAT, chat("hostile-calls-100", tools=[
        {"type": "function", "function": {"name": "f"}}]), (200, 502)),
    Attack("brackets", CHAT, chat("hostile-brackets-1000", tools=[
        {"type": "function", "function": {"name": "f"}}]), (200, 502)),
    Attack("brackets streamed", CHAT, chat("hostile-brackets-1000", stream=True, tools=[
        {"type": "function", "function": {"name": "f"}}]), (200, 502)),
    Attack("slow names", "/v1/images/generations", encoded(
        model="hostile-slow_link-1", prompt="x", response_format="b64_json"), (502,),
           times=12, tenants=12),
)  # fmt: skip


@pytest.mark.parametrize("attack", REQUESTS, ids=lambda attack: attack.name)
def test_requests(victim: Server, watch: Watch, attack: Attack) -> None:
    run(victim, watch, attack)


@pytest.mark.parametrize("attack", BOTS, ids=lambda attack: attack.name)
def test_bots(victim: Server, watch: Watch, attack: Attack) -> None:
    run(victim, watch, attack)


def pipeline(victim: Server, request: bytes, times: int, seconds: float) -> None:
    """Sends all at once, and reads the answers meanwhile."""
    with socket.create_connection(("127.0.0.1", victim.port)) as sock:
        sock.setblocking(False)
        rest, until = memoryview(request * times), time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                if not sock.recv(1_000_000):
                    return
            except BlockingIOError:
                time.sleep(0.001)
            except ConnectionResetError:
                return
            try:
                rest = rest[sock.send(rest[:65_536]) :] if rest else rest
            except BlockingIOError:
                time.sleep(0.001)
            except OSError:
                return


@pytest.mark.parametrize(
    "request_line", ["GET /healthz", "GET /openapi.json", "GET /v1/models/x", "GET /nowhere"]
)
def test_pipelined_requests(victim: Server, watch: Watch, request_line: str) -> None:
    request = f"{request_line} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    with watch(0):
        pipeline(victim, request, 20_000, 1.5)


def test_unfinished_bodies(victim: Server, watch: Watch) -> None:
    """Ten of 98 MB each, whose last byte never comes."""
    size = 98_000_000

    def begin(number: int) -> socket.socket:
        sock = socket.create_connection(("127.0.0.1", victim.port))
        sock.sendall(
            f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer invented-{number}\r\n"
            f"Content-Length: {size}\r\n\r\n".encode()
        )
        piece = b"x" * 1_000_000
        try:
            for _ in range(97):
                sock.sendall(piece)
        except OSError:
            pass
        return sock

    with watch(size), ThreadPoolExecutor(10) as clients:
        sockets = list(clients.map(begin, range(10)))
    for sock in sockets:
        sock.close()
