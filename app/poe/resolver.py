"""Looks up names of hosts: in threads of its own and within a time limit.

gevent's own resolver shares ten threads with all other blocking work of a worker, and waits as long
as the system does: some slow names would stop every client.
"""

import socket
from collections.abc import Callable
from typing import Any

import gevent
from gevent import monkey
from gevent.resolver.thread import Resolver
from gevent.threadpool import ThreadPool

SECONDS = 5.0
THREADS = 32
"""A look-up that hangs keeps its thread for as long as the system waits, some 10 to 30 seconds."""

_getaddrinfo: Callable[..., Any] = monkey.get_original("socket", "getaddrinfo")


class BoundedResolver(Resolver):
    """Numeric addresses need no thread. A name that takes too long raises ``socket.gaierror``.

    Who asks for the same name meanwhile waits for the same answer, so that one slow name takes one
    thread from the others.
    """

    def __init__(self, threads: int = THREADS) -> None:
        super().__init__(gevent.get_hub())
        self.pool = ThreadPool(threads)
        self._running: dict[tuple[Any, ...], Any] = {}

    def getaddrinfo(
        self,
        host: Any,
        port: Any,
        family: int = 0,
        socktype: int = 0,
        proto: int = 0,
        flags: int = 0,
    ) -> Any:
        try:
            numeric = flags | socket.AI_NUMERICHOST
            return _getaddrinfo(host, port, family, socktype, proto, numeric)
        except socket.gaierror:
            pass
        too_slow = socket.gaierror(socket.EAI_AGAIN, f"no answer within {SECONDS:g} seconds")
        with gevent.Timeout(SECONDS, too_slow):
            return self._look_up(host, port, family, socktype, proto, flags).get()

    def _look_up(self, *asked: Any) -> Any:
        """The result to come."""
        if asked not in self._running:
            self._running[asked] = self.pool.spawn(_getaddrinfo, *asked)
            self._running[asked].rawlink(lambda _: self._running.pop(asked, None))
        return self._running[asked]


def install() -> None:
    """For all connections that this worker makes."""
    hub: Any = gevent.get_hub()
    hub.resolver = BoundedResolver()
