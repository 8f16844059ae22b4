"""Long loops in which the other clients of a worker have their turn.

A gevent worker switches between its clients only where one of them waits. A loop over thousands of
elements waits for nothing, so it must give way by itself.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

SLICE_SECONDS = 0.004
"""How long a loop may go on before others have their turn. The goal for any wait is 5 ms."""

PIECE = 1_048_576
"""Characters or bytes that are handled at once: a millisecond of copying or hashing."""

Item = TypeVar("Item")
Data = TypeVar("Data", str, bytes, bytearray)


def _stay() -> None:
    """Without a worker (tests, commands) there are no others."""


_give_way: Callable[[], None] = _stay


def install(give_way: Callable[[], None]) -> None:
    """Sets what lets other greenlets run; ``core`` itself knows none."""
    global _give_way
    _give_way = give_way


def give_way() -> None:
    """Others have their turn now."""
    _give_way()


def in_turns(items: Iterable[Item]) -> Iterator[Item]:
    """The items; between two of them others have their turn, once SLICE_SECONDS are over."""
    until = time.monotonic() + SLICE_SECONDS
    for item in items:
        yield item
        if time.monotonic() >= until:
            give_way()
            until = time.monotonic() + SLICE_SECONDS


def in_pieces(data: Data, begin: int = 0) -> Iterator[Data]:
    """A long text or long bytes, from an index on, in pieces; between two of them others have
    their turn."""
    for start in in_turns(range(begin, len(data), PIECE)):
        yield data[start : start + PIECE]


def after(length: int) -> None:
    """Others have their turn after a step that cannot be divided, if it took so much data."""
    if length > PIECE:
        give_way()
