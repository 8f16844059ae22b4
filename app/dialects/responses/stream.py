"""Streams OpenAI's Responses: events as server-sent events. Does no I/O.

The wire format is that of the ``openai`` SDK's ResponseStreamEvent. Only one item is open at a
time: added, its content, done. Codex reads only whole items; other clients read the deltas.
"""

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from app.core.conversation import Reasoning, Text, ToolCall
from app.core.events import Event, Finished, ReasoningDelta, TextDelta, ToolCallDelta
from app.core.frames import compact_json, named_frame
from app.dialects.responses.items import Item
from app.dialects.responses.response import (
    Envelope,
    OutputPart,
    ended_response,
    last_status,
    not_kept,
    output_item,
    reasoning_part,
    response_object,
    summary_part,
    text_part,
)
from app.errors import ApiError, InsufficientCredits, PromptTooLong, RateLimited

_SECONDS = re.compile(r"\d+(?:\.\d+)?\Z", re.ASCII)
StreamEvent = dict[str, Any]
_Key = tuple[type[TextDelta | ReasoningDelta | ToolCallDelta], int]


@dataclass(frozen=True, slots=True)
class _Form:
    """The events for the content of one kind of item: its deltas, and the part that has them."""

    events: str
    whole: str
    part_events: str | None = None
    part: Callable[[str], Item] = text_part
    place: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)


_FORMS = {
    "message": _Form(
        "response.output_text",
        "text",
        "response.content_part",
        place={"content_index": 0},
        extra={"logprobs": []},
    ),
    "reasoning": _Form(
        "response.reasoning_text",
        "text",
        "response.content_part",
        reasoning_part,
        place={"content_index": 0},
    ),
    "summary": _Form(
        "response.reasoning_summary_text",
        "text",
        "response.reasoning_summary_part",
        summary_part,
        place={"summary_index": 0},
    ),
    "function_call": _Form("response.function_call_arguments", "arguments"),
    "custom_tool_call": _Form("response.custom_tool_call_input", "input"),
}


class _OpenItem:
    """The open item of the output, and its events."""

    def __init__(self, part: OutputPart, envelope: Envelope, index: int) -> None:
        self._empty = part
        self._envelope = envelope
        self._index = index
        self._pieces: list[str] = []
        begun = output_item(part, envelope, index, "in_progress")
        self._begun = begun
        summary = begun["type"] == "reasoning" and envelope.summarize
        self._form = _FORMS["summary" if summary else begun["type"]]
        self._place = {"item_id": begun["id"], "output_index": index, **self._form.place}
        # Most events are deltas: all of them but the text is encoded only once.
        kind = f"{self._form.events}.delta"
        delta = {"type": kind, **self._place, **self._form.extra}
        self._delta = f"event: {kind}\ndata: {compact_json(delta)[:-1]}"

    def begin(self) -> Iterator[StreamEvent]:
        yield self._item_event("added", self._begun)
        if self._form.part_events:
            yield self._part_event("added", "")

    def more(self, text: str, number: int) -> bytes:
        """The frame of a delta; ``number`` is its sequence number."""
        self._pieces.append(text)
        frame = f'{self._delta},"delta":{compact_json(text)},"sequence_number":{number}}}\n\n'
        return frame.encode("ascii")

    def end(self, status: str) -> Iterator[StreamEvent]:
        text = "".join(self._pieces)
        whole = {self._form.whole: text, **self._form.extra}
        if self._begun["type"] == "function_call":
            whole["name"] = self._begun["name"]
        yield {"type": f"{self._form.events}.done", **self._place, **whole}
        if self._form.part_events:
            yield self._part_event("done", text)
        yield self._item_event("done", self.item(status))

    def item(self, status: str) -> Item:
        return output_item(self.part, self._envelope, self._index, status)

    @property
    def part(self) -> OutputPart:
        text = "".join(self._pieces)
        if isinstance(self._empty, ToolCall):
            call = self._empty
            return ToolCall(call.id, call.name, text, call.custom)
        return type(self._empty)(text)

    def _item_event(self, what: str, item: Item) -> StreamEvent:
        kind = f"response.output_item.{what}"
        return {"type": kind, "output_index": self._index, "item": item}

    def _part_event(self, what: str, text: str) -> StreamEvent:
        kind = f"{self._form.part_events}.{what}"
        return {"type": kind, **self._place, "part": self._form.part(text)}


