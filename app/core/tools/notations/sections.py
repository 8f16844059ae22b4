"""Calls between special tokens, each a name, a separator and JSON: DeepSeek V3 and V3.1, Kimi K2.

DeepSeek V3 has a type before the separator, the name behind it and the JSON in a fence; V3.1 and
Kimi have ``NAME<separator>JSON``. Step 3 puts an ``<invoke>`` behind DeepSeek's separator.
"""

import re

import regex

from app.core.json_scan import JsonScan
from app.core.tools.notations import tagged
from app.core.tools.notations.calls import RawCall
from app.core.tools.notations.cursor import WORD_CHARS, Reading, TextCursor
from app.core.tools.notations.json_body import scanned
from app.core.tools.notations.notation import Notation
from app.core.tools.notations.offered import OfferedTools

_DEEPSEEK_MARKS = tuple(
    f"<{opening}tool{blank}{what}{blank}begin{bar}>"
    for opening, bar in ("｜｜", "||", ("", "｜"))
    for blank in "▁_ "
    for what in ("calls", "call")
)
_KIMI_MARKS = ("<|tool_calls_section_begin|>", "<|tool_call_section_begin|>")
_MARKS = (*_DEEPSEEK_MARKS, *_KIMI_MARKS)
_CLOSING_MARKS = (
    *(mark.replace("begin", "end") for mark in _MARKS),
    *(f"<{bar}end{blank}of{blank}sentence{bar}>" for bar in "｜|" for blank in "▁_"),
)

_SECTION = regex.compile(r"<[｜|]?tool[▁_ ](?:calls[▁_ ](?:section_)?|call_section_)begin[｜|]>")
_SECTION_END = regex.compile(r"<[｜|]?tool[▁_ ](?:calls[▁_ ](?:section_)?|call_section_)end[｜|]>")
_CALL = regex.compile(r"<[｜|]?tool[▁_ ]call[▁_ ]begin[｜|]>")
_CALL_END = regex.compile(r"<[｜|]?tool[▁_ ]call[▁_ ]end[｜|]>")
_SEPARATOR = regex.compile(r"<[｜|]?tool[▁_ ](?:sep|call_argument_begin)[｜|]>")
_END = re.compile(r"(?=<[｜|]?tool[▁_ ]calls?[▁_ ](?:section_)?(?:end|begin)[｜|]>)")
_FENCE = re.compile(r"`{0,3}\w*")

_Calls = Reading[list[RawCall] | None]


def read(cursor: TextCursor, tools: OfferedTools) -> _Calls:
    """The calls of a section, or without its tokens one or more calls."""
    section = yield from cursor.match(_SECTION)
    calls: list[RawCall] = []
    while True:
        yield from cursor.blanks()
        start = cursor.position
        if not (yield from cursor.match(_CALL)):
            break
        found = yield from _call(cursor, tools)
        if found is None:
            if calls:
                cursor.rewind(start)
            break
        calls += found
    if calls and section:
        yield from cursor.match(_SECTION_END)
    return calls or None


def _call(cursor: TextCursor, tools: OfferedTools) -> _Calls:
    yield from cursor.blanks()
    name = yield from cursor.tool_name()
    yield from cursor.blanks()
    if not name or not (yield from cursor.match(_SEPARATOR)):
        return None
    mark = yield from cursor.peek_word()
    if mark == "<":
        calls = yield from tagged.read(cursor, tools)
        yield from _end_call(cursor)
        return calls
    if mark != "{" and mark != "`":  # V3: what came before was the type, "function".
        name = yield from cursor.tool_name()
        if not name:
            return None
        mark = yield from cursor.peek_word()
    body, closed = yield from _body(cursor, fenced=mark == "`")
    return None if body is None else [RawCall(name, body, closed)]


def _body(cursor: TextCursor, *, fenced: bool) -> Reading[tuple[str | None, bool]]:
    """JSON, up to where the call ends: at its token, the next one, or with the answer."""
    start = cursor.position
    if fenced:
        yield from cursor.word(_FENCE, WORD_CHARS)
        yield from cursor.blanks()
    scan = JsonScan()
    text = yield from scanned(cursor, scan)
    if fenced:
        yield from cursor.blanks()
        yield from cursor.literal("```")
    if scan.whole and (yield from _end_call(cursor)):
        return text, True
    cursor.rewind(start)
    text, closed = yield from cursor.until(_END)
    if closed:
        yield from _end_call(cursor)
    return text, closed


def _end_call(cursor: TextCursor) -> Reading[bool]:
    """Whether the call ends here; its token may be missing where the text ends."""
    yield from cursor.blanks()
    return (yield from cursor.match(_CALL_END)) is not None or cursor.cut_off(_CALL_END)


NOTATION = Notation(_MARKS, read, _CLOSING_MARKS)
