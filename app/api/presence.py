"""Whether the client is still there, asked of its socket: writing tells only one token too late."""

import select
from collections.abc import Iterator
from typing import Any

from gevent import monkey

from app.core.events import Batch, Batches

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
        if self._poll is not None and self._poll.poll(0):
            raise ClientGone

    def watch(self, batches: Batches) -> Iterator[Batch]:
        """The same batches, for as long as the client waits for them."""
        for batch in batches:
            self.check()
            yield batch
