"""gunicorn's gevent worker: when it stops it waits for answers and jobs, but for no idle client.

gunicorn's own counts a connection that is only kept alive as one that is being served: behind
nginx it would stop at the end of its grace period and never before. And at that end it would cut
what still runs without a word.

SIGTERM, with gunicorn's ``graceful_timeout`` of 30 s:

    0 s    no new connections; those at hand have LINGER_SECONDS for a request, and are then closed
    24 s   jobs that are not done fail
    27 s   answers that are not complete end within a second, with an error in their API's form
    28.5 s what cannot even be written, because its client does not read, is closed
    30 s   gunicorn's master kills the worker
"""

import errno
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gevent
import gevent.socket
from gunicorn.glogging import Logger
from gunicorn.workers.ggevent import GeventWorker

from app import memory
from app.http.client_socket import ClientSocket
from app.http.presence import GRACE_TIME
from app.log_format import JsonLines
from app.relay.jobs import STOP_SECONDS, Jobs

log = logging.getLogger("poegate")

LINGER_SECONDS = 1.0
"""How long a stopping worker still waits for a connection's next request: it may be on its way."""
SPARE_SECONDS = 1.0
"""A worker learns a little later than gunicorn that it is to stop."""
UNREAD_BYTES = 65_536
"""What of a body is read off after its answer, so that the connection can be kept."""
CUT_SECONDS = 3.0
"""Before the end of the grace time, running answers are told to end."""
CLOSE_SECONDS = 1.5
"""Before it, the connections are closed of those that did not."""


def _read_off(body: Any) -> bool:
    """Whether what the application left of a body is short; then it is read, for the next request
    follows it."""
    left = UNREAD_BYTES
    with gevent.Timeout(LINGER_SECONDS, False):  # type: ignore[arg-type]
        while left > 0:
            piece = body.read(min(left, 8_192))
            if not piece:
                return True
            left -= len(piece)
    return False


class JsonLogger(Logger):
    """gunicorn's own lines in the form of all others."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(JsonLines())


class DrainingWorker(GeventWorker):
    """Closes idle connections once it is to stop, and lets the busy ones end."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._idle: set[Any] = set()
        self._connections: set[Any] = set()
        """Greenlets, of which those in ``_idle`` wait for a request."""

    @property
    def _jobs(self) -> Jobs:
        application: Any = self.wsgi
        jobs: Jobs = application.extensions["poegate"].jobs
        return jobs

    def run(self) -> None:
        """Until the worker is to stop, and its streams and jobs have ended.

        Where it must not wait (Ctrl-C, or gunicorn itself is gone), its jobs fail at once.
        """
        gevent.spawn(self._warn_of_risks)
        memory.freeze()
        gevent.spawn(memory.give_back_when_idle, self._is_idle)
        try:
            super().run()
            self._end_jobs()
        finally:
            self._jobs.stop()

    def _warn_of_risks(self) -> None:
        application: Any = self.wsgi
        application.extensions["poegate"].store.warn_of_risks()

    @contextmanager
    def timeout_ctx(self) -> Iterator[None]:  # type: ignore[override]  # so says the stub
        """gunicorn enters this around its wait for a connection's next request."""
        waiting = gevent.getcurrent()
        self._idle.add(waiting)
        try:
            seconds = self.cfg.keepalive if self.alive else LINGER_SECONDS
            with gevent.Timeout(seconds, False):  # type: ignore[arg-type]  # False: silently
                yield
        finally:
            self._idle.discard(waiting)

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """One connection, with all its requests."""
        if type(client) is gevent.socket.socket:  # not TLS
            client = ClientSocket(client.family, client.type, client.proto, fileno=client.detach())
        own = gevent.getcurrent()
        self._connections.add(own)
        try:
            super().handle(listener, client, addr)
        finally:
            self._connections.discard(own)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> Any:
        """One request. Between those that a client sends at once, others have their turn."""
        kept = super().handle_request(listener_name, req, sock, addr)
        gevent.sleep(0)
        if not _read_off(req.body):
            self._end_unread(sock)
        return kept

    def _end_unread(self, sock: Any) -> None:
        """Closes the connection of a client that still sends a body which nobody wants.

        It first gets its answer: a connection that is closed with unread bytes is reset.
        """
        with gevent.Timeout(LINGER_SECONDS, False):  # type: ignore[arg-type]
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(UNREAD_BYTES):
                pass
        raise StopIteration("The body was not read.")

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM. A signal handler must not block, so what follows is left to greenlets."""
        super().handle_exit(sig, frame)
        gevent.spawn_later(LINGER_SECONDS, self._close_idle)
        gevent.spawn_later(self.cfg.graceful_timeout - CUT_SECONDS, self._cut_answers)
        gevent.spawn_later(self.cfg.graceful_timeout - CLOSE_SECONDS, self._close_blocked)
        if self.booted:
            gevent.spawn(self._end_jobs)

    def _is_idle(self) -> bool:
        return self._connections <= self._idle

    def _end_jobs(self) -> None:
        """Those that do not end in time are told as failed before gunicorn kills the worker."""
        self._jobs.stop(self.cfg.graceful_timeout - STOP_SECONDS - SPARE_SECONDS)

    def _close_idle(self) -> None:
        for waiting in tuple(self._idle):
            waiting.kill(StopIteration, block=False)

    def _cut_answers(self) -> None:
        running = len(self._connections - self._idle)
        log.warning("the grace time is over: %d answers that still run are ended", running)
        GRACE_TIME.is_over = True

    def _close_blocked(self) -> None:
        """Whatever they wait for fails: a write ends the connection, all else is told as a 503."""
        blocked = self._connections - self._idle
        if blocked:
            log.warning("%d answers that could not be ended are cut", len(blocked))
        for connection in blocked:
            reset = ConnectionResetError(errno.ECONNRESET, "The grace time is over.")
            connection.kill(reset, block=False)
