"""What the gateway depends on, looked at within a second, whatever hangs."""

import logging
from collections.abc import Callable, Mapping

import gevent

log = logging.getLogger("poegate")

WAIT_SECONDS = 0.8


class Checks:
    """Runs checks side by side, each at most once at a time: one that hangs is not begun again.

    What one says after its time is no answer to the next question.
    """

    def __init__(self) -> None:
        self._running: dict[str, gevent.Greenlet[[Callable[[], bool]], bool]] = {}

    def outcomes(self, checks: Mapping[str, Callable[[], bool]]) -> dict[str, bool | None]:
        """What each check says; None for those that have not said it after WAIT_SECONDS."""
        for name, check in checks.items():
            if name not in self._running or self._running[name].dead:
                self._running[name] = gevent.spawn(_passes, check)
        running = {name: self._running[name] for name in checks}
        gevent.joinall(list(running.values()), timeout=WAIT_SECONDS)
        for name, greenlet in running.items():
            if greenlet.dead and self._running.get(name) is greenlet:
                del self._running[name]
        return {name: greenlet.value for name, greenlet in running.items()}


def _passes(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except Exception as error:  # noqa: BLE001 - a check that breaks says what it found
        log.error("a check of the gateway's health failed", exc_info=error)
        return False
