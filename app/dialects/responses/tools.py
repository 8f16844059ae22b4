"""Tools and the choice among them, as OpenAI's Responses writes them.

A namespace is a group of tools that Codex offers. A bot reads ``namespace.name``; the call that it
makes is sent with both as separate fields, because Codex does not know the long name.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.core.conversation import ToolChoice, ToolSpec
from app.core.openai_parts import read_grammar
from app.errors import InvalidRequest

CALLABLE = ("function", "custom")


def offered_name(namespace: str | None, name: str) -> str:
    """The name of a tool for the bot."""
    return f"{namespace}.{name}" if namespace else name


@dataclass(frozen=True, slots=True)
class Toolbox:
    """The tools of one request, by their names for the bot."""

    specs: Mapping[str, ToolSpec]
    homes: Mapping[str, tuple[str, str]]
    """Namespace and name of each tool that is in a namespace."""
    server_tools: bool = False
    """Whether there were also tools of OpenAI's, which do not run here."""
    web_search: bool = False
    """Whether its web search was one of them: some bots can do that."""

    def called(self, name: str) -> dict[str, str]:
        """The name fields of a call of the tool."""
        if name not in self.homes:
            return {"name": name}
        namespace, own = self.homes[name]
        return {"name": own, "namespace": namespace}

    def named(self, reference: Mapping[str, Any]) -> str:
        """The tool that tool_choice names. A unique name may come without its namespace."""
        name: str = offered_name(reference["namespace"], reference["name"])
        homeless = [full for full, (_, own) in self.homes.items() if own == name]
        return homeless[0] if name not in self.specs and len(homeless) == 1 else name


def open_toolbox(tools: Iterable[dict[str, Any]]) -> Toolbox:
    """Of two tools with one name the later one counts: ``additional_tools`` may repeat tools."""
    specs: dict[str, ToolSpec] = {}
    homes: dict[str, tuple[str, str]] = {}
    server_tools = web_search = False
    for namespace, tool in _unpacked(tools, None):
        if tool["type"] not in CALLABLE:
            server_tools = True
            web_search |= tool["type"].startswith("web_search")
            continue
        name = offered_name(namespace, tool["name"])
        specs[name] = _spec(name, tool)
        if namespace:
            homes[name] = (namespace, tool["name"])
    return Toolbox(specs, homes, server_tools, web_search)


def _unpacked(
    tools: Iterable[dict[str, Any]], namespace: str | None
) -> Iterator[tuple[str | None, dict[str, Any]]]:
    for tool in tools:
        if tool["type"] == "namespace":
            yield from _unpacked(tool["tools"], offered_name(namespace, tool["name"]))
        else:
            yield namespace, tool


def _spec(name: str, tool: dict[str, Any]) -> ToolSpec:
    description = tool["description"] or ""
    if tool["type"] == "custom":
        return ToolSpec(name, description, custom=True, grammar=read_grammar(tool["format"]))
    return ToolSpec(name, description, tool["parameters"] or {})


def tool_choice(choice: str | dict[str, Any] | None, toolbox: Toolbox) -> ToolChoice:
    """Raises InvalidRequest for a choice that no answer can meet."""
    wanted = _wanted(choice, toolbox)
    for name in sorted((wanted.names or frozenset()) - toolbox.specs.keys()):
        message = f"tool_choice: No tool of the name {name!r} is among the tools."
        raise InvalidRequest(message, param="tool_choice")
    return wanted


def _wanted(choice: str | dict[str, Any] | None, toolbox: Toolbox) -> ToolChoice:
    if isinstance(choice, dict):
        return _wanted_tool(choice, toolbox)
    if choice == "none":
        return ToolChoice("none")
    if choice == "required" and not (toolbox.specs or toolbox.server_tools):
        message = "tool_choice: There are no tools to choose from."
        raise InvalidRequest(message, param="tool_choice")
    # Only OpenAI's own tools, which cline and others always send: none of them can be required.
    return ToolChoice("required" if choice == "required" and toolbox.specs else "auto")


def _wanted_tool(choice: dict[str, Any], toolbox: Toolbox) -> ToolChoice:
    """OpenAI's own tools cannot be called here: a choice of one is dropped."""
    if choice["type"] == "allowed_tools":
        names = frozenset(toolbox.named(tool) for tool in choice["tools"] if tool["name"])
        return ToolChoice("required" if choice["mode"] == "required" and names else "auto", names)
    if choice["type"] in CALLABLE:
        return ToolChoice("required", frozenset({toolbox.named(choice)}))
    return ToolChoice()
