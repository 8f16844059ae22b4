"""Converts requests that Cursor sends to Chat Completions to OpenAI's own format.

Cursor uses the format of the model's vendor: flat tools as in OpenAI's Responses, tools and content
blocks as in Anthropic's Messages. (``routes.py`` reads whole Responses bodies.) Everything else is
left unchanged for the schema to check.
"""

import json
from collections.abc import Iterator
from typing import Any

_TOOL_FIELDS = ("name", "description", "parameters", "strict", "format")


def is_responses_body(body: Any) -> bool:
    """Whether it is a request to OpenAI's Responses: with ``input``, and without ``messages``."""
    return isinstance(body, dict) and "input" in body and "messages" not in body


def normalize(body: Any) -> Any:
    """The request with its tools, tool choice and messages in OpenAI's format."""
    if not isinstance(body, dict):
        return body
    changed = {}
    if isinstance(body.get("tools"), list):
        changed["tools"] = [_tool(tool) for tool in body["tools"]]
    if isinstance(body.get("tool_choice"), dict):
        changed["tool_choice"] = _choice(body["tool_choice"])
    if isinstance(body.get("messages"), list):
        changed["messages"] = [part for turn in body["messages"] for part in _messages(turn)]
    return {**body, **changed}


def _tool(tool: Any) -> Any:
    """A flat tool, or Anthropic's with an ``input_schema``, under the key of its type."""
    if not isinstance(tool, dict) or "name" not in tool or "function" in tool or "custom" in tool:
        return tool
    if "input_schema" in tool and tool.get("type") in (None, "custom", "function"):
        function = {"name": tool["name"], "parameters": tool["input_schema"]}
        if "description" in tool:
            function["description"] = tool["description"]
        return {"type": "function", "function": function}
    if tool.get("type") in ("function", "custom"):
        kind = tool["type"]
        return {"type": kind, kind: {name: tool[name] for name in _TOOL_FIELDS if name in tool}}
    return tool


def _choice(choice: dict[str, Any]) -> Any:
    match choice:
        case {"type": "tool", "name": name}:
            return {"type": "function", "function": {"name": name}}
        case {"type": "function" | "custom" as kind, "name": name}:
            return {"type": kind, kind: {"name": name}}
        case {"type": "auto" | "none" as word}:
            return word
        case {"type": "any"}:
            return "required"
    return choice


def _messages(message: Any) -> Iterator[Any]:
    """The message; if it has Anthropic's tool results, these as messages, then the rest of it."""
    if not isinstance(message, dict) or not isinstance(message.get("content"), list):
        yield message
        return
    blocks = message["content"]
    results = [block for block in blocks if _is(block, "tool_result")]
    calls = [block for block in blocks if _is(block, "tool_use")]
    for block in results:
        content = block.get("content")
        yield {
            "role": "tool",
            "tool_call_id": block.get("tool_use_id"),
            "content": [_part(part) for part in content]
            if isinstance(content, list)
            else content or "",
        }
    rest = [_part(block) for block in blocks if not _is(block, "tool_result", "tool_use")]
    rest = [part for part in rest if not _is(part, "thinking", "redacted_thinking")]
    if rest or not (results or calls):
        message = {**message, "content": rest}
    elif calls:
        message = {**message, "content": None}
    else:
        return
    if calls:
        made = message.get("tool_calls")
        known = made if isinstance(made, list) else []
        message["tool_calls"] = [*known, *map(_call, calls)]
    yield message


def _is(block: Any, *kinds: str) -> bool:
    return isinstance(block, dict) and block.get("type") in kinds


def _call(block: dict[str, Any]) -> dict[str, Any]:
    arguments = json.dumps(block.get("input") or {}, ensure_ascii=False)
    function = {"name": block.get("name"), "arguments": arguments}
    return {"id": block.get("id"), "type": "function", "function": function}


def _part(block: Any) -> Any:
    """Anthropic's images, and texts and images of Responses, as a content part."""
    match block:
        case {"type": "image", "source": {"type": "base64", "data": str(data)} as source}:
            kind = source.get("media_type") or "image/png"
            return {"type": "image_url", "image_url": {"url": f"data:{kind};base64,{data}"}}
        case {"type": "image", "source": {"type": "url", "url": str(url)}}:
            return {"type": "image_url", "image_url": {"url": url}}
        case {"type": "input_text" | "output_text", "text": text}:
            return {"type": "text", "text": text}
        case {"type": "input_image", "image_url": str(url)}:
            return {"type": "image_url", "image_url": {"url": url}}
    return block
