"""From what stands in a block to calls of the tools that were offered."""

import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.core.conversation import ToolSpec
from app.core.tools.coercion import coerced, compact
from app.core.tools.elements import gathered, read_elements
from app.core.tools.mending import mend, read_json, read_json_lines, unwrapped, without_cdata
from app.core.tools.notations.offered import OfferedTools, parameters_of, required_of

INPUT_SCHEMA = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
}
"""The parameters of a custom tool where it is told as a function."""

NAME_KEYS = ("name", "function", "tool", "tool_name", "function_name", "recipient_name")
ARGUMENT_KEYS = ("arguments", "parameters", "input", "args", "tool_input", "params")
KNOWN_KEYS = (*NAME_KEYS, *ARGUMENT_KEYS, "id", "type", "index", "tool_call_id", "call_id")
_WRAPPER_KEYS = ("function", "function_call", "tool_call")
_INPUT_OBJECT = re.compile(r'\s*\{\s*"input"\s*:')

Body = str | tuple[tuple[str, Any], ...] | Mapping[str, Any]


def new_call_id() -> str:
    return f"call_{secrets.token_hex(12)}"


@dataclass(frozen=True, slots=True)
class RawCall:
    """A call as a model wrote it, before it is held against the tools.

    ``name``: None where ``body`` is JSON that names the calls itself.
    ``body``: the arguments: text, the parameters one by one, or values by name.
    ``closed``: False where the answer ended before the closing tag: then nothing is mended.
    ``fitting``: a call only where it gives the tool's arguments and no others, for nothing but
    that tells it from other JSON or code.
    ``quoted``: it stands in a code fence: a call only where the answer ends with it.
    """

    name: str | None
    body: Body
    closed: bool = True
    fitting: bool = False
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """``arguments``: JSON text of an object, or a custom tool's free text."""

    name: str
    arguments: str
    custom: bool


class Unreadable(Exception):
    """What should be a call cannot be read: it is broken, or no block at all."""


class CallParser:
    """Makes calls of what a model wrote. A name is a call only where its tool was offered."""

    def __init__(self, tools: OfferedTools) -> None:
        self._tools = tools

    def calls(self, block: list[RawCall], *, guess: bool = True) -> list[Call]:
        """The calls of a block; none at all if one is of another tool.

        ``guess``: whether broken JSON may be mended by guessing. Raises Unreadable.
        """
        try:
            calls = [call for raw in block for call in self._calls(raw, guess)]
        except (ValueError, RecursionError) as error:
            raise Unreadable from error
        return [] if None in calls else [call for call in calls if call is not None]

    def _calls(self, raw: RawCall, guess: bool) -> Iterator[Call | None]:
        if raw.name is not None:
            yield self._call(raw, raw.name, raw.body, guess)
            return
        values, guessed = _values(str(raw.body), raw.closed, guess)
        for value in values:
            for name, body in self._named(value, guessed):
                yield self._call(raw, name, body, guess, guessed)

    def _named(self, value: Any, guessed: bool) -> list[tuple[str, Any]]:
        """Names and arguments in a JSON value that should tell of calls."""
        if not isinstance(value, dict):
            raise Unreadable
        if isinstance(value.get("tool_calls"), list) and len(value) == 1:
            return [pair for call in value["tool_calls"] for pair in self._named(call, guessed)]
        for key in _WRAPPER_KEYS:  # {"type": "function", "function": {...}}
            if isinstance(value.get(key), dict):
                return self._named(value[key], guessed)
        if len(value) == 1:  # Apertus: {"get_weather": {"city": "Paris"}}
            [(name, body)] = value.items()
            if isinstance(body, dict) and self._tools.find(name):
                return [(name, body)]
        return [_name_and_arguments(value, guessed)]

    def _call(
        self, raw: RawCall, name: str, body: Any, guess: bool, guessed: bool = False
    ) -> Call | None:
        tool = self._tools.find(name)
        if tool is None:
            return None
        if tool.custom:
            return Call(tool.name, _free_text(body, raw.closed, guess), custom=True)
        arguments, mended = _object(body, raw.closed, guess)
        arguments = _unwrapped_arguments(arguments, tool)
        if not isinstance(arguments, dict):
            raise Unreadable
        if (guessed or mended or raw.fitting) and not _fits(arguments, tool, raw.fitting):
            raise Unreadable
        return Call(tool.name, compact(coerced(arguments, tool.parameters)), custom=False)


