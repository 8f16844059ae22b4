"""Many slow streams held open at once, read by raw sockets: a process of its own.

Reads its order from stdin, as JSON (`Order`), and writes two JSON lines to stdout: `{"held"}` when
the last stream has its first token (or failed), and the outcome (`Outcome`) when all have ended.
"""

import asyncio
import http.client
import io
import json
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from typing import cast

from bench.wire import CREDENTIAL, Ask, token

FIRST_TOKEN = f'"{token(0)}'.encode()
GRACE = 20.0  # seconds that the last stream may be late


@dataclass(frozen=True)
class Order:
    """What to hold: streams opened evenly over `ramp` seconds, then left to end."""

    port: int
    streams: int
    rate: int  # tokens a second
    tokens: int
    ramp: float

    @property
    def ask(self) -> Ask:
        """The request that every stream makes."""
        return Ask(f"slow-{self.rate}x{self.tokens}", self.tokens)


@dataclass(frozen=True)
class Outcome:
    """How it went; `late` is the worst stream's delay in seconds over the upstream's timetable."""

    failed: int
    late: float
    faults: dict[str, int]


class Recording:
    """Received bytes in the shape of the socket that `http.client` reads from."""

    def __init__(self, received: bytes) -> None:
        self.received = received

    def makefile(self, _mode: str) -> io.BytesIO:
        """The bytes as a file."""
        return io.BytesIO(self.received)


def fault_of(received: bytes, ask: Ask) -> str:
    """Why these bytes are not one whole right HTTP answer; empty when they are."""
    response = http.client.HTTPResponse(Recording(received))  # type: ignore[arg-type]
    try:
        response.begin()
        stream = response.read()
    except http.client.HTTPException as error:
        return type(error).__name__
    return f"HTTP {response.status}" if response.status != 200 else ask.fault(stream)


class Stream(asyncio.Protocol):
    """One connection: it sends the request and keeps what comes, with three times."""

    def __init__(self, request: bytes, crowd: "Crowd") -> None:
        self.request = request
        self.crowd = crowd
        self.received = bytearray()
        self.first = self.last = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asks."""
        cast(asyncio.Transport, transport).write(self.request)

    def data_received(self, data: bytes) -> None:
        """Keeps the bytes; the first token is news to the crowd."""
        self.received += data
        self.last = self.crowd.now()
        if not self.first and FIRST_TOKEN in self.received:
            self.first = self.last
            self.crowd.stream_began()

    def connection_lost(self, exc: Exception | None) -> None:
        """The server closes when the answer is over."""
        self.crowd.stream_ended(began=bool(self.first))


class Crowd:
    """The streams of one order."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.streams: list[Stream] = []
        self.now = asyncio.get_running_loop().time
        self.open = self.settled = self.ended = 0
        self.finished = asyncio.Event()

    def stream_began(self) -> None:
        """A stream has its first token."""
        self.open += 1
        self.settle()

    def stream_ended(self, began: bool) -> None:
        """A stream's connection is closed, or was refused."""
        self.ended += 1
        if began:
            self.open -= 1
        else:
            self.settle()
        if self.ended == self.order.streams:
            self.finished.set()

    def settle(self) -> None:
        """Tells the parent once every stream has begun or failed."""
        self.settled += 1
        if self.settled == self.order.streams:
            print(json.dumps({"held": self.open}), flush=True)

    async def open_one(self, delay: float, request: bytes) -> None:
        """Opens a stream after so many seconds."""
        stream = Stream(request, self)
        self.streams.append(stream)
        await asyncio.sleep(delay)
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: stream, "127.0.0.1", self.order.port)
        except OSError:
            self.stream_ended(began=False)

    async def hold(self) -> Outcome:
        """Opens all, waits for the end of all, and judges each."""
        order = self.order
        request = request_bytes(order.ask)
        gap = order.ramp / order.streams
        limit = order.ramp + order.tokens / order.rate + GRACE
        try:
            async with asyncio.timeout(limit):
                opening = (self.open_one(gap * n, request) for n in range(order.streams))
                await asyncio.gather(*opening)
                await self.finished.wait()
        except TimeoutError:
            pass  # the streams that are still open are judged by what they have
        return self.outcome()

    def outcome(self) -> Outcome:
        """The judgement over all streams."""
        order = self.order
        faults = Counter(fault_of(bytes(stream.received), order.ask) for stream in self.streams)
        faults.pop("", None)
        planned = (order.tokens - 1) / order.rate
        late = max(stream.last - stream.first - planned for stream in self.streams)
        return Outcome(faults.total(), late, dict(faults.most_common(3)))


def request_bytes(ask: Ask) -> bytes:
    """The whole HTTP request, for a connection that serves it alone."""
    body = ask.body()
    lines = [
        f"POST {ask.path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: {CREDENTIAL}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def main() -> None:
    """Carries out the order on stdin."""
    order = Order(**json.loads(sys.stdin.readline()))
    outcome = await Crowd(order).hold()
    print(json.dumps(asdict(outcome)), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
