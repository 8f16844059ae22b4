"""A reply held until its end, for answers that are not streamed."""

from collections.abc import Callable, Iterator

from app.core.events import Batch, Batches, Replacement, TextDelta

_TEXTS = (TextDelta, Replacement)


def hold_until_end(batches: Batches, stages: Callable[[Batches], Batches]) -> Iterator[Batch]:
    """For a whole answer: what the stages make of it, at its end; ticks until then.

    The stages see the text as it comes, so that a limit can end the reply early. Where the bot
    contradicts itself at the end, they tell its last word alone.
    """
    others: Batch = []
    last_word: list[str] = []

    def first_telling() -> Iterator[Batch]:
        for batch in batches:
            last_word.extend(event.text for event in batch if isinstance(event, Replacement))
            others.extend(event for event in batch if not isinstance(event, _TEXTS))
            yield [event for event in batch if not isinstance(event, Replacement)]

    held: Batch = []
    for batch in stages(first_telling()):
        held += batch
        yield []
    if last_word:
        yield from stages([[*others, TextDelta(last_word[-1])]])
    else:
        yield held
