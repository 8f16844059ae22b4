"""JSON with strings of megabytes, such as files, read without holding other requests up.

orjson reads a text in one go: 100 MB in some 170 ms, in which nobody else has a turn. So a long
string is cut out first and read in pieces; what is left is read as ever, with a mark in its place.
What does not come out right by this (an escape in the way, a mark in the place of a member's name)
is read in one go after all.
"""

import secrets
from collections.abc import Iterator
from typing import Any

import orjson

from app.core import strict_json, turns
from app.core.turns import PIECE, in_turns

LEAST_BYTES = 2 * PIECE

_ESCAPE_BYTES = 12
"""Of a pair of surrogates, the longest escape of one character."""

_LOOK_BACK = 256
"""How far before the end of a piece a place is sought at which it can be cut."""


def loads(data: bytearray, brackets: int) -> Any:
    """As ``strict_json.loads``. Raises ValueError."""
    spans = [*_long_strings(data)]
    if spans:
        try:
            return _loads_in_pieces(data, spans, brackets)
        except ValueError:
            pass  # orjson tells what is wrong, and where
    return strict_json.loads(data, brackets)


def _long_strings(data: bytearray) -> Iterator[tuple[int, int]]:
    """Where there is no quotation mark for long: the begin and the end between two of them.

    That may be a string, or what is not one between two strings.
    """
    end = 0
    for block in in_turns(range(PIECE, len(data) - PIECE, PIECE)):
        if block < end or data.find(b'"', block, block + PIECE) != -1:
            continue
        begin = data.rfind(b'"', end, block) + 1
        end = data.find(b'"', block + PIECE)
        if end == -1:
            return
        if begin and end - begin >= LEAST_BYTES:
            yield begin, end


def _loads_in_pieces(data: bytearray, spans: list[tuple[int, int]], brackets: int) -> Any:
    """Raises ValueError, also where a span is no string: a bare mark is no JSON."""
    marked, texts, at = bytearray(), {}, 0
    random = secrets.token_hex(8)
    for number, (begin, end) in enumerate(spans):
        mark = f"{random}-{number}"
        texts[mark] = _read_string(data, begin, end)
        marked += data[at:begin] + mark.encode()
        at = end
    value = {"": strict_json.loads(marked + data[at:], brackets)}
    for container, key, member in in_turns(_texts_in(value)):
        if member in texts:
            container[key] = texts.pop(member)
            if not texts:
                return value[""]
    raise ValueError("a long string is the name of a member")


def _read_string(data: bytearray, begin: int, end: int) -> str:
    """The text of a string between its quotation marks. Raises ValueError."""
    pieces = []
    while begin < end:
        cut = _place_to_cut(data, begin + PIECE, end)
        pieces.append(orjson.loads(b'"' + data[begin:cut] + b'"'))
        turns.give_way()
        begin = cut
    text = "".join(pieces)
    turns.after(len(text))
    return text


def _place_to_cut(data: bytearray, at: int, end: int) -> int:
    """At ``at`` or a little before, within no character and no escape. Raises ValueError."""
    if at >= end:
        return end
    for place in range(at, at - _LOOK_BACK, -1):
        starts_character = data[place] & 0xC0 != 0x80
        if starts_character and b"\\" not in data[place - _ESCAPE_BYTES : place]:
            return place
    raise ValueError("no place to cut")


def _texts_in(value: Any) -> Iterator[tuple[Any, Any, str]]:
    """All texts, each with what it is in and under which key. None is added or taken away."""
    containers = [value]
    while containers:
        container = containers.pop()
        members = container.items() if isinstance(container, dict) else enumerate(container)
        for key, member in members:
            if isinstance(member, str):
                yield container, key, member
            elif isinstance(member, dict | list):
                containers.append(member)
