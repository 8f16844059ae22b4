"""Lets those that do long work go on one after the other, with a look at all sockets in between.

Where each of twenty requests works for 20 ms and then gives way to all others at once, another
client still waits for 400 ms: for all of the twenty. Here it waits for one of them.
"""

from collections import deque

import gevent
from gevent.event import Event

TICK_SECONDS = 1e-6
"""A sleep of 0 looks at no socket until its fiftieth round; one with a timer does so each time."""


class TurnQueue:
    """One for the worker. Whoever gives way goes on after all who gave way before."""

    def __init__(self) -> None:
        self._waiting: deque[Event] = deque()
        self._ticker: gevent.Greenlet[..., None] | None = None

    def give_way(self) -> None:
        """Returns when it is the caller's turn again."""
        turn = Event()
        self._waiting.append(turn)
        if self._ticker is None:
            self._ticker = gevent.spawn(self._tick)
        turn.wait()

    def _tick(self) -> None:
        """One turn in each round of the hub's loop."""
        try:
            while self._waiting:
                gevent.sleep(TICK_SECONDS)
                self._waiting.popleft().set()
        finally:
            self._ticker = None
