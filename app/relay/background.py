"""What a worker does beside its requests: a greenlet for each task, at its interval."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import gevent

log = logging.getLogger("poegate")

STOP_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Task:
    """``run`` is called every ``seconds``, for the first time after ``first`` of them."""

    name: str
    seconds: float
    run: Callable[[], None]
    first: float = 0.0


class Background:
    """The tasks of one worker. ``at_end`` is called once when it stops."""

    def __init__(self, tasks: Iterable[Task], at_end: Callable[[], None]) -> None:
        self._tasks = tuple(tasks)
        self._at_end = at_end
        self._greenlets: list[gevent.Greenlet[..., None]] = []

    def start(self) -> None:
        self._greenlets = [gevent.spawn(_repeat, task) for task in self._tasks]

    def stop(self) -> None:
        """Ends the tasks. What ``at_end`` has not done within STOP_SECONDS is left undone."""
        gevent.killall(self._greenlets, block=False)
        with gevent.Timeout(STOP_SECONDS, False):  # type: ignore[arg-type]  # False: silently
            self._at_end()


def _repeat(task: Task) -> None:
    gevent.sleep(task.first)
    while True:
        try:
            task.run()
        except Exception as error:  # noqa: BLE001 - the next time it may go well
            log.error("the task %r failed", task.name, exc_info=error)
        gevent.sleep(task.seconds)
