"""Renders answers of OpenAI's Chat Completions: an Answer as a body, events as chunks.

The wire format is that of the ``openai`` SDK's types (ChatCompletion, ChatCompletionChunk).
"""

import time
import uuid
from dataclasses import dataclass
from functools import partial
from typing import Any

from app.core.conversation import ToolCall
from app.core.events import (
    Answer,
    ChoiceEvent,
    Event,
    Finished,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from app.core.frames import TextFrames, data_frame
from app.http.openai_stream import OpenAIStream


@dataclass(frozen=True, slots=True)
class Envelope:
    """The constant fields of all chunks of one answer. ``created`` is in seconds.

    ``functions``: the client sent the legacy ``functions`` instead of ``tools``.
    """

    id: str
    created: int
    model: str
    functions: bool = False

    def as_dict(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}

    def reason(self, finished: Finished) -> str:
        old = self.functions and finished.reason == "tool_calls"
        return "function_call" if old else finished.reason


def new_envelope(prefix: str, model: str, *, functions: bool = False) -> Envelope:
    """An envelope with an id of its own, of this second."""
    return Envelope(f"{prefix}-{uuid.uuid4().hex}", int(time.time()), model, functions)


def render(answers: list[Answer], envelope: Envelope) -> dict[str, Any]:
    """The whole answers as a ChatCompletion, one choice each."""
    usage = sum((answer.finished.usage for answer in answers), Usage(0, 0))
    choices = [
        {
            "index": index,
            "message": _message(answer, envelope),
            "logprobs": None,
            "finish_reason": envelope.reason(answer.finished),
        }
        for index, answer in enumerate(answers)
    ]
    body = envelope.as_dict("chat.completion")
    return {**body, "choices": choices, "usage": render_usage(usage)}


def _message(answer: Answer, envelope: Envelope) -> dict[str, Any]:
    calls = answer.tool_calls
    content = None if calls and not answer.text else answer.text
    message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": None}
    if answer.reasoning:
        message["reasoning_content"] = answer.reasoning
    if calls and envelope.functions:
        message["function_call"] = {"name": calls[0].name, "arguments": calls[0].arguments}
    elif calls:
        message["tool_calls"] = [_call(call) for call in calls]
    return message


def _call(call: ToolCall) -> dict[str, Any]:
    if call.custom:
        custom = {"name": call.name, "input": call.arguments}
        return {"id": call.id, "type": "custom", "custom": custom}
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def render_usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": usage.total,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
        **usage.cost_details(),
    }


class ChunkStream(OpenAIStream):
    """A stream of chunks with choices, which ends with usage, if requested, and [DONE]."""

    def __init__(self, envelope: Envelope, kind: str, *, include_usage: bool) -> None:
        self._include_usage = include_usage
        self._body = envelope.as_dict(kind)
        if include_usage:
            self._body["usage"] = None

    def _frame(self, choice: dict[str, Any]) -> bytes:
        return data_frame({**self._body, "choices": [choice]})

    def _end(self, usage: Usage) -> bytes:
        last = b""
        if self._include_usage:
            last = data_frame({**self._body, "choices": [], "usage": render_usage(usage)})
        return last + b"data: [DONE]\n\n"


class Encoder(ChunkStream):
    """Events to SSE frames of chat.completion.chunk. Does no I/O."""

    def __init__(self, envelope: Envelope, *, include_usage: bool, choices: int = 1) -> None:
        super().__init__(envelope, "chat.completion.chunk", include_usage=include_usage)
        self._envelope = envelope
        self._choices = choices
        self.keepalive = self._chunk({}, 0)
        frames = (partial(self._text_chunk, index) for index in range(choices))
        self._texts = [TextFrames(frame) for frame in frames]

    def start(self) -> bytes:
        """The first chunk of each choice carries the role."""
        delta = {"role": "assistant", "content": "", "refusal": None}
        return b"".join(self._chunk(delta, index) for index in range(self._choices))

    def step(self, event: Event) -> bytes:
        """Several choices are ChoiceEvents, with a Finished for their sum at the end."""
        match event:
            case ChoiceEvent(index, Finished() as finished):
                return self._last_chunk(finished, index)
            case ChoiceEvent(index, inner):
                return self._delta(inner, index)
            case Finished():
                last = self._last_chunk(event, 0) if self._choices == 1 else b""
                return last + self._end(event.usage)
        return self._delta(event, 0)

    def _delta(self, event: Event, index: int) -> bytes:
        match event:
            case TextDelta(text):
                return self._texts[index](text)
            case ReasoningDelta(text):
                return self._chunk({"reasoning_content": text}, index)
            case ToolCallDelta():
                if self._envelope.functions and event.index:
                    return b""  # The old form has room for one call.
                return self._chunk(self._call_delta(event), index)
        return b""

    def _call_delta(self, call: ToolCallDelta) -> dict[str, Any]:
        function: dict[str, Any] = {"name": call.name} if call.name else {}
        if self._envelope.functions:
            return {"function_call": {**function, "arguments": call.arguments}}
        head: dict[str, Any] = {"index": call.index}
        kind = "custom" if call.custom else "function"
        if call.id:
            head |= {"id": call.id, "type": kind}
        text = "input" if call.custom else "arguments"
        return {"tool_calls": [{**head, kind: {**function, text: call.arguments}}]}

    def _text_chunk(self, index: int, text: str) -> bytes:
        return self._chunk({"content": text}, index)

    def _chunk(self, delta: dict[str, Any], index: int, reason: str | None = None) -> bytes:
        return self._frame(
            {"index": index, "delta": delta, "logprobs": None, "finish_reason": reason}
        )

    def _last_chunk(self, finished: Finished, index: int) -> bytes:
        return self._chunk({}, index, self._envelope.reason(finished))
