"""Several answers to one request, in parallel."""

from collections.abc import Callable, Iterator, Sequence

import gevent
from gevent.queue import Empty, Queue

from app.access.client import Client
from app.core.conversation import Query
from app.core.events import Batch, Batches, ChoiceEvent, Finished, Usage
from app.errors import ApiError
from app.relay.fallbacks import FallbackReply, answer_with_fallbacks
from app.relay.reply import Relay, Reply

MAX_WAITING = 16
"""How many batches may wait for a slow client before the bots wait."""

TICK_SECONDS = 1.0


def answer_in_parallel(
    relay: Relay, queries: Sequence[Query], client: Client, *, streaming: bool
) -> "Reply | FallbackReply | MergedReplies":
    """The reply to a single query, or the replies to several as choices, without fallbacks."""
    if len(queries) == 1:
        return answer_with_fallbacks(relay, queries[0], client, streaming=streaming)
    return MergedReplies([relay.answer(query, client, streaming=streaming) for query in queries])


class MergedReplies:
    """Replies as one: their events as ChoiceEvents, then one Finished with the sum of usage.

    The events of a single reply are unchanged. A failure of one reply ends them all; with
    ``lenient``, the failed reply is left out unless all of them fail.
    """

    def __init__(
        self,
        replies: Sequence[Reply],
        stage: Callable[[Batches], Iterator[Batch]] = iter,
        *,
        lenient: bool = False,
    ) -> None:
        """``stage`` is applied to each reply. While it waits, empty batches are yielded."""
        self._replies = replies
        self._stage = stage
        self._lenient = lenient
        self._queue: Queue[tuple[int, Batch | Exception]] = Queue(maxsize=MAX_WAITING)
        self._pumps: list[gevent.Greenlet[..., None]] = []
        self._batches = self._interleave()

    def __iter__(self) -> Iterator[Batch]:
        return self._batches

    @property
    def warnings(self) -> list[str]:
        """Of all the replies, each once."""
        return list(dict.fromkeys(word for reply in self._replies for word in reply.warnings))

    def fixed_model(self) -> str:
        return self._replies[0].fixed_model()

    def close(self) -> None:
        """Closes the connections to all bots: a killed pump closes its reply."""
        gevent.killall(self._pumps, block=False)

    def _interleave(self) -> Iterator[Batch]:
        """If all of them fail, the error of the first reply is raised."""
        self._pumps = [
            gevent.spawn(self._pump, index, reply) for index, reply in enumerate(self._replies)
        ]
        usages: list[Usage] = []
        errors: dict[int, ApiError] = {}
        while len(usages) + len(errors) < len(self._replies):
            index, batch = self._take()
            if isinstance(batch, Exception):
                errors[index] = self._tolerated(batch)
                continue
            usages += [event.usage for event in batch if isinstance(event, Finished)]
            yield self._numbered(index, batch)
        if not usages:
            raise errors[min(errors)]
        if len(self._replies) > 1:
            nothing = Finished("stop", Usage(0, 0))  # ends those that were left out
            left_out: Batch = [ChoiceEvent(index, nothing) for index in errors]
            yield [*left_out, Finished("stop", sum(usages, Usage(0, 0)))]

    def _take(self) -> tuple[int, Batch | Exception]:
        """The next batch or error; an empty batch after a second without any."""
        try:
            return self._queue.get(timeout=TICK_SECONDS)
        except Empty:
            return 0, []

    def _numbered(self, index: int, batch: Batch) -> Batch:
        if len(self._replies) == 1:
            return batch
        return [ChoiceEvent(index, event) for event in batch]

    def _tolerated(self, error: Exception) -> ApiError:
        """The error, if the others may continue without this reply; else raises it."""
        if self._lenient and isinstance(error, ApiError):
            return error
        raise error

    def _pump(self, index: int, reply: Reply) -> None:
        try:
            for batch in self._stage(reply):
                self._queue.put((index, batch))
        except Exception as error:  # noqa: BLE001 - handed to the greenlet that serves the client
            self._queue.put((index, error))
        finally:
            reply.close()
