"""No tool calling: for bots that draw, speak or film, to whom tools are only noise."""

from collections.abc import Iterator
from dataclasses import replace

from app.core.conversation import Query
from app.core.events import Batch, Batches, ToolCallDelta
from app.core.tools.history import has_tool_history, written_history


class NoAdapter:
    """The bot is told of no tools. Earlier calls and results are text of its messages."""

    def prepare(self, query: Query) -> Query:
        messages = written_history(query.messages) if has_tool_history(query) else query.messages
        if messages is query.messages and not query.tools:
            return query
        return replace(query, messages=messages, tools=())

    def parse(self, batches: Batches, query: Query) -> Iterator[Batch]:
        """Calls of the bot's own, which nobody has asked for, are left out."""
        for batch in batches:
            yield [event for event in batch if not isinstance(event, ToolCallDelta)]