def _values(text: str, closed: bool, guess: bool) -> tuple[list[Any], bool]:
    """``{"name", "arguments"}``, a list of such, or one after another; and whether guessed."""
    value, guessed = read_json(text), False
    if value is None:
        value = read_json_lines(unwrapped(text))
    if value is None and closed:
        value, guessed = mend(text, guess=guess)
    if not value:
        raise Unreadable
    return value if isinstance(value, list) else [value], guessed


def _name_and_arguments(value: dict[str, Any], guessed: bool) -> tuple[str, Any]:
    """Of an object that says both; a name of no tool where it says nothing of the kind."""
    name = next((value[key] for key in NAME_KEYS if isinstance(value.get(key), str)), None)
    body = next((key for key in ARGUMENT_KEYS if key in value), None)
    strange = any(key not in KNOWN_KEYS for key in value)
    if name is None or (strange and (guessed or body is None)):
        raise Unreadable
    return name, {} if body is None else value[body]


def _object(body: Any, closed: bool, guess: bool) -> tuple[Any, bool]:
    """Arguments from text, from parameters or as they are, and whether they were guessed."""
    if isinstance(body, tuple):
        return gathered([(key, _unwrapped_value(value)) for key, value in body]), False
    value = read_json(body) if isinstance(body, str) else body
    if isinstance(value, str):  # JSON within JSON, as OpenAI sends it
        body, value = value, read_json(value)
    if value is None and closed:
        return _mended(body.strip() if isinstance(body, str) else "", guess)
    return value, False


def _unwrapped_arguments(arguments: Any, tool: ToolSpec) -> Any:
    """DeepSeek puts all arguments into one, ``arguments`` or ``input``, that no tool has."""
    if not isinstance(arguments, dict) or len(arguments) != 1:
        return arguments
    [(key, value)] = arguments.items()
    known = parameters_of(tool)
    if key not in ARGUMENT_KEYS or key in known or not known:
        return arguments
    value = read_json(value) if isinstance(value, str) else value
    return value if isinstance(value, dict) else arguments


def _unwrapped_value(value: Any) -> Any:
    return without_cdata(value) if isinstance(value, str) else value


def _mended(text: str, guess: bool) -> tuple[Any, bool]:
    if not text:
        return {}, False
    if elements := read_elements(text):
        return gathered(elements), False
    if several := read_json_lines(text):  # Two objects are two tries: the first one is meant.
        return several[0], False
    return mend(text, guess=guess)


def _free_text(body: Any, closed: bool, guess: bool) -> str:
    """The text for a custom tool: the ``input`` of an object, or else all there is."""
    if isinstance(body, tuple):
        body = gathered([(key, _unwrapped_value(value)) for key, value in body])
    value = read_json(body) if isinstance(body, str) else body
    if value is None and not closed:
        raise Unreadable
    if value is None and _INPUT_OBJECT.match(body or ""):
        value, _ = mend(body, guess=guess)
        if value is None:
            raise Unreadable
    text = _input_in(value)
    if text is None and isinstance(body, str):
        text = _raw_text(body)
    if text is None:
        raise Unreadable
    return text


def _fits(arguments: Mapping[str, Any], tool: ToolSpec, whole: bool) -> bool:
    """Whether all arguments have a place in the schema, and ``whole``: none is missing.

    Where a quote was not escaped, a guess sees members that nobody wrote.
    """
    known = parameters_of(tool)
    if whole and any(name not in arguments for name in required_of(tool)):
        return False
    return not known or all(name in known for name in arguments)


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
