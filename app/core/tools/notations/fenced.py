"""Calls in a code fence that holds nothing else, and Gemini's ``tool_code``."""

import re
from dataclasses import replace

from app.core.json_scan import JsonScan
from app.core.tools.notations import pythonic, tagged
from app.core.tools.notations.calls import RawCall
from app.core.tools.notations.cursor import Reading, TextCursor
from app.core.tools.notations.json_body import scanned
from app.core.tools.notations.notation import Notation
from app.core.tools.notations.offered import OfferedTools

_MARKS = ("```", "~~~")

_FENCE = re.compile(r"`{3,}|~{3,}")
_FENCE_CHARS = 101
_INFO = re.compile(r"[\w+.-]*")
_INFO_CHARS = 24
_FENCE_END = re.compile(r"```")
_CALLS_INFO = ("tool_call", "tool_calls", "function_call", "function_calls", "call_record")
_PYTHON_INFO = ("tool_code", "tool_codes")

_Calls = Reading[list[RawCall] | None]


def read(cursor: TextCursor, tools: OfferedTools) -> _Calls:
    """Three backticks around nothing but calls. Some say ```tool_call and give bare JSON."""
    fence = yield from cursor.word(_FENCE, _FENCE_CHARS)
    info = yield from cursor.word(_INFO, _INFO_CHARS)
    if not fence or info is None:
        return None
    if info in _PYTHON_INFO:
        return (yield from _python(cursor, tools))
    mark = yield from cursor.peek_word()
    if info in _CALLS_INFO and mark in ("{", "["):
        scan = JsonScan()
        start = cursor.position
        text = yield from scanned(cursor, scan)
        yield from cursor.blanks()
        if scan.whole and (yield from cursor.literal(fence)):
            return [RawCall(None, text)]
        cursor.rewind(start)
        text, closed = yield from cursor.until(_FENCE_END)
        return [RawCall(None, text, closed)]
    if mark != "<":
        return None
    calls = yield from tagged.read_several(cursor, tools)
    yield from cursor.blanks()
    if not (yield from cursor.literal(fence)) and not cursor.cut_off():
        return None
    return calls and [replace(call, quoted=info not in _CALLS_INFO) for call in calls]


def _python(cursor: TextCursor, tools: OfferedTools) -> _Calls:
    """``print(default_api.get_weather(city="Paris"))``, and JSON where a model mixes them up."""
    texts: list[str] = []
    while not (yield from cursor.literal("```")):
        scan = pythonic.PythonScan()
        texts.append((yield from scanned(cursor, scan)))
        texts.append((yield from cursor.blanks()))
        if cursor.cut_off() and scan.whole:
            break
        if not scan.whole:
            return None
    text = "".join(texts)
    if text.lstrip().startswith(("{", "[{")):
        return [RawCall(None, text)]
    return pythonic.python_calls(text, tools)


NOTATION = Notation(_MARKS, read)
