"""A bot's reply as typed events, in the order in which they happened.

They travel in batches: a list of what arrived together. An empty batch is a tick: time passed and
nothing came, so whoever serves a silent stream may give a sign of life.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """More of what the bot thought before it answered."""

    text: str


@dataclass(frozen=True, slots=True)
class Replacement:
    """All the text so far is void; this stands in its place (Poe's ``replace_response``)."""

    text: str


@dataclass(frozen=True, slots=True)
class MediaReply:
    """A file that the bot made. ``inline_ref``: the name by which its text refers to the file."""

    url: str
    content_type: str
    name: str
    inline_ref: str | None = None


FinishReason = Literal["stop", "length", "tool_calls"]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens. ``completion`` includes ``reasoning``, as OpenAI counts."""

    prompt: int
    completion: int
    reasoning: int = 0

    @property
    def total(self) -> int:
        return self.prompt + self.completion


@dataclass(frozen=True, slots=True)
class Finished:
    """The last event of every reply that did not fail."""

    reason: FinishReason
    usage: Usage


Event = TextDelta | ReasoningDelta | Replacement | MediaReply | Finished
Batch = list[Event]
Batches = Iterable[Batch]


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole reply: the fold of its events."""

    text: str
    reasoning: str
    finished: Finished


def fold(batches: Batches) -> Answer:
    """The answer that the events add up to. Raises ValueError where Finished never came."""
    text: list[str] = []
    reasoning: list[str] = []
    for event in flatten(batches):
        match event:
            case TextDelta(piece):
                text.append(piece)
            case ReasoningDelta(piece):
                reasoning.append(piece)
            case Finished():
                return Answer("".join(text), "".join(reasoning), event)
    raise ValueError("the reply has no end")


def flatten(batches: Batches) -> Iterator[Event]:
    """The events alone, without their batches."""
    for batch in batches:
        yield from batch
