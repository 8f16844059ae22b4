"""Lets ``get_bot_response_sync`` and ``upload_file`` run inside a greenlet.

asyncio marks its running loop per OS thread, so with the library's own loops a second greenlet
fails with "Cannot run the event loop while another loop is running". Here nothing suspends in
asyncio's sense: our transport waits on gevent sockets, so a coroutine runs from start to end
within its greenlet, and all that a loop must do is to drive it. asyncio's event-loop policy would
be the public seam, but Python 3.14 deprecates it and it would hold for the whole process; so only
the name ``asyncio`` within ``fastapi_poe.client`` is given another meaning.
"""

from collections.abc import Coroutine
from typing import Any, TypeVar

import fastapi_poe.client
import gevent

Result = TypeVar("Result")


class GreenletLoop:
    """The three acts of an event loop that ``get_bot_response_sync`` uses."""

    def run_until_complete(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run to the end in this greenlet. Raises RuntimeError where it awaits a foreign future."""
        try:
            coroutine.send(None)
        except StopIteration as end:
            result: Result = end.value
            return result
        coroutine.close()
        raise RuntimeError("awaited something that does not wait on gevent")

    async def shutdown_asyncgens(self) -> None:
        """Nothing to do: generators that never suspend are closed by reference counting."""

    def close(self) -> None:
        """Nothing to do: the loop holds nothing."""


class GreenletAsyncio:
    """The part of the ``asyncio`` module that ``fastapi_poe.client`` uses, for greenlets."""

    _loop = GreenletLoop()

    def new_event_loop(self) -> GreenletLoop:
        return self._loop

    def set_event_loop(self, loop: GreenletLoop) -> None:
        """No thread-wide mark is kept; that mark is what breaks greenlets."""

    async def sleep(self, seconds: float) -> None:
        """The library's pause between its tries."""
        gevent.sleep(seconds)


def install() -> None:
    """Give ``fastapi_poe.client`` the greenlets' asyncio. Harmless when repeated."""
    setattr(fastapi_poe.client, "asyncio", GreenletAsyncio())  # noqa: B010 - a module's name
