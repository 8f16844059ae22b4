"""How a busy worker reads its bots less often, in larger pieces.

A token that arrives alone costs as much as many that arrive together: a switch of greenlets, a
pass through fastapi_poe and the stages, a frame, a system call. So a worker that is busy waits a
little before it reads a bot again. An idle one does not wait at all.
"""

import math
import time
from collections.abc import Callable

from gevent.hub import get_hub

from app.core import turns

PERIOD_SECONDS = 0.1
"""Over what time the worker's processor time is measured."""

FREE_SHARE = 0.05
"""A worker that uses less of its core than this does not wait."""

SECONDS_A_STREAM = 0.0005
"""What each stream that is under way adds to the pause at most. The worker then reads 2,000 times
a second in all, and a few streams are not held up by whatever else keeps it busy."""

MIN_PAUSE_SECONDS = 0.01
"""Shorter pauses gather nothing."""

MAX_TURN_SECONDS = 0.005


class ReadPacer:
    """The pause before each read, the same for all streams of a worker.

    It grows with the square root of the load, from 0 at ``FREE_SHARE`` of a core to ``max_pause``
    seconds at a whole one: tokens come some 20 ms apart, and shorter pauses gather none. The share
    is measured every ``PERIOD_SECONDS`` and smoothed: what was measured before counts half after
    each period, so that a pause is over within a second after the load.
    """

    def __init__(
        self,
        max_pause: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        busy_clock: Callable[[], float] = time.thread_time,
    ) -> None:
        """``busy_clock``: processor seconds of the hub's thread, so that threads which count
        tokens are left out."""
        self.streams = 0  # under way; those who read keep the count
        self._max_pause = max_pause
        self._clock = clock
        self._busy_clock = busy_clock
        self._measured_at = clock()
        self._used = busy_clock()
        self._share = 0.0
        self._pause = 0.0

    def pause(self) -> float:
        """Seconds to wait now; 0 for a worker that has time."""
        now = self._clock()
        elapsed = now - self._measured_at
        if elapsed >= PERIOD_SECONDS:
            used = self._busy_clock()
            share = min(1.0, (used - self._used) / elapsed)
            self._share = share + (self._share - share) * 0.5 ** (elapsed / PERIOD_SECONDS)
            self._measured_at, self._used = now, used
            load = max(0.0, self._share - FREE_SHARE) / (1 - FREE_SHARE)
            self._pause = self._max_pause * math.sqrt(load)
        pause = min(self._pause, self.streams * SECONDS_A_STREAM)
        return pause if pause >= MIN_PAUSE_SECONDS else 0.0


class Turn:
    """How long a greenlet has run without letting others run.

    One whose bot always has more, and whose client always takes it, would never wait by itself.
    """

    def __init__(self) -> None:
        self._loop = get_hub().loop
        self._round = 0.0  # of the event loop, by the time at which it began
        self._began = 0.0

    def give_way(self) -> None:
        """Lets the others run, if MAX_TURN_SECONDS are over. For each step of a long loop."""
        current = self._loop.now()
        if current != self._round:
            self._round, self._began = current, time.monotonic()
        elif time.monotonic() - self._began > MAX_TURN_SECONDS:
            turns.give_way()
