"""Items of OpenAI's Responses: how they are kept, and their conversion to messages."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from app.core.conversation import Media, Message, Role, Text, ToolCall, ToolResult
from app.core.media import media_from_url, named_file
from app.core.openai_parts import read_audio, read_file
from app.core.paging import Place, cut_page
from app.core.turns import in_turns
from app.dialects.responses.tools import offered_name
from app.errors import InvalidRequest

Item = dict[str, Any]

_PREFIXES = {
    "message": "msg",
    "reasoning": "rs",
    "function_call": "fc",
    "function_call_output": "fco",
    "custom_tool_call": "ctc",
    "custom_tool_call_output": "ctco",
    "additional_tools": "at",
}
_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}
_ENCODED = ("output", "action", "operation", "arguments")


def item_id(response_id: str, kind: str, serial: int) -> str:
    """An id that contains the id of the response, by which the item can be found."""
    return f"{_PREFIXES.get(kind, 'item')}_{response_id.removeprefix('resp_')}{serial:04x}"


def response_id_of(item: str) -> str:
    """The id of the response in an id made by ``item_id``."""
    return f"resp_{item.rpartition('_')[2][:32]}"


def settle_items(
    items: Iterable[Item], response_id: str, first: int, find: Callable[[str], Item | None]
) -> list[Item]:
    """Items as they are kept: references are resolved, and each item has an id and a status.

    ``first`` is the number of the first item within its response. Raises InvalidRequest for a
    reference to nothing.
    """
    return [
        _referred(item["id"], index, find)
        if item["type"] == "item_reference"
        else _settled(item, item_id(response_id, item["type"], first + index))
        for index, item in enumerate(in_turns(items))
    ]


def _referred(name: str, index: int, find: Callable[[str], Item | None]) -> Item:
    found = find(name)
    if found is None:
        raise InvalidRequest(
            f"input[{index}]: Item with id {name!r} not found. Items are kept for the client that "
            "was given them, unless it sent `store: false`; send the item itself instead.",
            param=f"input[{index}].id",
        )
    return found


def _settled(item: Item, new_id: str) -> Item:
    settled = {name: value for name, value in item.items() if value is not None}
    settled = {"id": new_id, "status": "completed", **settled}
    for name in ("content", "output"):
        if item["type"] in _PREFIXES and isinstance(item.get(name), list):
            settled[name] = [_settled_part(part, item.get("role")) for part in item[name]]
    return settled


def _settled_part(part: Item, role: str | None) -> Item:
    """Text becomes output of the assistant, or input of other roles, whatever its type was."""
    if part["type"] == "refusal" and role == "assistant":
        return part
    if "text" not in part and "refusal" not in part:
        return {name: value for name, value in part.items() if value is not None}
    text = part.get("text", part.get("refusal"))
    if role == "assistant":
        return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {"type": "input_text", "text": text}


def messages_of(items: Iterable[tuple[Item, str]]) -> tuple[Message, ...]:
    """The messages of items, each given with its place in the request for errors.

    Text and calls of one assistant turn are several items, and become one message.
    """
    messages: list[Message] = []
    for item, param in in_turns(items):
        message = _message(item, param)
        if message is None:
            continue
        if messages and messages[-1].role == message.role == "assistant":
            messages[-1] = replace(messages[-1], parts=messages[-1].parts + message.parts)
        else:
            messages.append(message)
    return tuple(messages)


def _message(item: Item, param: str) -> Message | None:
    """None for items that bots do not get: reasoning, lists of tools, OpenAI's own tools."""
    match item["type"]:
        case "message":
            parts = tuple(_parts(item["content"], f"{param}.content"))
            role = _ROLES[item["role"]]
            return Message(role, parts) if parts or role != "assistant" else None
        case "function_call_output" | "custom_tool_call_output":
            return _result(item, tuple(_parts(item["output"], f"{param}.output")))
        case "function_call" | "custom_tool_call":
            return Message("assistant", (_call(item),))
        case "computer_call" | "computer_call_output":
            return None
        case kind if kind.endswith("_call_output"):
            return _result(item, (Text(_content_of(item)),))
        case kind if kind.endswith("_call") and item.get("call_id"):
            call = ToolCall(str(item["call_id"]), kind.removesuffix("_call"), _content_of(item))
            return Message("assistant", (call,))
    return None


def _call(item: Item) -> ToolCall:
    custom = item["type"] == "custom_tool_call"
    name = offered_name(item.get("namespace"), item["name"])
    return ToolCall(item["call_id"], name, item["input" if custom else "arguments"], custom)


def _result(item: Item, parts: tuple[Text | Media, ...]) -> Message:
    """The output of local_shell has the id of its call as its own id."""
    name = item.get("name") and offered_name(item.get("namespace"), item["name"])
    call_id = str(item.get("call_id") or item.get("id") or "")
    return Message("tool", (ToolResult(call_id, parts, name),))


def _content_of(item: Item) -> str:
    """The content of an item of a client-run OpenAI tool (local_shell, apply_patch, ...), as
    JSON."""
    content: Any = next((item[name] for name in _ENCODED if name in item), {})
    return content if isinstance(content, str) else json.dumps(content)


def _parts(content: str | Sequence[Item], param: str) -> Iterator[Text | Media]:
    if isinstance(content, str):
        yield Text(content)
        return
    for index, part in enumerate(content):
        yield _part(part, f"{param}[{index}]")


def _part(part: Item, param: str) -> Text | Media:
    match part["type"]:
        case "input_image":
            return replace(_picture(part, param), detail=part.get("detail"))
        case "input_audio":
            return read_audio(part["input_audio"], f"{param}.input_audio")
        case "input_file":
            return read_file(part, param)
    return Text(part.get("text") or part.get("refusal") or "")


def _picture(part: Item, param: str) -> Media:
    if part.get("file_id"):
        return named_file(part["file_id"], f"{param}.file_id")
    return media_from_url(part["image_url"], "image", f"{param}.image_url")


def page_of(items: Sequence[Item], *, after: str | None, limit: int, order: str) -> dict[str, Any]:
    """A page of the items as OpenAI lists them, by default the newest first.

    Raises InvalidRequest if there is no item ``after``. The SDK allows no null for the ids.
    """
    ordered = list(items) if order == "asc" else list(reversed(items))
    page = cut_page(ordered, limit, Place(after, names=("after", "before")))
    return {name: "" if value is None else value for name, value in page.render().items()}
