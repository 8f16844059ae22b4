"""From what stands in a block to calls of the tools that were offered."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.core.conversation import ToolSpec
from app.core.tools.coercion import coerced, compact
from app.core.tools.mending import Mender, read_json, read_json_lines, unwrapped, without_cdata
from app.core.tools.notations.elements import gathered, read_elements
from app.core.tools.notations.tagged import RawCall

INPUT_SCHEMA = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
}
"""The parameters of a custom tool where it is told as a function."""

_NAME_KEYS = ("name", "function", "tool", "tool_name")
_ARGUMENT_KEYS = ("arguments", "parameters", "input", "args")
_KNOWN_KEYS = (*_NAME_KEYS, *_ARGUMENT_KEYS, "id", "type", "index")
_INPUT_OBJECT = re.compile(r'\s*\{\s*"input"\s*:')


def new_call_id() -> str:
    return f"call_{secrets.token_hex(12)}"


@dataclass(frozen=True, slots=True)
class Call:
    """``arguments``: JSON text of an object, or a custom tool's free text."""

    name: str
    arguments: str
    custom: bool


class Unreadable(Exception):
    """What should be a call cannot be read: it is broken, or no block at all."""


class CallParser:
    """Reads the calls of one answer. A name is a call only where its tool was offered."""

    def __init__(self, tools: tuple[ToolSpec, ...]) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._mender = Mender()

    def calls(self, block: list[RawCall]) -> list[Call]:
        """The calls of a block; none at all if one is of another tool. Raises Unreadable."""
        try:
            calls = [call for raw in block for call in self._calls(raw)]
        except (ValueError, RecursionError) as error:
            raise Unreadable from error
        return [] if None in calls else [call for call in calls if call is not None]

    def _calls(self, raw: RawCall) -> list[Call | None]:
        if raw.name is not None:
            return [self._call(raw.name, raw.body, raw.closed)]
        values, guessed = self._values(str(raw.body), raw.closed)
        named = [_name_and_arguments(value, guessed) for value in values]
        return [self._call(name, body, raw.closed, guessed) for name, body in named]

    def _values(self, text: str, closed: bool) -> tuple[list[Any], bool]:
        """``{"name", "arguments"}``, a list of such, or one after another."""
        value, guessed = read_json(text), False
        if value is None:
            value = read_json_lines(unwrapped(text))
        if value is None and closed:
            value, guessed = self._mender.mend(text)
        if not value:
            raise Unreadable
        return value if isinstance(value, list) else [value], guessed

    def _call(self, name: str, body: Any, closed: bool, guessed: bool = False) -> Call | None:
        tool = self._tools.get(name)
        if tool is None:
            return None
        if tool.custom:
            return Call(name, self._free_text(body, closed), custom=True)
        arguments, mended = self._object(body, closed)
        strange = (guessed or mended) and _is_strange(arguments, tool)
        if strange or not isinstance(arguments, dict):
            raise Unreadable
        return Call(name, compact(coerced(arguments, tool.parameters)), custom=False)

    def _object(self, body: Any, closed: bool) -> tuple[Any, bool]:
        """Arguments from text, from parameters or as they are, and whether they were guessed."""
        if isinstance(body, tuple):
            return gathered([(key, without_cdata(value)) for key, value in body]), False
        value = read_json(body) if isinstance(body, str) else body
        if isinstance(value, str):  # JSON within JSON, as OpenAI sends it
            body, value = value, read_json(value)
        if value is None and closed:
            return self._mended(body.strip() if isinstance(body, str) else "")
        return value, False

    def _mended(self, text: str) -> tuple[Any, bool]:
        if not text:
            return {}, False
        if elements := read_elements(text):
            return gathered(elements), False
        return self._mender.mend(text)

    def _free_text(self, body: Any, closed: bool) -> str:
        """The text for a custom tool: the ``input`` of an object, or else all there is."""
        if isinstance(body, tuple):
            body = gathered([(key, without_cdata(value)) for key, value in body])
        value = read_json(body) if isinstance(body, str) else body
        if value is None and not closed:
            raise Unreadable
        if value is None and _INPUT_OBJECT.match(body or ""):
            value, _ = self._mender.mend(body)
        text = _input_in(value)
        if text is None and isinstance(body, str):
            text = _raw_text(body)
        if text is None:
            raise Unreadable
        return text


def _name_and_arguments(value: Any, guessed: bool) -> tuple[str, Any]:
    """Of an object that says both; a name of no tool where it says nothing of the kind."""
    if not isinstance(value, dict):
        raise Unreadable
    if isinstance(value.get("function"), dict):  # {"type": "function", "function": {...}}
        value = value["function"]
    name = next((value[key] for key in _NAME_KEYS if isinstance(value.get(key), str)), None)
    body = next((key for key in _ARGUMENT_KEYS if key in value), None)
    strange = any(key not in _KNOWN_KEYS for key in value)
    if name is None or (strange and (guessed or body is None)):
        raise Unreadable
    return name, {} if body is None else value[body]


def _is_strange(arguments: Any, tool: ToolSpec) -> bool:
    """Whether a member has no place in the schema: where a quote was not escaped, a guess sees
    members that nobody wrote."""
    known = tool.parameters.get("properties")
    if not isinstance(arguments, dict) or not isinstance(known, Mapping) or not known:
        return False
    return any(key not in known for key in arguments)


def _input_in(value: Any) -> str | None:
    """A text, or the ``input`` or only text of an object."""
    if isinstance(value, str):
        return value
    if not isinstance(value, dict):
        return None
    texts = [value["input"]] if "input" in value else list(value.values())
    return texts[0] if len(texts) == 1 and isinstance(texts[0], str) else None


def _raw_text(body: str) -> str:
    elements = read_elements(body)
    if elements and len(elements) == 1 and elements[0][0] == "input":
        return elements[0][1]
    return unwrapped(body).removeprefix("\n").removesuffix("\n")
