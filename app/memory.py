"""Memory that requests needed for a while, given back to the system once they are served.

A request with large files makes a worker grow by several times their size. Python's collector
finds what hangs in cycles late, and glibc keeps what is freed.
"""

import ctypes
import gc
import logging
import os
from collections.abc import Callable

import gevent

log = logging.getLogger("poegate")

LOOK_SECONDS = 5.0
PEAK_BYTES = 32_000_000
"""A worker that has grown by so much since the last time is looked after when it is idle."""

_MALLOPT = {
    -1: 4_194_304,  # M_TRIM_THRESHOLD: free memory at the heap's end that is kept
    -3: 1_048_576,  # M_MMAP_THRESHOLD: larger blocks go back to the system when freed
    -8: 2,  # M_ARENA_MAX: each of the threads would else keep free memory of its own
}
"""mallopt(3). Unset, glibc raises the first two to what the largest block needed, for good."""

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def tune_allocator() -> None:
    """For this process and those that it forks. Nothing where the C library is not glibc."""
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        for option, value in _MALLOPT.items():
            set_option(option, value)


def freeze() -> None:
    """Takes all that is there by now, at the start, out of the collector's sight: it stays."""
    gc.collect()
    gc.freeze()


def resident_bytes() -> int:
    """This process's memory as the system counts it (proc(5), statm)."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * _PAGE_BYTES


def give_back_when_idle(is_idle: Callable[[], bool]) -> None:
    """For a greenlet of its own; never ends. Returns at once where there is no Linux."""
    try:
        lowest = resident_bytes()
    except OSError:
        return
    while True:
        gevent.sleep(LOOK_SECONDS)
        now = resident_bytes()
        lowest = min(lowest, now)
        if now > lowest + PEAK_BYTES and is_idle():
            _give_back()
            lowest = resident_bytes()
            log.info("memory after a peak: %d MB, of %d MB", lowest // 10**6, now // 10**6)


def _give_back() -> None:
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's; musl has none
    if trim is not None:
        gevent.get_hub().threadpool.apply(trim, (0,))
