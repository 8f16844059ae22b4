"""Counts a reply's tokens and ends it with Finished: why it ended, and its usage."""

from collections.abc import Callable, Iterator

from app.core.events import (
    Batch,
    Batches,
    Cut,
    Discarded,
    Event,
    Finished,
    ReasoningDelta,
    Restated,
    TextDelta,
    ToolCallDelta,
    Usage,
)


def count_usage(
    batches: Batches,
    *,
    prompt_tokens: Callable[[], int],
    count: Callable[[str], int],
    stage: Callable[[Batches], Batches] = iter,
) -> Iterator[Batch]:
    """Ends the reply with Finished, usage and all. ``prompt_tokens`` is called at the end.

    ``stage``: what the events go through once they are counted. It may add text that the bot did
    not write, such as links to its files.
    """
    tally = _Tally()
    yield from stage(tally.watch(batches))
    yield [tally.finished(prompt_tokens(), count)]


class _Tally:
    """The texts of a reply, and how it was cut."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._called = False
        self._cut = Cut("stop")

    def watch(self, batches: Batches) -> Iterator[Batch]:
        for batch in batches:
            for event in batch:
                self.add(event)
            yield [event for event in batch if not isinstance(event, Discarded | Restated | Cut)]

    def add(self, event: Event) -> None:
        match event:
            case TextDelta(text) | Discarded(text):
                self._text.append(text)
            case ReasoningDelta(text):
                self._reasoning.append(text)
            case ToolCallDelta():
                self._called = True
                self._text += [event.name or "", event.arguments]
            case Cut():
                self._cut = event

    def finished(self, prompt: int, count: Callable[[str], int]) -> Finished:
        thought = count("".join(self._reasoning)) if self._reasoning else 0
        usage = Usage(prompt, thought + count("".join(self._text)), thought)
        if self._called:  # a call that was given is whole: the client is to act on it
            return Finished("tool_calls", usage)
        return Finished(self._cut.reason, usage, self._cut.stop)
