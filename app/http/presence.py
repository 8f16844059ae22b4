"""Whether the client is still there, asked of its socket: writing tells only one token too late."""

import select
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gevent
from gevent import monkey

from app.core.events import Batch, Batches

LOOK_SECONDS = 1.0

_PEER_GONE = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR


class ClientGone(Exception):
    """The client closed its connection before its answer was complete."""


class Presence:
    """The client behind one request. Always present where the server shows no socket (tests)."""

    def __init__(self, environ: dict[str, Any]) -> None:
        sock = environ.get("gunicorn.socket")
        self._poll = None
        if sock is not None:
            # The real poll: gevent's would go to the hub, and nobody waits here.
            self._poll = monkey.get_original("select", "poll")()
            self._poll.register(sock.fileno(), _PEER_GONE)

    def check(self) -> None:
        """Raises ClientGone once the client has closed or lost the connection."""
        if self._is_gone():
            raise ClientGone

    def watch(self, batches: Batches) -> Iterator[Batch]:
        """The same batches, for as long as the client waits for them."""
        for batch in batches:
            self.check()
            yield batch

    @contextmanager
    def awaited(self) -> Iterator[None]:
        """Raises ClientGone in the midst of whatever is waited for here, as gevent's Timeout does.

        Not for writing to the client, which notices by itself.
        """
        timer = gevent.get_hub().loop.timer(LOOK_SECONDS, LOOK_SECONDS)
        timer.start(self._look, gevent.getcurrent())
        try:
            yield
        finally:
            timer.close()

    def _look(self, waiting: Any) -> None:
        if self._is_gone():
            waiting.throw(ClientGone)

    def _is_gone(self) -> bool:
        return self._poll is not None and bool(self._poll.poll(0))
