"""gunicorn's gevent worker: when it stops it waits for answers and jobs, but for no idle client.

gunicorn's own counts a connection that is only kept alive as one that is being served: behind
nginx it would stop at the end of its grace period and never before.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gevent
from gunicorn.workers.ggevent import GeventWorker

from app.relay.jobs import STOP_SECONDS, Jobs

STOPPING_SECONDS = 0.1
"""How long a stopping worker still waits for the next request of a connection."""
SPARE_SECONDS = 1.0
"""A worker learns a little later than gunicorn that it is to stop."""


class DrainingWorker(GeventWorker):
    """Closes idle connections once it is to stop, and lets the busy ones end."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._idle: set[Any] = set()

    @property
    def _jobs(self) -> Jobs:
        application: Any = self.wsgi
        jobs: Jobs = application.extensions["poegate"].jobs
        return jobs

    def run(self) -> None:
        """Until the worker is to stop, and its streams and jobs have ended.

        Where it must not wait (Ctrl-C, or gunicorn itself is gone), its jobs fail at once.
        """
        try:
            super().run()
            self._end_jobs()
        finally:
            self._jobs.stop()

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
        """SIGTERM. A signal handler must not block, so what follows is left to greenlets."""
        super().handle_exit(sig, frame)
        gevent.spawn(self._close_idle)
        if self.booted:
            gevent.spawn(self._end_jobs)

    def _end_jobs(self) -> None:
        """Those that do not end in time are told as failed before gunicorn kills the worker."""
        self._jobs.stop(self.cfg.graceful_timeout - STOP_SECONDS - SPARE_SECONDS)

    def _close_idle(self) -> None:
        for waiting in tuple(self._idle):
            waiting.kill(StopIteration, block=False)
