"""What one client's request does to another client's stream."""

import http.client
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.crowd import Order, Outcome, coming
from bench.failure import Failure
from bench.paced import warm
from bench.processes import Server, servers
from bench.table import Pace, Result
from bench.wire import CREDENTIAL, Ask

RATE = 50  # tokens a second of the stream that is watched
HEAD_START = 0.5  # seconds of it before the other client comes
HOSTILE_LIMIT = 60.0  # seconds that the other client waits for its answer


@dataclass(frozen=True)
class Hostile:
    """A request that costs a server much more than its sender."""

    path: str
    body: Callable[[], dict[str, Any]]  # made when it is needed: some are large


def chat(content: str, bot: str = "burst-1", **fields: Any) -> dict[str, Any]:
    """A Chat Completions request."""
    return {"model": bot, "messages": [{"role": "user", "content": content}], **fields}


def wide_schema(properties: int) -> dict[str, Any]:
    """An object of so many properties, each with a pattern."""
    one = {"type": "string", "pattern": "^(a|b|ab)*c$", "minLength": 1}
    names = [f"property_{number}" for number in range(properties)]
    return {"type": "object", "properties": dict.fromkeys(names, one), "required": names}


def wide_tool() -> dict[str, Any]:
    """A tool of a thousand parameters, and an answer of the same schema."""
    schema = wide_schema(1000)
    form = {"type": "json_schema", "json_schema": {"name": "wide", "schema": schema}}
    tool = {"type": "function", "function": {"name": "wide", "parameters": schema}}
    return chat("Call it.", tools=[tool], response_format=form)


def many_stops() -> dict[str, Any]:
    """20,000 stop sequences, which begin alike."""
    stops = ["t" * 20 + str(number) for number in range(20_000)]
    return chat("Stop.", bot="burst-100", max_tokens=1000, stop_sequences=stops)


def long_json() -> dict[str, Any]:
    """An answer of 5 MB that must fit a schema."""
    items = {"type": "array", "items": {"type": "integer", "multipleOf": 1}}
    schema = {"type": "object", "properties": {"items": items}, "required": ["items"]}
    form = {"type": "json_schema", "json_schema": {"name": "long", "schema": schema}}
    return chat("Count.", bot="json-5000000", response_format=form)


CHAT_PATH = "/v1/chat/completions"
HOSTILES = {
    "a 1,000-property schema": Hostile(CHAT_PATH, wide_tool),
    "20,000 stop sequences": Hostile("/v1/messages", many_stops),
    "a 100 MB body": Hostile(CHAT_PATH, lambda: chat("words and " * 9_990_000)),
    "a million blanks": Hostile(CHAT_PATH, lambda: chat(" " * 1_000_000)),
    "an answer of 5 MB to be checked": Hostile(CHAT_PATH, long_json),
}


@dataclass(frozen=True)
class Neighbour:
    """A stream of 50 tokens a second, and how late its latest token is because of another client.

    The stream is watched once alone and once beside the hostile request.
    """

    key: str
    what: str  # one of HOSTILES
    seconds: int = 4
    most_ms: float = 50

    def measure(self, pace: Pace) -> Result:
        """The gateway alone: the baseline reads none of these."""
        hostile = HOSTILES[self.what]
        body = json.dumps(hostile.body()).encode()
        with servers("gateway") as running:
            warm(running.gateway)
            alone = self.watch(running.gateway, lambda: None)
            statuses: list[str] = []
            beside = self.watch(
                running.gateway,
                lambda: statuses.append(answered(running.gateway, hostile.path, body)),
            )
        gap = beside.token.most - alone.token.most
        return Result(
            title=f"another client sends {self.what}: a stream's latest token",
            gateway=f"{beside.token.most:.0f} ms late; alone {alone.token.most:.0f} ms",
            target=f"at most {self.most_ms:g} ms more",
            met=gap <= self.most_ms,
            notes=[f"the hostile request: {', '.join(statuses)}"],
        )

    def watch(self, server: Server, act: Callable[[], None]) -> Outcome:
        """One stream, and the act in a thread of its own soon after it has begun."""
        tokens = RATE * self.seconds
        order = Order(Ask(f"paced-{RATE}x{tokens}", tokens), 1, RATE, rounds=1, ramp=0)
        other = threading.Thread(target=act, daemon=True)
        with coming(server, order) as crowd:
            crowd.wait_until_held()
            time.sleep(HEAD_START)
            other.start()
            crowd.wait_until_ending()
            outcome = crowd.outcome()
        other.join(HOSTILE_LIMIT)
        if outcome.failed:
            raise Failure(f"the watched stream: {outcome.faults}\n{server.log_tail()}")
        return outcome


def answered(server: Server, path: str, body: bytes) -> str:
    """What became of the request, and in what time."""
    start = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=HOSTILE_LIMIT)
    try:
        headers = {"Authorization": CREDENTIAL, "Content-Type": "application/json"}
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        what = f"HTTP {response.status}, {len(response.read()):,} bytes"
    except (OSError, http.client.HTTPException) as error:
        what = repr(error)
    finally:
        connection.close()
    return f"{what} in {time.monotonic() - start:.2f} s"
