"""One client that asks one thing at a time: it checks whole answers and times first tokens."""

import http.client
import time
from contextlib import closing

from bench.failure import Failure
from bench.processes import Server
from bench.wire import CREDENTIAL, Ask, token

TIMEOUT = 30.0  # seconds of silence
FIRST_TOKEN = f'"{token(0)}'.encode()
HEADERS = {"Authorization": CREDENTIAL, "Content-Type": "application/json"}


class Client:
    """A client with one kept-alive connection to one server."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=TIMEOUT)

    def close(self) -> None:
        """Closes the connection."""
        self.connection.close()

    def first_token(self, ask: Ask, body: bytes) -> float:
        """Seconds from sending the request to having its first token; checks the whole answer."""
        try:
            status, stream, first = self.exchange(ask.path, body)
        except (OSError, http.client.HTTPException) as error:
            raise self.failure(repr(error)) from error
        fault = f"HTTP {status} {stream[:300]!r}" if status != 200 else ask.fault(stream)
        if fault:
            raise self.failure(fault)
        return first

    def exchange(self, path: str, body: bytes) -> tuple[int, bytes, float]:
        """Status, whole stream, and the seconds to the first token in it (0: there was none)."""
        if self.connection.sock is None:
            self.connection.connect()
        start = time.perf_counter()
        self.connection.request("POST", path, body, HEADERS)
        response = self.connection.getresponse()
        stream, first = b"", 0.0
        while piece := response.read1():
            stream += piece
            if not first and FIRST_TOKEN in stream:
                first = time.perf_counter() - start
        return response.status, stream, first

    def failure(self, fault: str) -> Failure:
        """That fault with the end of the server's log, which mostly says why."""
        return Failure(f"{self.server.name}: {fault}\n{self.server.log_tail()}".strip())


def verify(server: Server, ask: Ask) -> None:
    """Asks once over a fresh connection and checks status, tokens, order and ending."""
    with closing(Client(server)) as client:
        client.first_token(ask, ask.body())
