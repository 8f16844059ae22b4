"""Batches of events for tests, and what they add up to."""

from collections.abc import Iterable

from hypothesis import strategies as st

from app.core.events import Batch, Event, ReasoningDelta, TextDelta, flatten


def batches_of(*events: Event) -> list[Batch]:
    return [[event] for event in events]


def merged(batches: Iterable[Batch]) -> list[Event]:
    """The events, neighbouring deltas of one kind as one."""
    events: list[Event] = []
    for event in flatten(batches):
        if event == TextDelta(""):
            continue
        last = events[-1] if events else None
        if isinstance(event, TextDelta) and isinstance(last, TextDelta):
            events[-1] = TextDelta(last.text + event.text)
        elif isinstance(event, ReasoningDelta) and isinstance(last, ReasoningDelta):
            events[-1] = ReasoningDelta(last.text + event.text)
        else:
            events.append(event)
    return events


def texts_of(events: Iterable[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, TextDelta)]


def text_of(events: Iterable[Event]) -> str:
    return "".join(texts_of(events))


@st.composite
def chunked(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> list[str]:
    """A text in pieces of any size, empty ones too."""
    text = draw(texts)
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=12)))
    borders = [0, *cuts, len(text)]
    return [text[start:end] for start, end in zip(borders, borders[1:], strict=False)]
