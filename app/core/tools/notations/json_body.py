"""Bodies of calls: JSON or free text, up to the tags that close them."""

import re

from app.core.tools.notations.cursor import PREFIX, Reading, TextCursor
from app.core.tools.notations.json_scan import JsonScan

_CLOSERS = rf"(?:</{PREFIX}(?:arguments|parameters|input|args)\s{{0,8}}>\s{{0,32}})?</{PREFIX}(?:"
_BLOCK = "(?:tool|function)_calls?|invoke|function"
_NEXT_CALL = re.compile(rf"(?={_CLOSERS}{_BLOCK})\s{{0,8}}>\s{{0,32}}<{PREFIX}(?:{_BLOCK})[\s>=])")
_LAST_TAGS = re.compile(rf"{_CLOSERS}{_BLOCK})\s{{0,8}}>\s{{0,32}}\Z")
_LAST_CHARS = 160


def closing(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the closing tags."""
    return tuple("/" + name for name in names)


def read_json_body(
    cursor: TextCursor, end: re.Pattern[str] | None, *closers: tuple[str, ...]
) -> Reading[tuple[str | None, bool]]:
    """JSON and the closing tags after it: its text, and whether it was closed.

    Strings may hold closing tags. JSON that is broken ends at ``end``, or where in what seemed a
    string another call follows a closing tag. No text: it has no end.
    """
    start = cursor.position
    scan, text = yield from _scan(cursor)
    if scan.whole:
        if not closers:
            return text, True
        after = cursor.position
        closed = yield from _close(cursor, *closers)
        if closed is not False:
            return text, closed is True
        cursor.rewind(after)
    elif scan.broken and (early := _NEXT_CALL.search(text)):
        cursor.rewind(start + early.start())
        yield from _close(cursor, *closers)
        return text[: early.start()], True
    if end is None:
        return None, False
    return (yield from read_raw_body(cursor, end, *closers, before=text)), True


def read_raw_body(
    cursor: TextCursor, end: re.Pattern[str], *closers: tuple[str, ...], before: str = ""
) -> Reading[str | None]:
    """Text of any kind up to ``end``, or to the tags that are the last of the answer."""
    text, found = yield from cursor.until(end)
    text = before + text
    if found:
        yield from _close(cursor, *closers)
        return text
    tail = max(len(text) - _LAST_CHARS, 0)
    last = _LAST_TAGS.search(text, tail)
    return text[: last.start()] if last else None


def _scan(cursor: TextCursor) -> Reading[tuple[JsonScan, str]]:
    scan = JsonScan()
    read = []
    while True:
        read.append(cursor.take(scan.advance(cursor.window, cursor.at)))
        if scan.whole or scan.broken or cursor.ended:
            return scan, "".join(read)
        yield


def _close(cursor: TextCursor, *layers: tuple[str, ...]) -> Reading[bool | None]:
    """Whether the closing tags come next, of which only the last must be there.

    None where the text ends before it: a stop sequence swallows closing tags.
    """
    tag = None
    for names in layers:
        yield from cursor.blanks()
        tag = yield from cursor.tag(*names)
    if tag is not None:
        return True
    names = tuple(name for layer in layers for name in layer)
    return None if cursor.cut_off(*names) else False
