"""Calls whose tag is the tool's name, its children the parameters, as Cline and Roo ask for them:
``<read_file><path>src/a.ts</path></read_file>``."""

import re
from functools import lru_cache

import regex

from app.core.json_scan import JsonScan
from app.core.tools.notations.calls import RawCall
from app.core.tools.notations.cursor import Reading, TextCursor
from app.core.tools.notations.json_body import scanned
from app.core.tools.notations.notation import Notation
from app.core.tools.notations.offered import OfferedTools, parameters_of

_MARKS = ("<{tool}>", "<{tool}/>")

_OPENING = regex.compile(r"<(?P<name>[\w.-]{1,128})\s{0,4}(?P<empty>/?)>")
_MAX_PARAMETERS = 100


def read(cursor: TextCursor, tools: OfferedTools) -> Reading[list[RawCall] | None]:
    """The call of the tool whose tag comes next. None where its first child is no parameter."""
    start = cursor.position
    opening = yield from cursor.match(_OPENING)
    tool = tools.by_name.get(opening["name"]) if opening else None
    if opening is None or tool is None:
        cursor.rewind(start)
        return None
    name = tool.name
    parameters = tuple(parameters_of(tool))[:_MAX_PARAMETERS]
    if opening["empty"]:
        return [RawCall(name, (), fitting=True)]
    patterns = _patterns(name, parameters)
    if (yield from cursor.peek_word()) == "{":
        return (yield from _json(cursor, name, patterns[0]))
    pairs: list[tuple[str, str]] = []
    while True:
        yield from cursor.blanks()
        if (yield from cursor.match(patterns[0])):
            return [RawCall(name, tuple(pairs), fitting=True)]
        parameter = yield from cursor.match(patterns[1])
        if parameter is None:
            return None
        key = parameter["name"]
        given = {key, *(name for name, _ in pairs)}
        others = tuple(name for name in parameters if name not in given)
        value, closed = yield from cursor.until(_value_end(name, key, parameters, others), "<\n")
        if not closed:
            return None
        pairs.append((key, _unpadded(value)))


def _json(
    cursor: TextCursor, name: str, closing: regex.Pattern[str]
) -> Reading[list[RawCall] | None]:
    scan = JsonScan()
    text = yield from scanned(cursor, scan)
    yield from cursor.blanks()
    if not scan.whole or (yield from cursor.match(closing)) is None:
        return None
    return [RawCall(name, text, fitting=True)]


def _unpadded(value: str) -> str:
    """The value without the line breaks that set it off from its tags."""
    return value[1:-1] if value.startswith("\n") and value.endswith("\n") and value[1:] else value


@lru_cache(maxsize=256)
def _patterns(name: str, parameters: tuple[str, ...]) -> tuple[regex.Pattern[str], ...]:
    """The closing tag, and the opening ones of the parameters."""
    return (
        regex.compile(rf"</{re.escape(name)}\s{{0,4}}>"),
        regex.compile(rf"<(?P<name>{_either(parameters)})\s{{0,4}}>"),
    )


@lru_cache(maxsize=512)
def _value_end(
    name: str, key: str, parameters: tuple[str, ...], others: tuple[str, ...]
) -> re.Pattern[str]:
    """Where a value ends: at its own closing tag, which the call's or another parameter follows.

    Where that is missing, it ends with the call, or on the line before one of the parameters
    that are not given so far (``others``).
    """
    call, own = re.escape(name), re.escape(key)
    ends = [
        rf"</{own}\s{{0,4}}>(?=\s{{0,64}}(?:</{call}\s{{0,4}}>|<{_either(parameters)}\s{{0,4}}>))",
        rf"(?=</{call}\s{{0,4}}>)",
        rf"(?=\n[ \t]{{0,16}}<{_either(others)}\s{{0,4}}>)",
    ]
    return re.compile("|".join(ends))


def _either(names: tuple[str, ...]) -> str:
    return f"(?:{'|'.join(map(re.escape, names)) or '(?!)'})"


NOTATION = Notation(_MARKS, read)
