"""A bot's reply as typed events, in their order.

Events are passed on in batches: a list of those that arrived together. An empty batch is a tick: a
second passed without an event, so that a silent stream can be kept alive.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from app.core.conversation import Reasoning, Text, ToolCall


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """More of the bot's reasoning."""

    text: str


@dataclass(frozen=True, slots=True)
class Replacement:
    """Replaces all the text so far (Poe's ``replace_response``)."""

    text: str


@dataclass(frozen=True, slots=True)
class Restated:
    """The following events repeat, with differences, what the client already has."""


@dataclass(frozen=True, slots=True)
class Discarded:
    """Text of an attempt that had to be repeated: it is counted, and the client does not see it."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A call of a tool, or more of its arguments.

    ``index`` counts the calls of one answer from 0. The first delta of an index has ``id`` and
    ``name``; where a bot calls natively, further ones only add to ``arguments``.
    """

    index: int
    arguments: str
    id: str | None = None
    name: str | None = None
    custom: bool = False


@dataclass(frozen=True, slots=True)
class MediaReply:
    """A file that the bot made. ``inline_ref``: the name by which the bot's text refers to it."""

    url: str
    content_type: str
    name: str
    inline_ref: str | None = None


FinishReason = Literal["stop", "length", "tool_calls"]


@dataclass(frozen=True, slots=True)
class Cut:
    """The gateway ended the answer here: at ``max_tokens``, or at the stop sequence ``stop``."""

    reason: FinishReason
    stop: str | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens. ``completion`` includes ``reasoning``, as OpenAI counts.

    ``prompt`` includes ``cached``, which were read from the model's cache, and ``written``, which
    went there; both are known only of Poe's own API.
    ``points`` is an estimate of what they cost, where the client gets to know it (COST_IN_USAGE).
    """

    prompt: int
    completion: int
    reasoning: int = 0
    points: float | None = None
    cached: int = 0
    written: int = 0

    @property
    def total(self) -> int:
        return self.prompt + self.completion

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.prompt + other.prompt,
            self.completion + other.completion,
            self.reasoning + other.reasoning,
            _sum(self.points, other.points),
            self.cached + other.cached,
            self.written + other.written,
        )

    def cost_details(self) -> dict[str, Any]:
        """For ``usage`` in an answer: nothing where the cost is not told."""
        if self.points is None:
            return {}
        return {"cost_details": {"points": round(self.points, 4), "estimated": True}}


def _sum(one: float | None, other: float | None) -> float | None:
    """Of what is known; None where nothing is."""
    known = [number for number in (one, other) if number is not None]
    return sum(known) if known else None


@dataclass(frozen=True, slots=True)
class Finished:
    """The last event of every reply that did not fail. ``stop``: the sequence that ended it."""

    reason: FinishReason
    usage: Usage
    stop: str | None = None


@dataclass(frozen=True, slots=True)
class ChoiceEvent:
    """An event of one of several answers to a query; ``index`` counts the answers from 0."""

    index: int
    event: "Event"


Event = (
    TextDelta
    | ReasoningDelta
    | Replacement
    | Restated
    | Discarded
    | ToolCallDelta
    | MediaReply
    | Cut
    | Finished
    | ChoiceEvent
)
Batch = list[Event]
Batches = Iterable[Batch]


_AnswerPart = Reasoning | Text | ToolCall | MediaReply


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole reply: the fold of its events. ``parts`` are in the order of the events."""

    parts: tuple[_AnswerPart, ...]
    finished: Finished

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def reasoning(self) -> str:
        return "".join(part.text for part in self.parts if isinstance(part, Reasoning))

    @property
    def media(self) -> tuple[MediaReply, ...]:
        """Files, unless they were written into the text (stages/attachments.py)."""
        return tuple(part for part in self.parts if isinstance(part, MediaReply))

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        return tuple(part for part in self.parts if isinstance(part, ToolCall))


def fold(batches: Batches) -> Answer:
    """The answer that the events make up. Raises ValueError if there is no Finished event."""
    parts = _Parts()
    for event in flatten(batches):
        match event:
            case TextDelta(text):
                parts.extend(Text, text)
            case ReasoningDelta(text):
                parts.extend(Reasoning, text)
            case ToolCallDelta():
                parts.add_call(event)
            case MediaReply():
                parts.add_media(event)
            case Finished():
                return Answer(parts.joined(), event)
    raise ValueError("the reply has no end")


def fold_choices(batches: Batches, choices: int) -> list[Answer]:
    """The answers to one query, by index. A single answer has no ChoiceEvents."""
    if choices == 1:
        return [fold(batches)]
    events: list[Batch] = [[] for _ in range(choices)]
    for event in flatten(batches):
        if isinstance(event, ChoiceEvent):
            events[event.index].append(event.event)
    return [fold([own]) for own in events]


_PartKind = type[Text] | type[Reasoning] | ToolCallDelta | MediaReply


class _Parts:
    """The parts of an answer while they grow: the kind of each, and the pieces of its text."""

    def __init__(self) -> None:
        self._parts: list[tuple[_PartKind, list[str]]] = []
        self._calls: dict[int, list[str]] = {}

    def extend(self, kind: type[Text] | type[Reasoning], text: str) -> None:
        if not self._parts or self._parts[-1][0] is not kind:
            self._parts.append((kind, []))
        self._parts[-1][1].append(text)

    def add_call(self, delta: ToolCallDelta) -> None:
        if delta.index not in self._calls:
            self._calls[delta.index] = []
            self._parts.append((delta, self._calls[delta.index]))
        self._calls[delta.index].append(delta.arguments)

    def add_media(self, file: MediaReply) -> None:
        self._parts.append((file, []))

    def joined(self) -> tuple[_AnswerPart, ...]:
        return tuple(_part(kind, "".join(pieces)) for kind, pieces in self._parts)


def _part(kind: _PartKind, text: str) -> _AnswerPart:
    if isinstance(kind, MediaReply):
        return kind
    if isinstance(kind, ToolCallDelta):
        return ToolCall(kind.id or "", kind.name or "", text, kind.custom)
    return kind(text)


def flatten(batches: Batches) -> Iterator[Event]:
    """The events without their batches."""
    for batch in batches:
        yield from batch
