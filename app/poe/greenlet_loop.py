"""Lets ``get_bot_response_sync`` and ``upload_file`` run inside a greenlet.

asyncio marks its running loop per OS thread, so with the library's own loops a second greenlet
fails with "Cannot run the event loop while another loop is running". Here nothing suspends in
asyncio's sense: the transport waits on gevent sockets, so a coroutine runs from start to end within
its greenlet, and the loop only has to drive it. asyncio's event-loop policy would be the public way
to do this, but Python 3.14 deprecates it and it would apply to the whole process. So only the name
``asyncio`` within ``fastapi_poe.client`` is replaced.
"""

from collections.abc import Coroutine
from typing import Any, TypeVar

import fastapi_poe.client
import gevent

Result = TypeVar("Result")


class GreenletLoop:
    """The three methods of an event loop that ``get_bot_response_sync`` calls."""

    def run_until_complete(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Runs to the end in this greenlet. Raises RuntimeError if it awaits a foreign future."""
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
        """Does nothing: a thread-wide mark is what breaks greenlets."""

    async def sleep(self, seconds: float) -> None:
        """The library's pause between its attempts."""
        gevent.sleep(seconds)


def install() -> None:
    """Replaces ``asyncio`` in ``fastapi_poe.client``. May be called repeatedly."""
    setattr(fastapi_poe.client, "asyncio", GreenletAsyncio())  # noqa: B010 - a module's name
