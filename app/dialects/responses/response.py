"""OpenAI's Responses, the way out: Answer -> response object.

The wire format is that of the ``openai`` SDK's types (Response, ResponseOutputItem).
"""

import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.core.conversation import Reasoning, Text, ToolCall
from app.core.events import Answer, Finished, MediaReply, Usage
from app.dialects.responses.items import Item, item_id
from app.dialects.responses.tools import CALLABLE, Toolbox

OutputPart = Reasoning | Text | ToolCall

_TOLD_BACK = (
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "previous_response_id",
    "prompt_cache_key",
    "safety_identifier",
    "user",
)
_NUMBERS = {"temperature": 1.0, "top_p": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0}
"""Told back with OpenAI's defaults where the client gave none: Open Responses has no null there."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is the same in every event of one response.

    ``first``: the number of its first output item; its input items have those before.
    ``summarize``: reasoning is told as a summary, for which the client has asked.
    """

    id: str
    created: int
    echo: Mapping[str, Any]
    toolbox: Toolbox
    first: int
    summarize: bool = False

    def item_id(self, kind: str, index: int) -> str:
        return item_id(self.id, kind, self.first + index)


def new_response_id() -> str:
    return f"resp_{uuid.uuid4().hex}"


def new_envelope(
    response_id: str, payload: dict[str, Any], toolbox: Toolbox, first: int
) -> Envelope:
    """An envelope of this second, with the fields of the request that a response tells back."""
    summarize = _summary(payload["reasoning"] or {}) not in (None, "none")
    return Envelope(response_id, int(time.time()), _echo(payload), toolbox, first, summarize)


def _summary(reasoning: Mapping[str, Any]) -> str | None:
    return reasoning.get("summary") or reasoning.get("generate_summary")


def _echo(payload: dict[str, Any]) -> dict[str, Any]:
    """The server's own tools are not told back, for no answer can call them here."""
    reasoning, text = payload["reasoning"] or {}, payload["text"] or {}
    return {
        "background": False,
        "model": payload["model"],
        **{name: payload[name] for name in _TOLD_BACK},
        **{name: _number(payload[name], default) for name, default in _NUMBERS.items()},
        "metadata": payload["metadata"] or {},
        "parallel_tool_calls": payload["parallel_tool_calls"] is not False,
        "reasoning": {"effort": reasoning.get("effort"), "summary": _summary(reasoning)},
        "service_tier": "default",
        "store": payload["store"] is not False,
        "text": _told(text, {"format": {"type": "text"}, "verbosity": "medium"}),
        "tool_choice": _told_choice(payload["tool_choice"]),
        "tools": _told_tools(payload["tools"] or ()),
        "top_logprobs": payload["top_logprobs"] or 0,
        "truncation": payload["truncation"] or "disabled",
    }


def _number(given: float | None, default: float) -> float:
    return default if given is None else given


def _told(options: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Options without their nulls, over the defaults; a format with a schema has all its fields."""
    told = {**defaults, **_given(options)}
    told["format"] = _given(told["format"])
    if told["format"]["type"] == "json_schema":
        needed = {"name": "response", "description": None, "strict": False}
        told["format"] = {**needed, **told["format"]}
    return told


def _told_tools(tools: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """A function's fields may be null; a custom tool's ``format`` is an object or left out."""
    told = []
    for tool in tools:
        if tool["type"] == "function":
            told.append(tool)
        elif tool["type"] == "custom":
            told.append(_given(tool))
        elif tool["type"] == "namespace":
            told.append({**tool, "tools": _told_tools(tool["tools"])})
    return told


def _told_choice(choice: str | dict[str, Any] | None) -> str | dict[str, Any]:
    if not isinstance(choice, dict):
        return choice or "auto"
    if choice["type"] not in (*CALLABLE, "allowed_tools"):
        return "auto"
    told = _given(choice)
    return told | {"tools": [_given(tool) for tool in told["tools"]]} if "tools" in told else told


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def render(answer: Answer, envelope: Envelope) -> dict[str, Any]:
    """The whole answer as a Response. One without any content has an empty message."""
    parts = [part for part in answer.parts if not isinstance(part, MediaReply)] or [Text("")]
    statuses = ["completed"] * (len(parts) - 1) + [last_status(answer.finished)]
    output = [
        output_item(part, envelope, index, status)
        for index, (part, status) in enumerate(zip(parts, statuses, strict=True))
    ]
    return ended_response(envelope, output, answer.finished)


def last_status(finished: Finished) -> str:
    """Of the last item: a cut answer ends in an incomplete one."""
    return "incomplete" if finished.reason == "length" else "completed"


def ended_response(
    envelope: Envelope, output: Sequence[Item], finished: Finished
) -> dict[str, Any]:
    """A response that did not fail, completed or cut at max_output_tokens."""
    state: dict[str, Any]
    if finished.reason == "length":
        state = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    else:
        state = {"status": "completed", "completed_at": int(time.time())}
    return response_object(envelope, output, **state, usage=render_usage(finished.usage))


def response_object(envelope: Envelope, output: Sequence[Item], **state: Any) -> dict[str, Any]:
    """A response in any state; what ``state`` does not tell of it is null."""
    return {
        "id": envelope.id,
        "object": "response",
        "created_at": envelope.created,
        "status": "in_progress",
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        **envelope.echo,
        "output": list(output),
        "usage": None,
        **state,
    }


def render_usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.prompt,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": usage.completion,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.total,
    }


def output_item(part: OutputPart, envelope: Envelope, index: int, status: str) -> Item:
    """An item of the output; ``in_progress``, it has no content yet."""
    body, begun = _body(part, envelope), status == "in_progress"
    if begun and "content" in body:
        body["content"] = []
    if begun and "summary" in body:
        body["summary"] = []
    return {"id": envelope.item_id(body["type"], index), **body, "status": status}


def _body(part: OutputPart, envelope: Envelope) -> Item:
    match part:
        case Text(text):
            return {"type": "message", "role": "assistant", "content": [text_part(text)]}
        case Reasoning(text) if envelope.summarize:
            return {"type": "reasoning", "summary": [summary_part(text)]}
        case Reasoning(text):
            return {"type": "reasoning", "summary": [], "content": [reasoning_part(text)]}
    names = {"call_id": part.id, **envelope.toolbox.called(part.name)}
    if part.custom:
        return {"type": "custom_tool_call", **names, "input": part.arguments}
    return {"type": "function_call", **names, "arguments": part.arguments}


def text_part(text: str) -> Item:
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}


def summary_part(text: str) -> Item:
    return {"type": "summary_text", "text": text}


def reasoning_part(text: str) -> Item:
    return {"type": "reasoning_text", "text": text}
