"""gunicorn's gevent worker, which waits neither for idle connections nor for jobs when it stops.

gunicorn's own counts a connection that is only kept alive as one that is being served: behind
nginx it would stop at the end of its grace period and never before.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gevent
from gunicorn.workers.ggevent import GeventWorker

STOPPING_SECONDS = 0.1
"""How long a stopping worker still waits for the next request of a connection."""


class DrainingWorker(GeventWorker):
    """Closes idle connections once it is to stop, and lets the busy ones end."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._idle: set[Any] = set()

    def run(self) -> None:
        """Until the worker is to stop and its streams have ended. Its jobs then fail at once."""
        application: Any = self.wsgi
        try:
            super().run()
        finally:
            application.extensions["poegate"].jobs.stop()

    @contextmanager
    def timeout_ctx(self) -> Iterator[None]:  # type: ignore[override]  # so says the stub
        """gunicorn enters this around its wait for a connection's next request."""
        waiting = gevent.getcurrent()
        self._idle.add(waiting)
        try:
            seconds = self.cfg.keepalive if self.alive else STOPPING_SECONDS
            with gevent.Timeout(seconds, False):  # type: ignore[arg-type]  # False: silently
                yield
        finally:
            self._idle.discard(waiting)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM. A signal handler must not block, so the closing is left to a greenlet."""
        super().handle_exit(sig, frame)
        gevent.spawn(self._close_idle)

    def _close_idle(self) -> None:
        for waiting in tuple(self._idle):
            waiting.kill(StopIteration, block=False)
