"""gunicorn's gevent worker: when it stops it waits for answers and jobs, but not for idle clients.

gunicorn's own worker treats an idle kept-alive connection like one with a request: behind nginx it
would always use its whole grace time, and then end running answers without an error.

SIGTERM, with gunicorn's ``graceful_timeout`` of 30 s:

    0 s    no new connections; open ones have LINGER_SECONDS for a request, and are then closed
    24 s   running jobs fail
    27 s   incomplete answers end within a second, with an error in their API's format
    28.5 s connections whose client does not read its answer are closed
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
import gunicorn.http.errors
from gunicorn.glogging import Logger
from gunicorn.workers.ggevent import GeventWorker

from app import memory
from app.core import turns
from app.http.client_socket import ClientSocket
from app.http.presence import GRACE_TIME
from app.relay.jobs import STOP_SECONDS, Jobs

log = logging.getLogger("poegate")

LINGER_SECONDS = 1.0
"""How long a stopping worker waits for the next request of a connection, which may be in
transit."""
SPARE_SECONDS = 1.0
"""A worker gets the signal a little later than gunicorn's master."""
UNREAD_BYTES = 65_536
"""How much of an unread body is read after its answer, so that the connection can be kept."""
CUT_SECONDS = 3.0
"""This long before the end of the grace time, running answers are ended."""
CLOSE_SECONDS = 1.5
"""This long before it, the connections of the remaining ones are closed."""


def _unread_bytes(body: Any) -> int:
    """What is left of a body whose length was announced."""
    left = getattr(getattr(body, "reader", None), "length", 0)
    return left if isinstance(left, int) else 0


def _read_off(body: Any) -> bool:
    """Reads the rest of a body, behind which the next request follows. False if it is too long."""
    left = UNREAD_BYTES
    with gevent.Timeout(LINGER_SECONDS, False):  # type: ignore[arg-type]
        while left > 0:
            piece = body.read(min(left, 8_192))
            if not piece:
                return True
            left -= len(piece)
    return False


def _log_failure(context: Any, kind: Any, error: Any, trace: Any) -> None:
    """In the place of gevent's printing: what nobody has caught, in the form of all other lines.

    ``context``: a greenlet; a tuple for work in a thread, whose error its caller gets.
    """
    if not isinstance(context, tuple):
        name = getattr(context, "name", type(context).__name__)
        log.error("unexpected error in %s", name, exc_info=(kind, error, trace))


class UniformLogger(Logger):
    """gunicorn's own lines in the form of all others."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(logging.getLogger().handlers[0].formatter)


class DrainingWorker(GeventWorker):
    """When it stops, it closes idle connections and lets busy ones finish."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._idle: set[Any] = set()
        self._connections: set[Any] = set()
        """Greenlets, of which those in ``_idle`` wait for a request."""

    @property
    def _services(self) -> Any:
        application: Any = self.wsgi
        return application.extensions["poegate"]

    @property
    def _jobs(self) -> Jobs:
        jobs: Jobs = self._services.jobs
        return jobs

    def run(self) -> None:
        """Serves until the worker is to stop and its streams and jobs have ended.

        If it must not wait (Ctrl-C, or gunicorn's master is gone), its jobs fail at once.
        """
        gevent.get_hub().print_exception = _log_failure  # type: ignore
        self._services.background.start()
        gevent.spawn(self._warn_of_risks)
        memory.freeze()
        gevent.spawn(memory.give_back_when_idle, self._is_idle)
        try:
            super().run()
            self._end_jobs()
        finally:
            self._jobs.stop()
            self._services.background.stop()

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

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Any) -> None:
        """For what is no HTTP. It may be part of a prompt or a credential, and is not repeated."""
        kind = type(exc)
        if kind.__module__ == gunicorn.http.errors.__name__:
            nothing = {"__init__": lambda self: None, "__str__": lambda self: kind.__name__}
            exc = type(kind.__name__, (kind,), nothing)()
        super().handle_error(req, client, addr, exc)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> Any:
        """One request. Between those that a client sends at once, others have their turn.

        Where much of a body is unread, the answer says that the connection will be closed: else
        the client might send its next request into it.
        """
        should_close = req.should_close
        req.should_close = lambda: should_close() or _unread_bytes(req.body) > UNREAD_BYTES
        try:
            return super().handle_request(listener_name, req, sock, addr)
        finally:
            turns.give_way()
            if not _read_off(req.body):
                self._end_unread(sock)

    def _end_unread(self, sock: Any) -> None:
        """Closes the connection of a client that still sends a body that is not read.

        Waits until the client has its answer, because closing with unread bytes resets the
        connection.
        """
        with gevent.Timeout(LINGER_SECONDS, False):  # type: ignore[arg-type]
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(UNREAD_BYTES):
                pass
        raise StopIteration("The body was not read.")

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM. A signal handler must not block, so greenlets do the rest."""
        super().handle_exit(sig, frame)
        gevent.spawn_later(LINGER_SECONDS, self._close_idle)
        gevent.spawn_later(self.cfg.graceful_timeout - CUT_SECONDS, self._cut_answers)
        gevent.spawn_later(self.cfg.graceful_timeout - CLOSE_SECONDS, self._close_blocked)
        if self.booted:
            gevent.spawn(self._end_jobs)

    def _is_idle(self) -> bool:
        return self._connections <= self._idle

    def _end_jobs(self) -> None:
        """Marks jobs that do not end in time as failed, before gunicorn kills the worker."""
        self._jobs.stop(self.cfg.graceful_timeout - STOP_SECONDS - SPARE_SECONDS)

    def _close_idle(self) -> None:
        for waiting in tuple(self._idle):
            waiting.kill(StopIteration, block=False)

    def _cut_answers(self) -> None:
        running = len(self._connections - self._idle)
        log.warning("the grace time is over: %d answers that still run are ended", running)
        GRACE_TIME.is_over = True

    def _close_blocked(self) -> None:
        """Ends waiting greenlets: a write closes the connection, other waits become a 503."""
        blocked = self._connections - self._idle
        if blocked:
            log.warning("%d answers that could not be ended are cut", len(blocked))
        for connection in blocked:
            reset = ConnectionResetError(errno.ECONNRESET, "The grace time is over.")
            connection.kill(reset, block=False)
