"""Whether an answer may continue: its client is connected, and the grace time is not over.

The client is asked of its socket, because writing shows only one token too late that it has left.
"""

import select
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import gevent
from gevent import monkey

from app.errors import ApiError, Unavailable

LOOK_SECONDS = 1.0
"""The interval of checks while waiting; batches, possibly empty, also arrive each second."""
WATCH_SECONDS = 0.25
RESTART_SECONDS = 5
"""Retry-After: how long a restart of the gateway takes."""

_Batch = TypeVar("_Batch")
_PEER_GONE = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR


class ClientGone(Exception):
    """The client closed its connection before its answer was complete."""


class GraceTime:
    """The grace time of this process for its answers. Its worker ends it."""

    def __init__(self) -> None:
        self.is_over = False


GRACE_TIME = GraceTime()


def cut_short() -> ApiError:
    """The error of an answer that is incomplete when the grace time is over."""
    return Unavailable(
        "The gateway is being restarted, and this answer was not complete in time. "
        "Please ask again.",
        code="shutting_down",
        retry_after=str(RESTART_SECONDS),
    )


def not_delivered() -> str:
    """For the log: why an answer did not reach its client whole."""
    return "shutting_down" if GRACE_TIME.is_over else "client_gone"


class Presence:
    """The client of one request. Always present if the server gives no socket (in tests)."""

    def __init__(self, environ: dict[str, Any]) -> None:
        sock = environ.get("gunicorn.socket")
        self._poll = None
        if sock is not None:
            # The original poll, because gevent's would switch to the hub.
            self._poll = monkey.get_original("select", "poll")()
            self._poll.register(sock.fileno(), _PEER_GONE)

    def check(self) -> None:
        """Raises ClientGone once the client has closed or lost the connection.

        And Unavailable once the grace time is over.
        """
        reason = self._reason_to_end()
        if reason is not None:
            raise reason

    def watch(self, batches: Iterable[_Batch]) -> Iterator[_Batch]:
        """The same batches, as long as the answer may continue. Raises as ``check`` does.

        Looked at by time, for a look is a system call and batches come with each token.
        """
        next_look = 0.0
        for batch in batches:
            now = time.monotonic()
            if now >= next_look:
                next_look = now + WATCH_SECONDS
                self.check()
            yield batch

    @contextmanager
    def awaited(self) -> Iterator[None]:
        """Raises as ``check`` does, interrupting the wait in this block, like gevent's Timeout.

        Not for writing to the client, which notices by itself.
        """
        timer = gevent.get_hub().loop.timer(LOOK_SECONDS, LOOK_SECONDS)
        timer.start(self._look, gevent.getcurrent())
        try:
            yield
        finally:
            timer.close()

    def _look(self, waiting: Any) -> None:
        reason = self._reason_to_end()
        if reason is not None:
            waiting.throw(reason)

    def _reason_to_end(self) -> Exception | None:
        if self._poll is not None and self._poll.poll(0):
            return ClientGone()
        return cut_short() if GRACE_TIME.is_over else None
