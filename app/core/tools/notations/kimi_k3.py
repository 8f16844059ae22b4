"""Kimi K3's XTML: ``<|open|>call tool="f" index="1"<|sep|>`` with an ``argument`` each."""

import html
import re

import regex

from app.core.tools.elements import named_in
from app.core.tools.mending import read_json
from app.core.tools.notations.calls import RawCall
from app.core.tools.notations.cursor import Reading, TextCursor
from app.core.tools.notations.notation import Notation
from app.core.tools.notations.offered import OfferedTools

_MARKS = ("<|open|>tools<|sep|>", "<|open|>call ", "<|open|>response<|sep|>")
_CLOSING_MARKS = (
    *("<|close|>tools<|sep|>", "<|close|>call<|sep|>", "<|close|>message<|sep|>"),
    *("<|end_of_msg|>", "<|close|>response<|sep|>"),
)

_TOOLS = "<|open|>tools<|sep|>"
_RESPONSE = "<|open|>response<|sep|>"
_TOOLS_END = "<|close|>tools<|sep|>"
_CALL = regex.compile(r"<\|open\|>call(?P<attributes>\s[^<>]{0,300})<\|sep\|>")
_CALL_END = regex.compile(r"<\|close\|>call<\|sep\|>")
_ARGUMENT = regex.compile(
    r"<\|open\|>(?P<kind>argument|json)(?P<attributes>(?:\s[^<>]{0,300})?)<\|sep\|>"
)
_TYPE = re.compile(r'\stype="(\w+)"')
_ENDS = {
    # A value whose closing tag is missing ends with what encloses it, or before the next one.
    kind: re.compile(
        rf"<\|close\|>{kind}<\|sep\|>|(?=<\|close\|>call<\|sep\|>|<\|open\|>argument\s)"
    )
    for kind in ("argument", "json")
}

_Calls = Reading[list[RawCall] | None]


def read(cursor: TextCursor, tools: OfferedTools) -> _Calls:
    """The calls of a ``tools`` block, or those without it; none in what opens the answer's text."""
    if (yield from cursor.literal(_RESPONSE)):
        return []
    yield from cursor.literal(_TOOLS)
    calls: list[RawCall] = []
    while True:
        yield from cursor.blanks()
        start = cursor.position
        opening = yield from cursor.match(_CALL)
        if opening is None:
            break
        call = yield from _call(cursor, named_in(opening["attributes"]))
        if call is None:
            if calls:
                cursor.rewind(start)
            break
        calls.append(call)
    if calls:
        yield from cursor.literal(_TOOLS_END)
    return calls or None


def _call(cursor: TextCursor, name: str | None) -> Reading[RawCall | None]:
    if name is None:
        return None
    pairs: list[tuple[str, object]] = []
    body: str | None = None
    while True:
        yield from cursor.blanks()
        if (yield from cursor.match(_CALL_END)):
            return RawCall(html.unescape(name), tuple(pairs) if body is None else body)
        opening = yield from cursor.match(_ARGUMENT)
        if opening is None:
            return None
        value, closed = yield from cursor.until(_ENDS[opening["kind"]])
        if not closed:
            return None
        if opening["kind"] == "json":
            body = value
            continue
        key = named_in(opening["attributes"])
        if key is None:
            return None
        pairs.append((html.unescape(key), _typed(value, opening["attributes"])))


def _typed(value: str, attributes: str) -> object:
    kind = _TYPE.search(attributes)
    if kind is None or kind[1] == "string":
        return value
    typed = read_json(value)
    return value if typed is None and kind[1] != "null" else typed


NOTATION = Notation(_MARKS, read, _CLOSING_MARKS)
