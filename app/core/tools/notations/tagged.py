"""Calls in XML-like tags: Hermes, Qwen, Claude, Llama, GLM, MiniMax M1 and M2, Seed, DeepSeek's
DSML, Hunyuan, LongCat, OLMo, and the notation that the prompted adapter asks for.

``<tool_call>`` and its like hold JSON, a name with arguments, or elements: ``<invoke name="f">``
and ``<function=f>`` with a ``<parameter>`` each. Readings give None where there is no such block;
what was read of it stays read, and the text that did not fit is the next to be read.
"""

import re
from functools import lru_cache

from app.core.conversation import ToolSpec
from app.core.json_scan import JsonScan
from app.core.tools.mending import read_json
from app.core.tools.notations import pythonic, tool_tags
from app.core.tools.notations.calls import RawCall
from app.core.tools.notations.cursor import WORD_CHARS, Reading, TextCursor
from app.core.tools.notations.json_body import (
    ARGUMENTS,
    BLOCKS,
    CONTAINERS,
    ELEMENTS,
    close_tags,
    read_json_body,
    read_raw_body,
    scanned,
)
from app.core.tools.notations.notation import Notation
from app.core.tools.notations.offered import OfferedTools, parameters_of
from app.core.tools.notations.tags import DSML_BARS, NAMESPACES, Tag, TagPattern, next_name

_ELEMENTS = ("invoke", "function")
_NAMES = (
    *("tool_call", "tool_calls", "function_call", "function_calls", "call_record", "call_records"),
    *("TOOLCALL", "tool_use", "use_mcp_tool", "longcat_tool_call", "tool_code"),
    *_ELEMENTS,
)
_MARKS = (
    *(f"<{namespace}{name}" for namespace in ("", *NAMESPACES) for name in _NAMES),
    *(f"<{bars}DSML" for bar in DSML_BARS for bars in (bar, bar * 2, f" {bar} ")),
)
_CLOSING_MARKS = tuple(
    f"</{namespace}{name}>" for namespace in ("", *NAMESPACES) for name in _NAMES
)

_PARAMETERS = TagPattern("parameter", "param", "argument", "arg")
_TOOL_NAMES = TagPattern("name", "tool_name", "function_name")
_SERVER_NAMES = TagPattern("server_name")
_NAME_TAGS = ("name", "tool_name", "function_name", "server_name")
_NOTES = TagPattern("critical")
_KEYS = TagPattern("(?:longcat_)?arg_key")
_VALUES = TagPattern("(?:longcat_)?arg_value")

_BLOCK_END = re.compile(rf"(?={BLOCKS.closing})")
_ELEMENT_END = re.compile(rf"(?={ELEMENTS.closing})")
# Both closing tags, or the outer one alone where the next call follows.
_ARGUMENTS_END = re.compile(
    rf"(?={ARGUMENTS.closing}\s{{0,32}}{BLOCKS.closing})"
    rf"|(?={BLOCKS.closing}\s{{0,32}}{BLOCKS.opening})"
)
_KEY_END = re.compile(rf"{_KEYS.closing}|(?={_VALUES.opening})")
_KEYED_VALUE_END = re.compile(
    rf"(?={_VALUES.closing}\s{{0,64}}(?:{_KEYS.opening}|{CONTAINERS.closing}))"
    rf"|(?={_KEYS.opening}|{CONTAINERS.closing})"
)
_NOTES_END = re.compile(_NOTES.closing)
_ELEMENT_LAST = re.compile(rf"{ELEMENTS.closing}\s{{0,32}}(?:{CONTAINERS.closing}\s{{0,32}})?\Z")
_PARAMETER_TAG = re.compile(rf"{_PARAMETERS.opening}|{_PARAMETERS.closing}")
_LAST_CHARS = 200
_LAST_LINE_BREAK = re.compile(r"\n[ \t]*\Z")

_TAG_TEXT = re.compile(r"[^<>]*")
_IDENTIFIER = re.compile(r"[A-Za-z_][\w.:/-]*")
_MAX_KEYS = 60
_MAX_DEPTH = 4

_Calls = Reading[list[RawCall] | None]
_Call = Reading[RawCall | None]


def read(cursor: TextCursor, tools: OfferedTools) -> _Calls:
    """The calls of the container or element that begins here."""
    tag = yield from BLOCKS.read(cursor)
    return None if tag is None else (yield from _tagged(cursor, tag, tools, 0))