class Encoder:
    """Events to SSE frames.

    ``keep`` gets the whole response before the last frame is sent, so that a client that has seen
    the end can refer to the response.
    """

    def __init__(
        self, envelope: Envelope, keep: Callable[[dict[str, Any]], bool] = lambda _: True
    ) -> None:
        self._envelope = envelope
        self._keep = keep
        self._sequence = itertools.count()
        self._output: list[Item] = []
        self._open: _OpenItem | None = None
        self._keys: list[_Key] = []
        self._begun = compact_json(response_object(envelope, []))

    @property
    def keepalive(self) -> bytes:
        """Codex's idle timer counts only events: comments would not keep it waiting."""
        return self._begun_event("in_progress")

    def start(self) -> bytes:
        return self._begun_event("created") + self.keepalive

    def step(self, event: Event) -> bytes:
        match event:
            case TextDelta(text) | ReasoningDelta(text):
                return self._add(event, text) if text else b""
            case ToolCallDelta(arguments=arguments):
                return self._add(event, arguments)
            case Finished():
                return self._end(event)
        return b""

    def fail(self, error: ApiError) -> bytes:
        """A failed response, because Codex ignores ``error`` events."""
        output = [*self._output, *([self._open.item("incomplete")] if self._open else ())]
        failure = {"code": failure_code(error), "message": failure_message(error)}
        response = response_object(self._envelope, output, status="failed", error=failure)
        return self._state("response.failed", response)

    def _add(self, event: TextDelta | ReasoningDelta | ToolCallDelta, text: str) -> bytes:
        frames, key = b"", _key(event)
        if not self._keys or self._keys[-1] != key:
            if isinstance(event, ToolCallDelta) and key in self._keys:
                raise ValueError("a call goes on after another one has begun")
            self._keys.append(key)
            frames = self._close("completed") + self._begin(_empty_part(event))
        if self._open is not None and text:
            frames += self._open.more(text, next(self._sequence))
        return frames

    def _begin(self, part: OutputPart) -> bytes:
        self._open = _OpenItem(part, self._envelope, len(self._output))
        return b"".join(map(self._frame, self._open.begin()))

    def _close(self, status: str) -> bytes:
        if self._open is None:
            return b""
        frames = b"".join(map(self._frame, self._open.end(status)))
        self._output.append(self._open.item(status))
        self._open = None
        return frames

    def _end(self, finished: Finished) -> bytes:
        frames = b"" if self._open or self._output else self._begin(Text(""))
        if self._open is not None:
            frames += self._close(last_status(finished))
        response = ended_response(self._envelope, self._output, finished)
        if not self._keep(response):
            response = not_kept(response)
        return frames + self._state(f"response.{response['status']}", response)

    def _begun_event(self, what: str) -> bytes:
        """The response at its start. It is encoded once, because it may have many tools."""
        data = f'{{"type":"response.{what}","response":{self._begun}'
        number = next(self._sequence)
        return f'event: response.{what}\ndata: {data},"sequence_number":{number}}}\n\n'.encode()

    def _state(self, kind: str, response: dict[str, Any]) -> bytes:
        return self._frame({"type": kind, "response": response})

    def _frame(self, event: StreamEvent) -> bytes:
        number = next(self._sequence)
        return named_frame({"type": event["type"], "sequence_number": number, **event})


def _key(event: TextDelta | ReasoningDelta | ToolCallDelta) -> _Key:
    """Consecutive events with the same key belong to one item."""
    return type(event), event.index if isinstance(event, ToolCallDelta) else 0


def _empty_part(event: TextDelta | ReasoningDelta | ToolCallDelta) -> OutputPart:
    match event:
        case TextDelta():
            return Text("")
        case ReasoningDelta():
            return Reasoning("")
    return ToolCall(event.id or "", event.name or "", "", event.custom)


def failure_code(error: ApiError) -> str:
    """The code that clients evaluate: Codex retries only at ``server_error``."""
    if isinstance(error, PromptTooLong):
        return "context_length_exceeded"
    if isinstance(error, InsufficientCredits):
        return "insufficient_quota"
    if isinstance(error, RateLimited):
        return "rate_limit_exceeded"
    if error.retryable or error.status >= 500:
        return "server_error"
    return "invalid_prompt"


def failure_message(error: ApiError) -> str:
    """Codex waits as long as the message says, because the headers are already sent."""
    wait = error.retry_after or ""
    hint = f" Please try again in {wait}s." if _SECONDS.match(wait) else ""
    return error.message + hint
