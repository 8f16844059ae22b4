"""What a tool-calling adapter is."""

from collections.abc import Iterator
from typing import Protocol

from app.core.conversation import Query
from app.core.events import Batch, Batches


class ToolAdapter(Protocol):
    """A convention by which bots call tools. Pure: what it needs comes in as arguments."""

    def prepare(self, query: Query) -> Query:
        """The query as the bot reads it: no ToolCall and ToolResult is left in its messages.

        The tools stay in ``tools`` only where the bot is to be given them natively.
        """
        ...

    def parse(self, batches: Batches, query: Query) -> Iterator[Batch]:
        """A stage of the reply: the calls in what the bot writes, as ToolCallDelta events.

        ``query`` is the one that the client asked, not the prepared one.
        """
        ...
