"""Waiting for a bot that may say nothing for a long time."""

import time
from collections.abc import Callable
from typing import Any

import gevent
from gevent.hub import get_hub

TICK_SECONDS = 1.0
"""After so much silence whoever waits is told, to see whether its client is still there."""

SWEEP_SECONDS = 0.1


class _Silence(BaseException):
    """Thrown into a greenlet that has waited for TICK_SECONDS."""


class SilenceWatch:
    """Ends waits that last too long, by one timer for all greenlets of the worker.

    A timeout of its own for each wait would be a timer started and stopped for each token.
    """

    def __init__(self) -> None:
        self._waiting: dict[Any, float] = {}  # greenlet: since when (time.monotonic)
        self._timer: Any = None

    def receive(self, read: Callable[[], bytes]) -> bytes | None:
        """What ``read`` returns; None where it waited for TICK_SECONDS. It may be called again."""
        waiting = gevent.getcurrent()
        self._waiting[waiting] = time.monotonic()
        if self._timer is None:
            self._timer = get_hub().loop.timer(SWEEP_SECONDS, SWEEP_SECONDS)
            self._timer.start(self._sweep)
        try:
            return read()
        except _Silence:
            return None
        finally:
            del self._waiting[waiting]

    def _sweep(self) -> None:
        """In the hub, where every other greenlet is one that waits."""
        if not self._waiting:
            self._timer.close()
            self._timer = None
        before = time.monotonic() - TICK_SECONDS
        for waiting in [one for one, since in self._waiting.items() if since <= before]:
            if waiting in self._waiting:
                waiting.throw(_Silence)
