"""Bodies of calls: JSON or free text, up to the tags that close them."""

import re
from typing import Protocol

import regex

from app.core.json_scan import JsonScan
from app.core.tools.notations.cursor import Reading, TextCursor
from app.core.tools.notations.tags import TagPattern

CONTAINERS = TagPattern(
    *("tool_calls?", "function_calls?", "call_records?", "TOOLCALLS?", "tool_use", "use_mcp_tool"),
    *("longcat_tool_call", "tool_code"),
    dsml=("calls", "toolcalls?"),
)
ELEMENTS = TagPattern("invoke", "function")
ARGUMENTS = TagPattern("arguments", "parameters", "input", "args", "tool_input")
BLOCKS = CONTAINERS | ELEMENTS

_CLOSERS = rf"(?:{ARGUMENTS.closing}\s{{0,32}})?{BLOCKS.closing}"
_NEXT_CALL = re.compile(rf"(?={_CLOSERS}\s{{0,32}}(?:{BLOCKS.opening}))")
_LAST_TAGS = re.compile(rf"{_CLOSERS}\s{{0,32}}\Z")
_LAST_CHARS = 200
_LAST_TOKEN = regex.compile(
    r"<\|(?:im_end|eot_id|eom_id|end|endoftext|end_of_text|user)\|>|</s>|<｜end▁of▁sentence｜>"
)


class Scan(Protocol):
    """Follows a text up to its end: then it is ``whole``, unless it is ``broken`` before."""

    whole: bool
    broken: bool

    def advance(self, text: str, at: int) -> int: ...


def scanned(cursor: TextCursor, scan: Scan) -> Reading[str]:
    """The text that begins here, as far as the scan follows it."""
    read = []
    while True:
        read.append(cursor.take(scan.advance(cursor.window, cursor.at)))
        if scan.whole or scan.broken or cursor.ended:
            return "".join(read)
        yield


def read_json_body(
    cursor: TextCursor, end: re.Pattern[str], *closers: TagPattern
) -> Reading[tuple[str | None, bool]]:
    """JSON and the closing tags after it: its text, and whether it was closed.

    Strings may hold closing tags. JSON that is broken ends at ``end``, or where in what seemed a
    string another call follows a closing tag. No text: it has no end.
    """
    start = cursor.position
    scan = JsonScan()
    text = yield from scanned(cursor, scan)
    if scan.whole:
        after = cursor.position
        closed = yield from close_tags(cursor, *closers)
        if closed is not False:
            return text, closed is True
        cursor.rewind(after)
    elif scan.broken and (early := _NEXT_CALL.search(text)):
        cursor.rewind(start + early.start())
        yield from close_tags(cursor, *closers)
        return text[: early.start()], True
    return (yield from read_raw_body(cursor, end, *closers, before=text)), True


def read_raw_body(
    cursor: TextCursor, end: re.Pattern[str], *closers: TagPattern, before: str = ""
) -> Reading[str | None]:
    """Text of any kind up to ``end``, or to the tags that are the last of the answer."""
    text, found = yield from cursor.until(end)
    text = before + text
    if found:
        yield from close_tags(cursor, *closers)
        return text
    tail = max(len(text) - _LAST_CHARS, 0)
    last = _LAST_TAGS.search(text, tail)
    return text[: last.start()] if last else None


def _is_closed_by_next(cursor: TextCursor) -> Reading[bool]:
    """Whether the next call begins here, or the answer ends with a token of the model's."""
    start = cursor.position
    closed = (yield from BLOCKS.read(cursor)) or (yield from cursor.match(_LAST_TOKEN))
    cursor.rewind(start)
    return closed is not None


def close_tags(cursor: TextCursor, *layers: TagPattern) -> Reading[bool | None]:
    """Whether the closing tags come next, of which only the last must be there.

    None where the text ends before it: a stop sequence swallows closing tags.
    """
    closed = False
    for tags in layers:
        yield from cursor.blanks()
        closed = yield from tags.close(cursor)
    if closed or (yield from _is_closed_by_next(cursor)):
        return True
    return None if any(tags.is_cut_off(cursor) for tags in layers) else False
