"""Calls that no token marks, so that they are calls only where they are the whole answer.

Bare JSON or a JSON fence that names an offered tool and gives its arguments (Llama 3, xLAM), a
list of calls in Python (Llama 4, OLMo), Phi's ``functools[…]`` and Gemini's ``default_api.f(…)``.
"""

import re

from app.core.json_scan import JsonScan
from app.core.tools.notations import pythonic
from app.core.tools.notations.calls import ARGUMENT_KEYS, KNOWN_KEYS, NAME_KEYS, RawCall
from app.core.tools.notations.cursor import Reading, TextCursor
from app.core.tools.notations.json_body import CONTAINERS, scanned
from app.core.tools.notations.notation import Notation
from app.core.tools.notations.offered import OfferedTools

_MARKS = ("{", "[", "```", "functools[", "print(default_api.", "default_api.")

_INFO = re.compile(r"[\w+.-]*")
_INFOS = ("", "json", "JSON", "tool")
_INFO_CHARS = 12
_STRING = re.compile(r'"[^"\\\n]{0,200}"?')
_STRING_CHARS = 210
_MAX_DEPTH = 4
_WRAPPERS = ("function", "function_call", "tool_call", "tool_calls")

_Calls = Reading[list[RawCall] | None]


def read(cursor: TextCursor, tools: OfferedTools) -> _Calls:
    """The calls of which the answer consists, at its end; None as soon as it is none."""
    fenced = yield from cursor.literal("```")
    if fenced:
        if (yield from cursor.word(_INFO, _INFO_CHARS)) not in _INFOS:
            return None
        yield from cursor.blanks()
    yield from cursor.literal("functools")
    calls = yield from _calls(cursor, tools)
    if calls is None:
        return None
    yield from cursor.blanks()
    yield from CONTAINERS.close(cursor)  # Its opening tag was forgotten.
    yield from cursor.blanks()
    if fenced and not (yield from cursor.literal("```")) and not cursor.cut_off():
        return None
    return calls if (yield from cursor.peek_word()) == "" else None


def _calls(cursor: TextCursor, tools: OfferedTools) -> _Calls:
    start = cursor.position
    in_list = yield from cursor.literal("[")
    yield from cursor.blanks()
    in_json = (yield from cursor.peek()) == "{"
    if in_json:
        may_call = yield from _names_tool(cursor, tools)
    else:
        yield from cursor.literal("print(")
        may_call = yield from pythonic.begins_call(cursor, tools)
    if not may_call:
        return None
    cursor.rewind(start)
    if in_json:
        return (yield from _json(cursor, several=not in_list))
    return (yield from _python(cursor, tools))


def _json(cursor: TextCursor, *, several: bool) -> _Calls:
    calls: list[RawCall] = []
    while True:
        scan = JsonScan()
        text = yield from scanned(cursor, scan)
        if not scan.whole:
            return None
        calls.append(RawCall(None, text, fitting=True))
        yield from cursor.blanks()
        yield from cursor.literal(";", ",")
        if not several or (yield from cursor.peek_word()) != "{":
            return calls


def _python(cursor: TextCursor, tools: OfferedTools) -> _Calls:
    """Calls up to where a line begins that is none."""
    text = ""
    while True:
        scan = pythonic.PythonScan()
        text += yield from scanned(cursor, scan)
        if not scan.whole:
            return None
        text += yield from cursor.blanks()
        if not (yield from cursor.starts("default_api.")) and not (
            yield from cursor.starts("print(default_api.")
        ):
            return pythonic.python_calls(text, tools, fitting=True)


def _names_tool(cursor: TextCursor, tools: OfferedTools, depth: int = 0) -> Reading[bool]:
    """Whether the object that begins here may be a call, from its first members.

    JSON that the user asked for is told from calls by its first keys, so that it flows.
    """
    cursor.take(cursor.at + 1)
    if (yield from cursor.peek_word()) != '"':
        return False
    key = yield from _string(cursor)
    if key is None or (yield from cursor.peek_word()) != ":":
        return False
    cursor.take(cursor.at + 1)
    mark = yield from cursor.peek_word()
    if key in _WRAPPERS and mark in ("{", "["):
        cursor.take(cursor.at + (mark == "["))
        inner = (yield from cursor.peek_word()) == "{" and depth < _MAX_DEPTH
        return inner and (yield from _names_tool(cursor, tools, depth + 1))
    if key in ARGUMENT_KEYS:
        return mark in ("{", '"')
    if key not in KNOWN_KEYS or mark != '"':
        return False
    value = yield from _string(cursor)
    if key in NAME_KEYS:
        return value is not None and tools.find(value) is not None and (yield from _goes_on(cursor))
    return value is not None and (yield from _next_member(cursor, tools, depth + 1))


def _goes_on(cursor: TextCursor) -> Reading[bool]:
    """Behind the name: whether another key of a call follows."""
    if (yield from cursor.peek_word()) != ",":
        return False
    cursor.take(cursor.at + 1)
    if (yield from cursor.peek_word()) != '"':
        return False
    return (yield from _string(cursor)) in KNOWN_KEYS


def _next_member(cursor: TextCursor, tools: OfferedTools, depth: int) -> Reading[bool]:
    """Behind an id or a type: whether the members that follow may be a call's."""
    if (yield from cursor.peek_word()) != "," or depth > _MAX_DEPTH:
        return False
    return (yield from _names_tool(cursor, tools, depth))


def _string(cursor: TextCursor) -> Reading[str | None]:
    """A short string without escapes."""
    text = yield from cursor.word(_STRING, _STRING_CHARS)
    return text[1:-1] if text and text.endswith('"') and len(text) > 1 else None


NOTATION = Notation(_MARKS, read)
