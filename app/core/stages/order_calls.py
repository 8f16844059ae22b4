"""The order of tool calls within a reply, as the clients need it."""

from collections.abc import Iterator
from dataclasses import replace

from app.core.events import Batch, Batches, Restated, ToolCallDelta


def drop_repeated_calls(batches: Batches) -> Iterator[Batch]:
    """After a restatement only calls that are new: clients act on each call that they get."""
    made: set[tuple[str | None, str]] = set()
    restated, dropped = False, 0
    for batch in batches:
        out: Batch = []
        for event in batch:
            restated = restated or isinstance(event, Restated)
            if isinstance(event, ToolCallDelta):
                call = (event.name, event.arguments)
                if restated and call in made:
                    dropped += 1
                    continue
                made.add(call)
                event = replace(event, index=event.index - dropped)
            out.append(event)
        yield out
