"""Holds a reply until its end, for answers that are not streamed."""

from collections.abc import Callable, Iterator

from app.core.events import Batch, Batches, Replacement, TextDelta

_TEXTS = (TextDelta, Replacement)


def hold_until_end(batches: Batches, stages: Callable[[Batches], Batches]) -> Iterator[Batch]:
    """Runs the stages over the whole answer; yields ticks until its end.

    The stages get the text as it arrives, so that a limit can end the reply early. If the bot
    replaces its text at the end, the stages run again over the final text alone.
    """
    others: Batch = []
    final_text: list[str] = []

    def first_pass() -> Iterator[Batch]:
        for batch in batches:
            final_text.extend(event.text for event in batch if isinstance(event, Replacement))
            others.extend(event for event in batch if not isinstance(event, _TEXTS))
            yield [event for event in batch if not isinstance(event, Replacement)]

    held: Batch = []
    for batch in stages(first_pass()):
        held += batch
        yield []
    if final_text:
        yield from stages([[*others, TextDelta(final_text[-1])]])
    else:
        yield held
