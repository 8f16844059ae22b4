"""Renders answers of Anthropic's Messages: an Answer as a body, events as stream events.

The wire format is that of the ``anthropic`` SDK's types (Message, RawMessageStreamEvent).
"""

import uuid
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

from app.core import strict_json
from app.core.conversation import Reasoning, Text, ToolCall
from app.core.events import (
    Answer,
    Event,
    Finished,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from app.core.frames import TextFrames, named_frame
from app.errors import ApiError
from app.http.envelopes import anthropic_envelope

Thinking = Literal["shown", "omitted", "none"]

_STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}
_NO_TEXT = {"type": "text", "text": "", "citations": None}
_CALLER = {"type": "direct"}
"""The caller is the model; Anthropic's own tools can call tools too."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is known of an answer before it starts.

    ``thinking``: ``omitted`` gives thinking blocks without their text, ``none`` gives no blocks.
    """

    id: str
    model: str
    request_id: str
    thinking: Thinking = "shown"


def new_envelope(payload: dict[str, Any], request_id: str) -> Envelope:
    """An envelope with an id of its own, for a payload that MessagesSchema has loaded."""
    asked = payload["thinking"] or {}
    thinking: Thinking = "omitted" if asked.get("display") == "omitted" else "shown"
    if asked.get("type") == "disabled":
        thinking = "none"
    return Envelope(f"msg_{uuid.uuid4().hex}", payload["model"], request_id, thinking)


def render(answer: Answer, envelope: Envelope) -> dict[str, Any]:
    """The whole answer as a Message."""
    content = list(_blocks(answer, envelope))
    if all(block["type"] == "thinking" for block in content):
        content.append(_NO_TEXT)
    ending = _ending(answer.finished)
    usage = _whole_usage(answer.finished.usage)
    return {**_head(envelope), "content": content, **ending, "usage": usage}


def _head(envelope: Envelope) -> dict[str, Any]:
    return {
        "id": envelope.id,
        "type": "message",
        "role": "assistant",
        "model": envelope.model,
        "diagnostics": None,
    }


def _blocks(answer: Answer, envelope: Envelope) -> Iterator[dict[str, Any]]:
    for part in answer.parts:
        match part:
            case Reasoning(text) if envelope.thinking != "none":
                shown = text if envelope.thinking == "shown" else ""
                yield {"type": "thinking", "thinking": shown, "signature": _signature(text)}
            case Text(text) if text:
                yield {**_NO_TEXT, "text": text}
            case ToolCall(id, name, arguments):
                yield {**_tool_use(id, name), "input": _input(arguments)}


def _signature(thought: str) -> str:
    """Clients send thinking back only if it is signed. The signature is not checked here."""
    return b64encode(sha256(thought.encode("utf-8", "surrogatepass")).digest()).decode()


def _tool_use(id: str, name: str) -> dict[str, Any]:
    """Anthropic's call ids begin with ``toolu_``, which some clients require."""
    own = id.removeprefix("call_").removeprefix("toolu_") or uuid.uuid4().hex
    return {"type": "tool_use", "id": f"toolu_{own}", "name": name, "caller": _CALLER}


def _input(arguments: str) -> dict[str, Any]:
    """The arguments as an object; anything else that a bot sent is put under ``arguments``."""
    try:
        value = strict_json.loads(arguments or "{}")
    except ValueError:
        value = arguments
    return value if isinstance(value, dict) else {"arguments": value}


def _ending(finished: Finished) -> dict[str, Any]:
    reason = "stop_sequence" if finished.stop is not None else _STOP_REASONS[finished.reason]
    return {**_UNENDED, "stop_reason": reason, "stop_sequence": finished.stop}


_UNENDED = dict.fromkeys(("container", "stop_details", "stop_reason", "stop_sequence"))
"""The fields of a message's end; null while it has not ended."""


def render_usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.prompt,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": usage.completion,
        "output_tokens_details": {"thinking_tokens": usage.reasoning},
        "server_tool_use": None,
        **usage.cost_details(),
    }


def _whole_usage(usage: Usage) -> dict[str, Any]:
    """Usage with the fields that it does not have at the end of a stream."""
    return {
        **render_usage(usage),
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "inference_geo": None,
        "service_tier": "standard",
        "speed": None,
    }


