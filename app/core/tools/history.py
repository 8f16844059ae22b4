"""Calls and results of earlier turns, written as text in the notation of the prompted adapter."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from html import escape

from app.core.conversation import Media, Message, Part, Query, Reasoning, Text, ToolCall, ToolResult
from app.core.tools.coercion import compact

_CLOSING_RESULT = re.compile(r"</(?=\s*tool_result)", re.IGNORECASE)


def has_tool_history(query: Query) -> bool:
    return any(
        message.role == "tool" or isinstance(part, ToolCall | ToolResult)
        for message in query.messages
        for part in message.parts
    )


def written_history(messages: Iterable[Message]) -> tuple[Message, ...]:
    """The messages without calls, results and reasoning: text and files are all that is left.

    Neighbouring messages of tools become one of the user's. A message that held nothing but
    reasoning is left out.
    """
    names: dict[str, str] = {}
    written: list[Message] = []
    results: list[Part] = []
    for message in messages:
        parts = tuple(_written_parts(message.parts, names))
        if message.role == "tool":
            results += parts
            continue
        if results:
            written.append(Message("user", tuple(results)))
            results = []
        if parts or not message.parts:
            written.append(replace(message, parts=parts))
    if results:
        written.append(Message("user", tuple(results)))
    return tuple(written)


def _written_parts(parts: Iterable[Part], names: dict[str, str]) -> Iterator[Part]:
    """``names``: what was called so far, by id; results tell no name in most dialects."""
    for part in parts:
        match part:
            case ToolCall():
                names[part.id] = part.name
                yield Text(written_call(part))
            case ToolResult():
                name = part.name or names.get(part.call_id)
                yield Text(_written_result(part, name))
                yield from (file for file in part.parts if isinstance(file, Media))
            case Text() | Media():
                yield part
            case Reasoning():
                pass


def written_call(call: ToolCall) -> str:
    """The call as the bot was asked to write it; a custom tool's text is its ``input``."""
    arguments = compact({"input": call.arguments}) if call.custom else call.arguments.strip()
    return (
        f"<tool_call{_attributes(id=call.id)}>\n<name>{call.name}</name>\n"
        f"<arguments>{arguments or '{}'}</arguments>\n</tool_call>"
    )


def _written_result(result: ToolResult, name: str | None) -> str:
    """Its text word for word, files as their names. Only a closing tag that would seem to end
    it is broken, with a backslash as in ``<\\/tool_result>``."""
    attributes = _attributes(
        id=result.call_id, name=name, is_error="true" if result.is_error else None
    )
    texts = [
        part.text if isinstance(part, Text) else f"[file: {part.name or part.content_type}]"
        for part in result.parts
    ]
    text = _CLOSING_RESULT.sub(r"<\\/", "\n".join(texts))
    return f"<tool_result{attributes}>{text}</tool_result>"


def _attributes(**values: str | None) -> str:
    return "".join(f' {name}="{escape(value)}"' for name, value in values.items() if value)
