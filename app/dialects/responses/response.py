"""Renders answers of OpenAI's Responses: an Answer as a response object.

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

_ECHOED = (
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "previous_response_id",
    "prompt_cache_key",
    "safety_identifier",
    "user",
)
_NUMBERS = {"temperature": 1.0, "top_p": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0}
"""Repeated with OpenAI's default if the client sent none: Open Responses allows no null there."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """The constant parts of all events of one response.

    ``first``: the number of its first output item; its input items have those before.
    ``summarize``: reasoning is sent as a summary, because the client asked for one.
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
    """An envelope of this second, with the fields of the request that the response repeats."""
    created = int(time.time())
    return Envelope(response_id, created, _echo(payload), toolbox, first, _wants_summary(payload))


def _wants_summary(payload: Mapping[str, Any]) -> bool:
    """Whether the client asked for one; or for encrypted reasoning, as opencode and Codex do. These
    clients were made for OpenAI's own models, which give no raw reasoning, and show only summaries.
    """
    asked = _summary(payload["reasoning"] or {}) not in (None, "none")
    return asked or "reasoning.encrypted_content" in (payload["include"] or ())


def _summary(reasoning: Mapping[str, Any]) -> str | None:
    return reasoning.get("summary") or reasoning.get("generate_summary")


def _echo(payload: dict[str, Any]) -> dict[str, Any]:
    """The fields that the response repeats. OpenAI's own tools are left out: they cannot run
    here."""
    reasoning, text = payload["reasoning"] or {}, payload["text"] or {}
    return {
        "background": False,
        "model": payload["model"],
        **{name: payload[name] for name in _ECHOED},
        **{name: _number(payload[name], default) for name, default in _NUMBERS.items()},
        "metadata": payload["metadata"] or {},
        "parallel_tool_calls": payload["parallel_tool_calls"] is not False,
        "reasoning": {"effort": reasoning.get("effort"), "summary": _summary(reasoning)},
        "service_tier": "default",
        "store": payload["store"] is not False,
        "text": _with_defaults(text, {"format": {"type": "text"}, "verbosity": "medium"}),
        "tool_choice": _echoed_choice(payload["tool_choice"]),
        "tools": _echoed_tools(payload["tools"] or ()),
        "top_logprobs": payload["top_logprobs"] or 0,
        "truncation": payload["truncation"] or "disabled",
    }


def _number(given: float | None, default: float) -> float:
    return default if given is None else given


def _with_defaults(options: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The defaults updated by the options that are not null; a schema format has all its fields."""
    echoed = {**defaults, **_given(options)}
    echoed["format"] = _given(echoed["format"])
    if echoed["format"]["type"] == "json_schema":
        needed = {"name": "response", "description": None, "strict": False}
        echoed["format"] = {**needed, **echoed["format"]}
    return echoed


def _echoed_tools(tools: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """A function's fields may be null; a custom tool's ``format`` is an object or omitted."""
    echoed = []
    for tool in tools:
        if tool["type"] == "function":
            echoed.append(tool)
        elif tool["type"] == "custom":
            echoed.append(_given(tool))
        elif tool["type"] == "namespace":
            echoed.append({**tool, "tools": _echoed_tools(tool["tools"])})
    return echoed


def _echoed_choice(choice: str | dict[str, Any] | None) -> str | dict[str, Any]:
    if not isinstance(choice, dict):
        return choice or "auto"
    if choice["type"] not in (*CALLABLE, "allowed_tools"):
        return "auto"
    echoed = _given(choice)
    return (
        echoed | {"tools": [_given(tool) for tool in echoed["tools"]]}
        if "tools" in echoed
        else echoed
    )


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def render(answer: Answer, envelope: Envelope) -> dict[str, Any]:
    """The whole answer as a Response. Without any content it has an empty message."""
    parts = [part for part in answer.parts if not isinstance(part, MediaReply)] or [Text("")]
    statuses = ["completed"] * (len(parts) - 1) + [last_status(answer.finished)]
    output = [
        output_item(part, envelope, index, status)
        for index, (part, status) in enumerate(zip(parts, statuses, strict=True))
    ]
    return ended_response(envelope, output, answer.finished)


def last_status(finished: Finished) -> str:
    """The status of the last item, which is incomplete in a cut answer."""
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


def not_kept(response: dict[str, Any]) -> dict[str, Any]:
    """A response that should have been kept: nobody can go on from it by its id."""
    return {**response, "store": False}


def response_object(envelope: Envelope, output: Sequence[Item], **state: Any) -> dict[str, Any]:
    """A response in any state. Fields that ``state`` does not set are null."""
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
        **usage.cost_details(),
    }


def output_item(part: OutputPart, envelope: Envelope, index: int, status: str) -> Item:
    """An item of the output. With the status ``in_progress`` it has no content yet."""
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
