"""OpenAI's Chat Completions: payload -> Query, Answer -> body, events -> chunks.

The wire format is that of the ``openai`` SDK's types (ChatCompletion, ChatCompletionChunk).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.core.conversation import Message, Part, Query, Role, Text, ToolCall, ToolResult
from app.core.events import Answer, Event, Finished, ReasoningDelta, TextDelta, Usage
from app.errors import ApiError, openai_envelope
from app.schemas.chat import ChatSchema

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
_PARAMETERS = ("top_p", "max_tokens", "max_completion_tokens", "reasoning_effort")


def parse(payload: dict[str, Any], bot_named: Callable[[str], str]) -> Query:
    """A payload that ChatSchema has loaded. ``bot_named`` resolves aliases."""
    return Query(
        model=payload["model"],
        bot=bot_named(payload["model"]),
        messages=tuple(_message(message) for message in payload["messages"]),
        temperature=payload["temperature"],
        logit_bias=payload["logit_bias"],
        stop=payload["stop"] or (),
        parameters=_parameters(payload),
    )


def _parameters(payload: dict[str, Any]) -> dict[str, Any]:
    """The bot's own parameters: what OpenAI does not know, and what Poe takes by this way only."""
    known = ChatSchema._declared_fields
    parameters = {name: payload[name] for name in _PARAMETERS if payload[name] is not None}
    parameters |= {name: value for name, value in payload.items() if name not in known}
    return parameters | (payload["extra_body"] or {})


def _message(message: dict[str, Any]) -> Message:
    role = _ROLES[message["role"]]
    text = _text(message["content"])
    if role == "tool":
        result = ToolResult(message["tool_call_id"] or "", message["name"], text)
        return Message(role, (result,))
    parts: tuple[Part, ...] = (Text(text),) if text else ()
    return Message(role, parts + _tool_calls(message), message["name"])


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(part[part["type"]] for part in content)
    return content or ""


def _tool_calls(message: dict[str, Any]) -> tuple[ToolCall, ...]:
    calls = [
        ToolCall(call["id"], call["function"]["name"], call["function"]["arguments"])
        for call in message["tool_calls"] or ()
    ]
    if old := message["function_call"]:
        calls.append(ToolCall("", old["name"], old["arguments"]))
    return tuple(calls)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is the same in every chunk of one answer. ``created`` is in seconds."""

    id: str
    created: int
    model: str

    def as_dict(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}


def render(answer: Answer, envelope: Envelope) -> dict[str, Any]:
    """The whole answer as a ChatCompletion."""
    message = {"role": "assistant", "content": answer.text, "refusal": None}
    if answer.reasoning:
        message["reasoning_content"] = answer.reasoning
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": answer.finished.reason,
    }
    body = envelope.as_dict("chat.completion")
    return {**body, "choices": [choice], "usage": render_usage(answer.finished.usage)}


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
    }


class Encoder:
    """Events to SSE frames of chat.completion.chunk. Pure: knows nothing of sockets."""

    keepalive = b": keep-alive\n\n"

    def __init__(self, envelope: Envelope, *, include_usage: bool) -> None:
        self._include_usage = include_usage
        self._body = envelope.as_dict("chat.completion.chunk")
        if include_usage:
            self._body["usage"] = None

    def start(self) -> bytes:
        """The first chunk carries the role."""
        return self._chunk({"role": "assistant", "content": "", "refusal": None})

    def step(self, event: Event) -> bytes:
        match event:
            case TextDelta(text):
                return self._chunk({"content": text})
            case ReasoningDelta(text):
                return self._chunk({"reasoning_content": text})
            case Finished():
                return self._end(event)
        return b""

    def fail(self, error: ApiError) -> bytes:
        """The one frame after which the stream ends; SDKs raise at its ``error`` key."""
        return _frame(openai_envelope(error))

    def _chunk(self, delta: dict[str, Any], reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return _frame({**self._body, "choices": [choice]})

    def _end(self, finished: Finished) -> bytes:
        frames = self._chunk({}, finished.reason)
        if self._include_usage:
            usage = render_usage(finished.usage)
            frames += _frame({**self._body, "choices": [], "usage": usage})
        return frames + b"data: [DONE]\n\n"


def _frame(data: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(data, separators=(",", ":")).encode("ascii") + b"\n\n"
