"""Where a bot's partials wait for the greenlet that asked."""

from dataclasses import dataclass

import fastapi_poe as fp
from gevent.event import Event

from app.errors import ApiError
from app.poe.error_mapping import Asked, translate_error


@dataclass(frozen=True, slots=True)
class End:
    """How a call ended. ``asked``: which bot, for the words of an error."""

    asked: Asked
    error: Exception | None = None

    def raise_if_failed(self) -> None:
        """Raises what went wrong, as ours."""
        if isinstance(self.error, ApiError):
            raise self.error
        if self.error is not None:
            raise translate_error(self.error, self.asked) from self.error


class PartialQueue:
    """One writer, one reader. The reader takes all at once, and the writer waits for a slow reader.

    A gevent queue does the same at the cost of a queue operation per token on both sides.
    """

    def __init__(self, most: int) -> None:
        """``most``: characters that may wait, about; a partial counts as at least 100."""
        self._most = most
        self._waiting = 0
        self._partials: list[fp.PartialResponse] = []
        self._end: End | None = None
        self._filled = Event()
        self._taken = Event()

    def put(self, partial: fp.PartialResponse) -> None:
        while self._waiting >= self._most:
            self._taken.clear()
            self._taken.wait()
        self._partials.append(partial)
        self._waiting += max(100, len(partial.text))
        if len(self._partials) == 1:
            self._filled.set()

    def close(self, end: End) -> None:
        """Nothing more will come."""
        self._end = end
        self._filled.set()

    def take(self, seconds: float) -> tuple[list[fp.PartialResponse], End | None]:
        """All that is there, or what comes within that time, or nothing; and the end, once."""
        self._filled.wait(seconds)
        self._filled.clear()
        partials, self._partials, self._waiting = self._partials, [], 0
        self._taken.set()
        return partials, self._end
