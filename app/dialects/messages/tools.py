"""Reads Anthropic's tools: which tools of a request the bot may call.

Tools can be deferred: a client with hundreds of tools offers a few, and one that searches the
others. ``tool_reference`` blocks in the messages name the tools that the search found.
"""

from collections.abc import Iterator
from typing import Any

from app.core.conversation import ToolChoice, ToolSpec
from app.core.turns import in_turns
from app.dialects.messages.blocks import Block
from app.errors import InvalidRequest

_PLACEHOLDER = "DeferredToolPlaceholder"
"""A tool of Claude Code that only marks that there are deferred tools. It must not be called."""

_SERVER_SEARCH = "tool_search_tool_"


def read_tools(payload: dict[str, Any]) -> tuple[ToolSpec, ...]:
    """The client's own tools that are not deferred, or were found.

    Anthropic's own tools are left out without an error, because clients always send them. If the
    search is one of them, it cannot run here, and all tools count as found.
    """
    toolbox = _Toolbox(payload)
    for message in in_turns(payload["messages"]):
        for kind, block in message["content"] or ():
            toolbox.note(kind, block)
    return tuple(_spec(tool) for tool in toolbox.offered())


def server_tool_names(payload: dict[str, Any]) -> frozenset[str]:
    """The names of the offered tools that only Anthropic runs."""
    return frozenset(
        str(described.get("name")) for kind, described in payload["tools"] or () if kind != "custom"
    )


class _Toolbox:
    """The tools of a request, as its messages change them in order."""

    def __init__(self, payload: dict[str, Any]) -> None:
        choice: Block = payload["tool_choice"] or ("auto", {})
        self._tools: dict[str, dict[str, Any]] = {}
        self._removed = {_PLACEHOLDER}
        self._found = {choice[1].get("name")}
        self._all_found = False
        for tool in payload["tools"] or ():
            self._add(tool)

    def _add(self, tool: Block) -> None:
        kind, described = tool
        self._all_found |= kind.startswith(_SERVER_SEARCH)
        if kind == "custom":
            self._tools[described["name"]] = described

    def note(self, kind: str, block: dict[str, Any]) -> None:
        match kind:
            case "tool_result" | "tool_search_tool_result" | "tool_reference":
                self._found.update(_references(kind, block))
            case "tool_use":
                self._found.add(block["name"])
            case "tool_addition":
                self._change(block["tool"], added=True)
            case "tool_removal":
                self._change(block["tool"], added=False)

    def _change(self, tool: Block, *, added: bool) -> None:
        kind, described = tool
        if kind == "tool_definition":
            self._add(described["definition"])
            described = described["definition"][1]
        name = str(described.get("name"))
        if added and name != _PLACEHOLDER:
            self._found.add(name)
            self._removed.discard(name)
        else:
            self._removed.add(name)

    def offered(self) -> Iterator[dict[str, Any]]:
        for name, tool in self._tools.items():
            found = self._all_found or name in self._found or not tool["defer_loading"]
            if found and name not in self._removed:
                yield tool


def _references(kind: str, block: dict[str, Any]) -> Iterator[str]:
    """The tools that a block says were found."""
    match kind:
        case "tool_reference":
            yield block["tool_name"]
        case "tool_search_tool_result":
            yield from (found["tool_name"] for found in block["content"]["tool_references"])
        case "tool_result":
            for inner_kind, inner in block["content"] or ():
                if inner_kind == "tool_reference":
                    yield inner["tool_name"]


def _spec(tool: dict[str, Any]) -> ToolSpec:
    return ToolSpec(tool["name"], tool["description"] or "", tool["input_schema"])


def read_tool_choice(
    choice: Block | None, tools: tuple[ToolSpec, ...], server_tools: frozenset[str]
) -> ToolChoice:
    """Raises InvalidRequest for a choice that no answer can meet.

    ``server_tools``: names of tools that only Anthropic runs. They are dropped, and a choice of
    them is dropped with them: Claude Code's web search sends nothing but such a tool.
    """
    match choice:
        case ("none", _):
            return ToolChoice("none")
        case ("any", _):
            if not tools and server_tools:
                return ToolChoice()
            if not tools:
                message = "tool_choice: There are no tools to choose from."
                raise InvalidRequest(message, param="tool_choice")
            return ToolChoice("required")
        case ("tool", {"name": name}):
            if name in {tool.name for tool in tools}:
                return ToolChoice("required", frozenset({name}))
            if name not in server_tools:
                param = "tool_choice.name"
                message = f"{param}: No tool of the name {name!r} is among the tools."
                raise InvalidRequest(message, param=param)
    return ToolChoice()
