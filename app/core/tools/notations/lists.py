"""Lists of calls in JSON or Python behind a special token: Granite, Phi, Llama, Mistral, Command,
Apertus, InternLM, LFM2, Nemotron.

A list is ``[{"name": "f", "arguments": {…}}]`` or ``[f(a="x")]``; one call may stand without its
brackets, and several one after another. Mistral also writes ``NAME[ARGS]{…}`` for each call.
"""

import re

from app.core.json_scan import JsonScan
from app.core.tools.mending import read_json
from app.core.tools.notations import pythonic
from app.core.tools.notations.calls import RawCall
from app.core.tools.notations.cursor import WORD_CHARS, Reading, TextCursor
from app.core.tools.notations.json_body import scanned
from app.core.tools.notations.notation import Notation
from app.core.tools.notations.offered import OfferedTools

_MISTRAL = "[TOOL_CALLS]"
_MISTRAL_ARGUMENTS = ("[ARGS]", "[CALL_ID]")
_CLOSING = {
    "<|tool_call|>": "<|/tool_call|>",
    "<|tool_calls|>": "<|/tool_calls|>",
    "<|python_tag|>": "<|eom_id|>",
    "<|python_start|>": "<|python_end|>",
    "<|START_ACTION|>": "<|END_ACTION|>",
    "<|tools_prefix|>": "<|tools_suffix|>",
    "<|action_start|>": "<|action_end|>",
    "<|tool_call_start|>": "<|tool_call_end|>",
    "<|function_call|>": "<|/function_call|>",
    "<|tool_list_start|>": "<|tool_list_end|>",
    _MISTRAL: "[/TOOL_CALLS]",
}
_MARKS = tuple(_CLOSING)
_CLOSING_MARKS = (
    *_CLOSING.values(),
    *("<|eom_id|>", "<|eot_id|>", "<|eom|>", "<|eot|>", "</s>", "<|im_end|>"),
)

_PLUGIN = ("<|plugin|>", "<|interpreter|>")
_CALL_ID = re.compile(r"[\w-]*")

_Calls = Reading[list[RawCall] | None]


def read(cursor: TextCursor, tools: OfferedTools) -> _Calls:
    """The calls behind the token that comes next, and the token that closes them."""
    mark = yield from cursor.literal(*_MARKS)
    yield from cursor.blanks()
    yield from cursor.literal(*_PLUGIN)
    calls: list[RawCall] = []
    while True:
        yield from cursor.blanks()
        start = cursor.position
        found = yield from _calls(cursor, tools)
        if found is None:
            if calls:
                cursor.rewind(start)
            return calls or None
        calls += found
        yield from cursor.blanks()
        yield from cursor.literal(";", ",")  # Llama separates calls so.
        yield from cursor.blanks()
        if (yield from cursor.literal(_CLOSING[mark or _MISTRAL])):
            return calls
        if mark == _MISTRAL:
            yield from cursor.literal(_MISTRAL)


def _calls(cursor: TextCursor, tools: OfferedTools) -> _Calls:
    mark = yield from cursor.peek()
    if mark == "{":
        return (yield from _json(cursor, None))
    if mark == "[":
        start = cursor.position
        cursor.take(cursor.at + 1)
        yield from cursor.blanks()
        in_python = yield from pythonic.begins_call(cursor, tools)
        cursor.rewind(start)
        return (yield from _python(cursor, tools) if in_python else _json(cursor, None))
    return (yield from _named(cursor, tools))


def _json(cursor: TextCursor, name: str | None) -> _Calls:
    """Only whole JSON: without a closing token nothing tells where a broken one ends.

    At the end of the answer a list may lack its bracket.
    """
    scan = JsonScan()
    text = yield from scanned(cursor, scan)
    if not scan.whole and text.startswith("[") and read_json(text + "]") is not None:
        return [RawCall(name, text + "]")]
    return [RawCall(name, text)] if scan.whole else None


def _python(cursor: TextCursor, tools: OfferedTools) -> _Calls:
    scan = pythonic.PythonScan()
    text = yield from scanned(cursor, scan)
    return pythonic.python_calls(text, tools) if scan.whole else None


def _named(cursor: TextCursor, tools: OfferedTools) -> _Calls:
    """Mistral's ``NAME[ARGS]{…}`` and ``NAME{…}``, or a call in Python."""
    start = cursor.position
    name = yield from cursor.tool_name()
    if not name:
        return None
    if (yield from cursor.peek()) == "(":
        cursor.rewind(start)
        if not (yield from pythonic.begins_call(cursor, tools)):
            return None
        cursor.rewind(start)
        return (yield from _python(cursor, tools))
    yield from cursor.blanks()
    while separator := (yield from cursor.literal(*_MISTRAL_ARGUMENTS)):
        if separator == "[CALL_ID]":
            yield from cursor.word(_CALL_ID, WORD_CHARS)
        yield from cursor.blanks()
    if (yield from cursor.peek_word()) != "{":
        return None
    return (yield from _json(cursor, name))


NOTATION = Notation(_MARKS, read, _CLOSING_MARKS)