def read_several(cursor: TextCursor, tools: OfferedTools, depth: int = 1) -> _Calls:
    """Calls one after another, up to what is none; a container's closing tag is read.

    ``depth``: the number of containers around them.
    """
    calls: list[RawCall] = []
    while True:
        yield from cursor.blanks()
        start = cursor.position
        if (yield from CONTAINERS.close(cursor)):
            return calls or None
        tag = yield from BLOCKS.read(cursor)
        if tag is None:
            return calls or None
        found = yield from _tagged(cursor, tag, tools, depth)
        if found is None:
            if calls:
                cursor.rewind(start)
            return calls or None
        calls += found


def _tagged(cursor: TextCursor, tag: Tag, tools: OfferedTools, depth: int) -> _Calls:
    if tag.name not in _ELEMENTS:
        return (yield from _container(cursor, tag, tools, depth)) if depth < _MAX_DEPTH else None
    return _listed((yield from _element(cursor, tag, tools)))


def _container(cursor: TextCursor, tag: Tag, tools: OfferedTools, depth: int) -> _Calls:
    """``<tool_call>`` and its like: JSON, a name with arguments, elements, or other containers."""
    if tag.named is not None:
        return _listed((yield from _named(cursor, tag.named, tools)))
    mark = yield from cursor.peek_word()
    if mark in ("{", "["):
        return (yield from _list(cursor, tools))
    if (yield from cursor.starts("```")) or (yield from cursor.starts("<![CDATA[")):
        return _listed((yield from _raw(cursor, None, _BLOCK_END, CONTAINERS)))
    if mark != "<":
        return (yield from _keyed(cursor, tools))
    openings = _NAMES if tag.name.endswith("s") else _ELEMENTS
    return (yield from _elements(cursor, tools, openings, depth))


def _elements(
    cursor: TextCursor, tools: OfferedTools, openings: tuple[str, ...], depth: int
) -> _Calls:
    """Of a container that begins with a tag: a name, the tag of a tool, or one of ``openings``."""
    start = cursor.position
    name = yield from next_name(cursor)
    cursor.rewind(start)
    if name in _NAME_TAGS:
        name = yield from _name_element(cursor, tools)
        return None if name is None else _listed((yield from _named(cursor, name, tools)))
    if name in tools.by_name:
        calls = yield from tool_tags.read(cursor, tools)
        yield from cursor.blanks()
        yield from CONTAINERS.close(cursor)
        return calls
    return (yield from read_several(cursor, tools, depth + 1)) if name in openings else None


def _listed(call: RawCall | None) -> list[RawCall] | None:
    return None if call is None else [call]


def _list(cursor: TextCursor, tools: OfferedTools) -> _Calls:
    """JSON, or a list of calls in Python."""
    start = cursor.position
    if (yield from cursor.literal("[")):
        yield from cursor.blanks()
        if (yield from pythonic.begins_call(cursor, tools)):
            cursor.rewind(start)
            return (yield from _python(cursor, tools))
        cursor.rewind(start)
    return _listed((yield from _json_values(cursor)))


def _json_values(cursor: TextCursor) -> _Call:
    """One JSON value, or as MiniMax M1 has it one a line; what is broken, up to a closing tag."""
    start = cursor.position
    texts: list[str] = []
    whole = True
    while whole and (yield from cursor.peek_word()) in ("{", "["):
        scan = JsonScan()
        texts.append((yield from scanned(cursor, scan)))
        whole = scan.whole
        yield from cursor.blanks()
        yield from cursor.literal(",", ";")
    if whole and (closed := (yield from close_tags(cursor, CONTAINERS))) is not False:
        return RawCall(None, "\n".join(texts), closed is True)
    cursor.rewind(start)
    return (yield from _json(cursor, None, _BLOCK_END, CONTAINERS))


def _python(cursor: TextCursor, tools: OfferedTools) -> _Calls:
    text, closed = yield from cursor.until(_BLOCK_END)
    if not closed:
        return None
    yield from CONTAINERS.close(cursor)
    return pythonic.python_calls(text, tools)


def _name_element(cursor: TextCursor, tools: OfferedTools) -> Reading[str | None]:
    """``<name>f</name>``; None: there is none. Behind ``<server_name>s</server_name>`` it is
    ``s.f`` where that is a tool."""
    server = yield from _text_of(cursor, _SERVER_NAMES)
    yield from cursor.blanks()
    name = yield from _text_of(cursor, _TOOL_NAMES)
    return f"{server}.{name}" if tools.find(f"{server}.{name}") else name