class Encoder:
    """Events to the SSE frames of a message, whose blocks follow each other."""

    keepalive = b'event: ping\ndata: {"type": "ping"}\n\n'

    def __init__(self, envelope: Envelope, prompt_tokens: Callable[[], int] = lambda: 0) -> None:
        """``prompt_tokens`` is called once, at the start. The last event has the final number."""
        self._envelope = envelope
        self._prompt_tokens = prompt_tokens
        self._index = -1
        self._kind: str | None = None
        self._call: int | None = None
        self._begun_calls: set[int] = set()
        self._written: list[str] = []
        self._answered = False
        self._texts = TextFrames(self._text_delta)

    def start(self) -> bytes:
        usage = _whole_usage(Usage(self._prompt_tokens(), 0))
        message = {**_head(self._envelope), "content": [], **_UNENDED, "usage": usage}
        return named_frame({"type": "message_start", "message": message}) + self.keepalive

    def step(self, event: Event) -> bytes:
        match event:
            case TextDelta(text) if text:
                return self._open("text", _NO_TEXT) + self._texts(text)
            case ReasoningDelta(text) if text:
                return self._think(text)
            case ToolCallDelta():
                return self._call_tool(event)
            case Finished():
                return self._finish(event)
        return b""

    def fail(self, error: ApiError) -> bytes:
        """The one frame after which the stream ends; SDKs raise at its name."""
        return named_frame(anthropic_envelope(error, self._envelope.request_id))

    def _think(self, text: str) -> bytes:
        if self._envelope.thinking == "none":
            return self._close()
        start = {"type": "thinking", "thinking": "", "signature": ""}
        opening = self._open("thinking", start)
        if self._envelope.thinking == "omitted":
            self._written.append(text)
            return opening
        return opening + self._add("thinking_delta", "thinking", text)

    def _call_tool(self, call: ToolCallDelta) -> bytes:
        """A block for each call. Later arguments of a closed block are dropped."""
        opening = b""
        if call.index not in self._begun_calls:
            start = {**_tool_use(call.id or "", call.name or ""), "input": {}}
            opening = self._close() + self._open("tool_use", start)
            self._begun_calls.add(call.index)
            self._call = call.index
        if self._kind != "tool_use" or call.index != self._call or not call.arguments:
            return opening
        return opening + self._add("input_json_delta", "partial_json", call.arguments)

    def _open(self, kind: str, start: Mapping[str, Any]) -> bytes:
        """Starts a block of the kind, unless one is open."""
        if self._kind == kind:
            return b""
        closing = self._close()
        self._kind, self._index = kind, self._index + 1
        self._texts = TextFrames(self._text_delta)
        self._answered |= kind != "thinking"
        opening = {"type": "content_block_start", "index": self._index, "content_block": start}
        return closing + named_frame(opening)

    def _add(self, delta: str, name: str, text: str) -> bytes:
        """A delta of a block whose end depends on its content."""
        self._written.append(text)
        return self._delta({"type": delta, name: text})

    def _text_delta(self, text: str) -> bytes:
        return self._delta({"type": "text_delta", "text": text})

    def _delta(self, delta: dict[str, Any]) -> bytes:
        return named_frame({"type": "content_block_delta", "index": self._index, "delta": delta})

    def _close(self) -> bytes:
        """Ends the open block, if there is one: thinking with its signature, calls with JSON."""
        if self._kind is None:
            return b""
        last = b""
        if self._kind == "thinking":
            signature = _signature("".join(self._written))
            last = self._delta({"type": "signature_delta", "signature": signature})
        elif self._kind == "tool_use" and not self._written:
            last = self._delta({"type": "input_json_delta", "partial_json": "{}"})
        self._kind = None
        self._written.clear()
        return last + named_frame({"type": "content_block_stop", "index": self._index})

    def _finish(self, finished: Finished) -> bytes:
        opening = b"" if self._answered else self._open("text", _NO_TEXT)
        usage = render_usage(finished.usage)
        delta = {"type": "message_delta", "delta": _ending(finished), "usage": usage}
        return opening + self._close() + named_frame(delta) + named_frame({"type": "message_stop"})
