"""Reads a request of OpenAI's Chat Completions, loaded by ChatSchema, into a Query."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from app.core.conversation import (
    Media,
    Message,
    Part,
    Query,
    Role,
    Text,
    ToolCall,
    ToolChoice,
    ToolResult,
    ToolSpec,
)
from app.core.media import media_from_url
from app.core.openai_parts import read_audio, read_file, read_format, read_grammar
from app.core.turns import in_turns
from app.dialects.chat.schemas import ChatSchema
from app.errors import InvalidRequest
from app.schemas.parameters import bot_parameters

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
    """``bot_named`` resolves aliases. Raises InvalidRequest for what schemas cannot check."""
    tools = _tools(payload)
    return Query(
        model=payload["model"],
        bot=bot_named(payload["model"]),
        messages=tuple(
            _message(message, f"messages[{index}]")
            for index, message in enumerate(in_turns(payload["messages"]))
        ),
        tools=tools,
        tool_choice=_tool_choice(payload, tools),
        parallel_tool_calls=payload["parallel_tool_calls"] is not False,
        output_format=read_format(payload["response_format"], "response_format", "json_schema"),
        temperature=payload["temperature"],
        logit_bias=payload["logit_bias"],
        stop=tuple(filter(None, payload["stop"] or ())),
        max_tokens=payload["max_completion_tokens"] or payload["max_tokens"],
        fallbacks=tuple(payload["models"] or ()),
        web_search=payload["web_search_options"] is not None,
        parameters=_parameters(payload),
    )


def _message(message: dict[str, Any], param: str) -> Message:
    role = _ROLES[message["role"]]
    parts = tuple(_content(message["content"], f"{param}.content"))
    if role == "tool":
        result = ToolResult(message["tool_call_id"] or "", parts, message["name"])
        return Message(role, (result,))
    return Message(role, parts + tuple(_tool_calls(message)), message["name"])


def _content(content: Any, param: str) -> Iterator[Text | Media]:
    if isinstance(content, str):
        if content:
            yield Text(content)
        return
    for index, (kind, part) in enumerate(content or ()):
        yield _part(kind, part, f"{param}[{index}]")


def _part(kind: str, part: dict[str, Any], param: str) -> Text | Media:
    match kind:
        case "image_url":
            link = part[kind]
            picture = media_from_url(link["url"], "image", f"{param}.{kind}")
            return replace(picture, detail=link["detail"])
        case "video_url":
            return media_from_url(part[kind]["url"], "video", f"{param}.{kind}")
        case "input_audio":
            return read_audio(part[kind], f"{param}.{kind}")
        case "file":
            return read_file(part[kind], f"{param}.{kind}")
    return Text(part[kind])


def _tool_calls(message: dict[str, Any]) -> Iterator[Part]:
    for call in message["tool_calls"] or ():
        if custom := call["custom"]:
            yield ToolCall(call["id"], custom["name"], custom["input"], custom=True)
        else:
            function = call["function"]
            yield ToolCall(call["id"], function["name"], function["arguments"])
    if old := message["function_call"]:
        yield ToolCall("", old["name"], old["arguments"])


def _tools(payload: dict[str, Any]) -> tuple[ToolSpec, ...]:
    """``tools``, or the legacy ``functions``."""
    tools = payload["tools"] or [
        {"type": "function", "function": function} for function in payload["functions"] or ()
    ]
    return tuple(_tool(tool) for tool in tools)


def _tool(tool: dict[str, Any]) -> ToolSpec:
    spec = tool[tool["type"]]
    if tool["type"] == "custom":
        grammar = read_grammar(spec["format"])
        return ToolSpec(spec["name"], spec["description"] or "", custom=True, grammar=grammar)
    return ToolSpec(spec["name"], spec["description"] or "", spec["parameters"] or {})


def _tool_choice(payload: dict[str, Any], tools: tuple[ToolSpec, ...]) -> ToolChoice:
    choice = payload["tool_choice"]
    if choice is None and payload["function_call"] is not None:
        choice = payload["function_call"]
        choice = {"type": "function", "function": choice} if isinstance(choice, dict) else choice
    if isinstance(choice, dict):
        return _checked_choice(_named_choice(choice), payload, tools)
    return _checked_choice(ToolChoice(choice or "auto"), payload, tools)


def _named_choice(choice: dict[str, Any]) -> ToolChoice:
    if choice["type"] == "allowed_tools":
        allowed = choice["allowed_tools"]
        names = {
            (tool["function"] or tool["custom"] or {}).get("name") for tool in allowed["tools"]
        }
        return ToolChoice(allowed["mode"], frozenset(name for name in names if name))
    return ToolChoice("required", frozenset({choice[choice["type"]]["name"]}))


def _checked_choice(
    choice: ToolChoice, payload: dict[str, Any], tools: tuple[ToolSpec, ...]
) -> ToolChoice:
    """Raises InvalidRequest for a choice that no answer can meet."""
    param = "tool_choice" if payload["tool_choice"] is not None else "function_call"
    offered = {tool.name for tool in tools}
    unknown = sorted((choice.names or frozenset()) - offered)
    if unknown:
        message = f"{param}: No tool of the name {unknown[0]!r} is among the tools."
        raise InvalidRequest(message, param=param)
    if choice.mode == "required" and not offered:
        raise InvalidRequest(f"{param}: There are no tools to choose from.", param=param)
    return choice


def _parameters(payload: dict[str, Any]) -> dict[str, Any]:
    """The bot's own parameters. What the client names as such goes before what is derived."""
    return _thinking(payload["thinking"]) | bot_parameters(payload, ChatSchema, _PARAMETERS)


def _thinking(thinking: Any) -> dict[str, Any]:
    """Anthropic's ``{"type": "enabled", "budget_tokens": N}``, which OpenRouter's and LiteLLM's
    clients send to Chat too. Anything else of that name is a parameter of the bot's own."""
    if not isinstance(thinking, dict):
        return {} if thinking is None else {"thinking": thinking}
    budget = thinking.get("budget_tokens")
    if budget is None or thinking.get("type", "enabled") != "enabled":
        return {}
    if isinstance(budget, bool) or not isinstance(budget, int) or budget < 1:
        param = "thinking.budget_tokens"
        raise InvalidRequest(f"{param}: Must be a whole number, 1 or more.", param=param)
    return {"thinking_budget": budget}