def _text_of(cursor: TextCursor, tags: TagPattern) -> Reading[str | None]:
    if (yield from tags.read(cursor)) is None:
        return None
    text = yield from cursor.word(_TAG_TEXT, WORD_CHARS)
    if text is None or not (yield from tags.close(cursor)):
        return None
    return text.strip()


def _named(cursor: TextCursor, name: str, tools: OfferedTools) -> _Call:
    """What follows the name: ``<arguments>`` with anything in them, bare JSON, parameters one by
    one, or nothing. ``<critical>`` stands in records of calls, which models imitate."""
    yield from cursor.blanks()
    if (yield from _NOTES.read(cursor)):
        yield from cursor.until(_NOTES_END)
        yield from cursor.blanks()
    if (yield from BLOCKS.close(cursor)):
        return RawCall(name, "")
    tag = yield from ARGUMENTS.read(cursor)
    if tag is None:
        mark = yield from cursor.peek()
        if mark == "{":
            return (yield from _json(cursor, name, _BLOCK_END, BLOCKS))
        return (yield from _pairs(cursor, name, tools)) if mark == "<" else None
    if tag.empty:
        return (yield from _raw(cursor, name, _BLOCK_END, BLOCKS))
    blanks = yield from cursor.blanks()
    if (yield from cursor.peek()) in ("{", "["):
        return (yield from _json(cursor, name, _ARGUMENTS_END, ARGUMENTS, BLOCKS))
    return (yield from _raw(cursor, name, _ARGUMENTS_END, ARGUMENTS, BLOCKS, before=blanks))


def _pairs(cursor: TextCursor, name: str, tools: OfferedTools) -> _Call:
    """GLM's keys and values, or parameters."""
    if (yield from cursor.starts("<arg_key")) or (yield from cursor.starts("<longcat_arg_key")):
        return (yield from _key_pairs(cursor, name))
    return (yield from _parameters(cursor, name, tools, BLOCKS))


def _json(
    cursor: TextCursor, name: str | None, end: re.Pattern[str], *closers: TagPattern
) -> _Call:
    text, closed = yield from read_json_body(cursor, end, *closers)
    return None if text is None else RawCall(name, text, closed)


def _raw(
    cursor: TextCursor,
    name: str | None,
    end: re.Pattern[str],
    *closers: TagPattern,
    before: str = "",
) -> _Call:
    text = yield from read_raw_body(cursor, end, *closers)
    return None if text is None else RawCall(name, before + text)


def _keyed(cursor: TextCursor, tools: OfferedTools) -> _Calls:
    """Behind the bare name of a tool: GLM's ``<arg_key>a</arg_key><arg_value>v</arg_value>``,
    JSON, or as in Python ``f(a="v")``."""
    start = cursor.position
    name = yield from cursor.word(_IDENTIFIER, WORD_CHARS)
    if not name:
        return None
    if (yield from cursor.peek()) == "(":
        cursor.rewind(start)
        is_call = name == "print" or tools.find(name) is not None
        return (yield from _python(cursor, tools)) if is_call else None
    yield from cursor.blanks()
    mark = yield from cursor.peek()
    if mark == "{":
        return _listed((yield from _json(cursor, name, _BLOCK_END, CONTAINERS)))
    if (yield from cursor.starts("```")):
        return _listed((yield from _raw(cursor, name, _BLOCK_END, CONTAINERS)))
    return _listed((yield from _key_pairs(cursor, name)))


def _key_pairs(cursor: TextCursor, name: str) -> _Call:
    pairs: list[tuple[str, str]] = []
    while True:
        yield from cursor.blanks()
        if not pairs:  # Some close a value that they did not open.
            yield from _VALUES.close(cursor)
        if (yield from CONTAINERS.close(cursor)):
            return RawCall(name, tuple(pairs))
        pair = yield from _key_pair(cursor, mistyped=not pairs)
        if pair is None:
            return None
        pairs.append(pair)


def _key_pair(cursor: TextCursor, *, mistyped: bool) -> Reading[tuple[str, str] | None]:
    """One of the value's tags may be missing. ``mistyped``: GLM opens its first key by
    ``<tool_call>`` at times."""
    opening = yield from _KEYS.read(cursor)
    if opening is None and not (mistyped and (yield from CONTAINERS.read(cursor))):
        return None
    key, _ = yield from cursor.until(_KEY_END)
    yield from cursor.blanks()
    opened = yield from _VALUES.read(cursor)
    value, closed = yield from cursor.until(_KEYED_VALUE_END)
    if not closed:
        return None
    if (yield from _VALUES.close(cursor)) or opened:
        return key.strip(), value
    return None


