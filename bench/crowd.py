"""Many slow streams at once through one server, read and checked by native/crowd.c."""

import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

from bench.compiled import program
from bench.failure import Failure
from bench.processes import Server, stop
from bench.wire import CREDENTIAL, Ask

GRACE = 30.0  # seconds that the last stream may be late


@dataclass(frozen=True)
class Order:
    """Connections opened evenly over `ramp` seconds, each of which asks `rounds` times."""

    ask: Ask  # of a paced bot
    streams: int
    rate: int  # tokens a second
    rounds: int
    ramp: float

    @property
    def limit(self) -> float:
        """Seconds after which whatever is open is cut off."""
        return self.ramp + 2 * self.rounds * self.ask.tokens / self.rate + GRACE


@dataclass(frozen=True)
class Late:
    """Milliseconds behind the upstream's timetable: median, slowest hundredth, slowest."""

    middle: float
    slow: float
    most: float


@dataclass(frozen=True)
class Outcome:
    """How a crowd fared. `token` and `answer`: how late tokens and last tokens came."""

    token: Late
    answer: Late
    whole: int
    tokens: int
    faults: dict[str, int]

    @property
    def failed(self) -> int:
        """Answers that were not whole."""
        return sum(self.faults.values())


class Crowd:
    """A crowd on its way. Each method waits for it, and raises Failure where it ends before."""

    def __init__(self, process: subprocess.Popen[str], server: Server) -> None:
        self.process = process
        self.server = server
        self._told: dict[str, Any] = {}

    def wait_until_held(self) -> int:
        """The number of streams that are open, once each has its first token or has failed."""
        return int(self._await("held"))

    def wait_until_ending(self) -> None:
        """Returns when the first connection has ended its last round."""
        self._await("ending")

    def outcome(self) -> Outcome:
        """How all fared, once they have ended."""
        whole = self._await("whole")
        told = self._told
        kinds = ("refused", "incomplete", "cut", "broken")
        return Outcome(
            Late(*told["token_ms"]),
            Late(*told["answer_ms"]),
            whole,
            told["tokens"],
            {kind: told[kind] for kind in kinds if told[kind]},
        )

    def _await(self, name: str) -> Any:
        """Reads the crowd's lines until one of them has that field."""
        assert self.process.stdout
        while name not in self._told:
            line = self.process.stdout.readline()
            if not line:
                raise Failure(f"the crowd ended without its report\n{self.server.log_tail()}")
            self._told |= json.loads(line)
        return self._told[name]


@contextmanager
def coming(server: Server, order: Order) -> Iterator[Crowd]:
    """A crowd that comes to the server, and that is sent away at the end of the block."""
    with tempfile.NamedTemporaryFile(prefix="bench-request-") as request:
        request.write(request_bytes(order.ask))
        request.flush()
        process = subprocess.Popen(
            command(server, order, request), stdout=subprocess.PIPE, text=True
        )
        try:
            yield Crowd(process, server)
        finally:
            stop(process)


def command(server: Server, order: Order, request: IO[bytes]) -> list[str]:
    """The command line of native/crowd.c."""
    numbers = (server.port, order.streams, order.rounds, order.ask.tokens, order.rate)
    times = (f"{1000 * order.ramp:.0f}", f"{order.limit:.0f}")
    texts = (*map(str, numbers), *times, order.ask.dialect.ending, request.name)
    return [str(program("crowd")), *texts]


def request_bytes(ask: Ask) -> bytes:
    """The whole HTTP request."""
    body = ask.body()
    lines = [
        f"POST {ask.path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: {CREDENTIAL}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
