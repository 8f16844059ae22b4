"""Several answers to one request, side by side."""

from collections.abc import Callable, Iterator, Sequence

import gevent
from gevent.queue import Empty, Queue

from app.access.client import Client
from app.core.conversation import Query
from app.core.events import Batch, Batches, ChoiceEvent, Finished, Usage
from app.errors import ApiError
from app.relay.reply import Relay, Reply

MAX_WAITING = 16
"""Batches that a slow client may be behind; then the bots wait."""

TICK_SECONDS = 1.0


def answer_in_parallel(
    relay: Relay, queries: Sequence[Query], client: Client, *, streaming: bool
) -> "Reply | MergedReplies":
    """The reply to a single query as it is; several as choices."""
    replies = [relay.answer(query, client, streaming=streaming) for query in queries]
    return replies[0] if len(replies) == 1 else MergedReplies(replies)


class MergedReplies:
    """Replies as one: their events as ChoiceEvents, then one Finished with the sum of usage.

    The events of a single reply stay as they are. What goes wrong in one reply ends them all, or,
    ``lenient``, only that one: it is left out, unless all of them fail.
    """

    def __init__(
        self,
        replies: Sequence[Reply],
        stage: Callable[[Batches], Iterator[Batch]] = iter,
        *,
        lenient: bool = False,
    ) -> None:
        """``stage``: what each reply goes through; meanwhile empty batches come."""
        self._replies = replies
        self._stage = stage
        self._lenient = lenient
        self._inbox: Queue[tuple[int, Batch | Exception]] = Queue(maxsize=MAX_WAITING)
        self._pumps: list[gevent.Greenlet[..., None]] = []
        self._batches = self._interleave()

    def __iter__(self) -> Iterator[Batch]:
        return self._batches

    @property
    def warnings(self) -> list[str]:
        """Of all the replies, each once."""
        return list(dict.fromkeys(word for reply in self._replies for word in reply.warnings))

    def close(self) -> None:
        """Ends the connections to all the bots: a pump that is killed closes its reply."""
        gevent.killall(self._pumps, block=False)

    def _interleave(self) -> Iterator[Batch]:
        """Where all of them fail, what the first reply raised is raised."""
        self._pumps = [
            gevent.spawn(self._pump, index, reply) for index, reply in enumerate(self._replies)
        ]
        usages: list[Usage] = []
        faults: dict[int, ApiError] = {}
        while len(usages) + len(faults) < len(self._replies):
            index, batch = self._take()
            if isinstance(batch, Exception):
                faults[index] = self._spare(batch)
                continue
            usages += [event.usage for event in batch if isinstance(event, Finished)]
            yield self._numbered(index, batch)
        if not usages:
            raise faults[min(faults)]
        if len(self._replies) > 1:
            nothing = Finished("stop", Usage(0, 0))  # so end those that were left out
            left_out: Batch = [ChoiceEvent(index, nothing) for index in faults]
            yield [*left_out, Finished("stop", sum(usages, Usage(0, 0)))]

    def _take(self) -> tuple[int, Batch | Exception]:
        """What comes next; an empty batch after a second of nothing."""
        try:
            return self._inbox.get(timeout=TICK_SECONDS)
        except Empty:
            return 0, []

    def _numbered(self, index: int, batch: Batch) -> Batch:
        if len(self._replies) == 1:
            return batch
        return [ChoiceEvent(index, event) for event in batch]

    def _spare(self, error: Exception) -> ApiError:
        """The error, where the others may go on without its reply. Else raises it."""
        if self._lenient and isinstance(error, ApiError):
            return error
        raise error

    def _pump(self, index: int, reply: Reply) -> None:
        try:
            for batch in self._stage(reply):
                self._inbox.put((index, batch))
        except Exception as error:  # noqa: BLE001 - handed to the greenlet that serves the client
            self._inbox.put((index, error))
        finally:
            reply.close()