def _element(cursor: TextCursor, tag: Tag, tools: OfferedTools) -> _Call:
    """Claude's ``<invoke name="f">`` and Llama's ``<function=f>``: parameters, or JSON."""
    name = tag.named
    if name is None:
        yield from cursor.blanks()
        name = yield from _name_element(cursor, tools)
        return None if name is None else (yield from _named(cursor, name, tools))
    if tag.empty:
        return RawCall(name, ())
    yield from cursor.blanks()
    mark = yield from cursor.peek()
    if mark == "{":
        return (yield from _json(cursor, name, _ELEMENT_END, ELEMENTS))
    return (yield from _parameters(cursor, name, tools, ELEMENTS))


def _parameters(cursor: TextCursor, name: str, tools: OfferedTools, closers: TagPattern) -> _Call:
    tool = tools.find(name)
    pairs: list[tuple[str, object]] = []
    while True:
        yield from cursor.blanks()
        if (yield from closers.close(cursor)) or (yield from _is_enclosed(cursor)):
            return RawCall(name, tuple(pairs))
        tag = yield from _PARAMETERS.read(cursor)
        if tag is None:
            return (yield from _children(cursor, name)) if not pairs else None
        pair = yield from _parameter(cursor, tag, tool, pairs)
        if pair is None:
            return None
        pairs.append(pair)


def _is_enclosed(cursor: TextCursor) -> Reading[bool]:
    """Whether the element's closing tag was forgotten: its container's comes, or the next call."""
    start = cursor.position
    enclosed = (yield from CONTAINERS.close(cursor)) or (yield from BLOCKS.read(cursor))
    cursor.rewind(start)
    return bool(enclosed)


def _children(cursor: TextCursor, name: str) -> _Call:
    """Parameters as elements of their own names: ``<city>Paris</city>``."""
    if (yield from cursor.peek()) != "<":
        return None
    return (yield from _raw(cursor, name, _ELEMENT_END, ELEMENTS))


def _parameter(
    cursor: TextCursor, tag: Tag, tool: ToolSpec | None, given: list[tuple[str, object]]
) -> Reading[tuple[str, object] | None]:
    """``<parameter name="a">``, its value word for word; Qwen's ``<parameter=a>`` pads it.

    DeepSeek's ``string="false"`` says that the value is JSON.
    """
    key = tag.named
    if key is None or tag.empty:
        return None if key is None else (key, "")
    others = set(parameters_of(tool)) - {key} - {name for name, _ in given} if tool else ()
    value, closed = yield from cursor.until(_value_end(frozenset(others)))
    if not closed:
        last = _ELEMENT_LAST.search(value, max(len(value) - _LAST_CHARS, 0))
        if last is None or _PARAMETER_TAG.search(value):
            return None
        cursor.rewind(cursor.position - len(value) + last.start())
        value = value[: last.start()]
    closed = yield from _PARAMETERS.close(cursor)
    if tag.attributes.lstrip().startswith("="):
        value = value.removeprefix("\n").removesuffix("\n")
    elif not closed:
        value = _LAST_LINE_BREAK.sub("", value)
    if tag.is_string is False and (typed := read_json(value)) is not None:
        return key, typed
    return key, value


@lru_cache(maxsize=512)
def _value_end(others: frozenset[str]) -> re.Pattern[str]:
    """Where a parameter's value ends.

    It may hold any text, closing tags too: its own is the one that the right tags follow. Where
    that is missing, the value ends at the tag of another parameter of the tool (``others``), or
    with the element, behind which its container must end or another call begin.
    """
    after = rf"{_PARAMETERS.opening}|{ELEMENTS.closing}|{CONTAINERS.closing}"
    ends = [
        rf"(?={_PARAMETERS.closing}\s{{0,64}}(?:{after}))",
        rf"(?={ELEMENTS.closing}\s{{0,32}}(?:{CONTAINERS.closing}|{BLOCKS.opening}))",
    ]
    if others:
        names = "|".join(map(re.escape, sorted(others)[:_MAX_KEYS]))
        ends.append(rf"""(?={_PARAMETERS.opening}(?:\s+name)?\s*=\s*["']?(?:{names})["']?[\s>/])""")
    return re.compile("|".join(ends))


NOTATION = Notation(_MARKS, read, _CLOSING_MARKS)
