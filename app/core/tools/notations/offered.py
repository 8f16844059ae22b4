"""The tools that an answer may call, found by their names as models spell them."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from app.core.conversation import ToolSpec

_PREFIX = re.compile(r"(?:functions?|tools?|default_api|api)[.:]|(?:to=)?functions[.:]")
_SUFFIX = re.compile(r"(?::\d+|<\|.*)\Z", re.DOTALL)
_SEPARATOR = re.compile(r"\.|__+|::?|/")
_PUNCTUATION = re.compile(r"[\W_]+")


class OfferedTools:
    """Lookup of tools by name.

    Besides its exact name a tool is found by ``functions.NAME``, ``NAME:0`` (Kimi) and
    ``NAME<|channel|>json`` (gpt-oss), by a name that differs in case and punctuation only
    (``ns.name``, ``ns__name``, ``nsname``), and where it is in a namespace by the last parts of
    its name. A spelling that could mean two tools means none.
    """

    def __init__(self, tools: Iterable[ToolSpec]) -> None:
        self.by_name = {tool.name: tool for tool in tools}
        self.names = sorted(self.by_name)
        self._spellings: dict[str, ToolSpec | None] | None = None

    def find(self, name: str) -> ToolSpec | None:
        """The tool that a name means."""
        if name in self.by_name:
            return self.by_name[name]
        name = name.strip().strip("`\"'")
        name = _SUFFIX.sub("", name)
        while name not in self.by_name and (prefix := _PREFIX.match(name)):
            name = name[prefix.end() :]
        if name in self.by_name:
            return self.by_name[name]
        if self._spellings is None:
            self._spellings = _spellings(self.by_name)
        return self._spellings.get(_plain(name)) if _plain(name) else None


def parameters_of(tool: ToolSpec) -> Mapping[str, Any]:
    """The schemas of a tool's parameters by their names; empty where its schema tells none."""
    if tool.custom:
        return {"input": {"type": "string"}}
    properties = tool.parameters.get("properties")
    return properties if isinstance(properties, Mapping) else {}


def required_of(tool: ToolSpec) -> tuple[str, ...]:
    """The names of the parameters that a call must give."""
    if tool.custom:
        return ("input",)
    required = tool.parameters.get("required")
    if not isinstance(required, list | tuple):
        return ()
    return tuple(name for name in required if isinstance(name, str))


def _spellings(tools: Mapping[str, ToolSpec]) -> dict[str, ToolSpec | None]:
    """Tools by the plain form of their names and of the last parts; None for what is ambiguous."""
    whole: dict[str, ToolSpec | None] = {}
    partial: dict[str, ToolSpec | None] = {}
    for name, tool in tools.items():
        plain = _plain(name)
        whole[plain] = None if plain in whole else tool
        parts = [part for part in _SEPARATOR.split(name) if part][:8]
        for first in range(1, len(parts)):
            plain = _plain("".join(parts[first:]))
            partial[plain] = None if plain in partial else tool
    return {**partial, **whole}


def _plain(name: str) -> str:
    return _PUNCTUATION.sub("", name).lower()
