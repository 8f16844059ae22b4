"""Several answers to one request, side by side."""

from collections.abc import Iterator, Sequence

import gevent
from gevent.queue import Queue

from app.auth import Lease
from app.core.conversation import Query
from app.core.events import Batch, ChoiceEvent, Finished, Usage
from app.relay import Relay, Reply

MOST_WAITING = 16
"""Batches that a slow client may be behind; then the bots wait."""


def answer_side_by_side(
    relay: Relay, queries: Sequence[Query], lease: Lease, *, streaming: bool
) -> "Reply | SideBySide":
    """The reply to a single query as it is; several as choices."""
    replies = [relay.answer(query, lease, streaming=streaming) for query in queries]
    return replies[0] if len(replies) == 1 else SideBySide(replies)


class SideBySide:
    """Replies as one: their events as ChoiceEvents, then one Finished with the sum of usage.

    What goes wrong in one of them ends them all.
    """

    def __init__(self, replies: Sequence[Reply]) -> None:
        self._replies = replies
        self._inbox: Queue[Batch | Exception] = Queue(maxsize=MOST_WAITING)
        self._pumps: list[gevent.Greenlet[..., None]] = []
        self._batches = self._interleave()

    def __iter__(self) -> Iterator[Batch]:
        return self._batches

    def close(self) -> None:
        """Ends the connections to all the bots: a pump that is killed closes its reply."""
        gevent.killall(self._pumps, block=False)

    def _interleave(self) -> Iterator[Batch]:
        self._pumps = [
            gevent.spawn(self._pump, index, reply) for index, reply in enumerate(self._replies)
        ]
        usages: list[Usage] = []
        while len(usages) < len(self._replies):
            batch = self._inbox.get()
            if isinstance(batch, Exception):
                raise batch
            usages += [
                choice.event.usage
                for choice in batch
                if isinstance(choice, ChoiceEvent) and isinstance(choice.event, Finished)
            ]
            yield batch
        yield [Finished("stop", sum(usages, Usage(0, 0)))]

    def _pump(self, index: int, reply: Reply) -> None:
        try:
            for batch in reply:
                self._inbox.put([ChoiceEvent(index, event) for event in batch])
        except Exception as error:  # noqa: BLE001 - handed to the greenlet that serves the client
            self._inbox.put(error)
        finally:
            reply.close()
