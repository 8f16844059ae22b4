"""The notations in which models write calls, one reading each.

They take a block apart and judge neither names nor arguments. None: there is no such block; what
was read of it stays read, and the text that did not fit is the next to be read.
"""

import re
from dataclasses import dataclass

from app.core.tools.notations.cursor import PREFIX, Reading, Tag, TextCursor
from app.core.tools.notations.json_body import closing, read_json_body, read_raw_body

_INNER_CONTAINERS = ("tool_call", "function_call")
CONTAINER_NAMES = (*_INNER_CONTAINERS, "tool_calls", "function_calls")
_ELEMENTS = ("invoke", "function")
_ARGUMENTS = ("arguments", "parameters", "input", "args")
OPENING_NAMES = CONTAINER_NAMES + _ELEMENTS

_CONTAINER_CLOSERS = closing(CONTAINER_NAMES)
_ARGUMENT_CLOSERS = closing(_ARGUMENTS)
_ELEMENT_CLOSERS = closing(_ELEMENTS)

_CONTAINER = "(?:tool|function)_calls?"
_CONTAINER_END = re.compile(rf"(?=</{PREFIX}{_CONTAINER}\s{{0,8}}>)")
_ELEMENT_END = re.compile(rf"(?=</{PREFIX}(?:invoke|function)\s{{0,8}}>)")
# Both closing tags, or the outer one alone where the next call follows.
_ARGUMENTS_END = re.compile(
    rf"(?=</{PREFIX}(?:arguments|parameters|input|args)\s{{0,8}}>\s{{0,32}}"
    rf"</{PREFIX}{_CONTAINER}\s{{0,8}}>)"
    rf"|(?=</{PREFIX}{_CONTAINER}\s{{0,8}}>\s{{0,32}}<{PREFIX}{_CONTAINER}[\s>])"
)
# A value may hold any text, closing tags too: its own is the one that the right tags follow.
_VALUE_END = re.compile(
    rf"</{PREFIX}parameter\s{{0,8}}>"
    rf"(?=\s{{0,64}}<(?:{PREFIX}parameter[\s=]|/{PREFIX}(?:invoke|function)\s{{0,8}}>))"
)
_KEY_END = re.compile(r"</arg_key\s{0,8}>")
_KEYED_VALUE_END = re.compile(
    rf"</arg_value\s{{0,8}}>(?=\s{{0,64}}<(?:arg_key\s{{0,8}}>|/{PREFIX}{_CONTAINER}\s{{0,8}}>))"
)

_TAG_TEXT = re.compile(r"[^<>]*")
_IDENTIFIER = re.compile(r"[A-Za-z_][\w.-]*")
_INFO = re.compile(r"[\w+.-]*")
_NAME_CHARS = 200
_INFO_CHARS = 24


@dataclass(frozen=True, slots=True)
class RawCall:
    """A call as it stands there. Without a ``name`` its body is JSON that names the calls itself.

    ``body``: text, or the parameters one by one. Not ``closed``: the text ended before the
    closing tag.
    """

    name: str | None
    body: str | tuple[tuple[str, str], ...]
    closed: bool = True


_Calls = Reading[list[RawCall] | None]
_Call = Reading[RawCall | None]


def read_block(cursor: TextCursor) -> _Calls:
    """The calls of the block that begins here: a fence, a container or a single element."""
    if (yield from cursor.starts("```")):
        return (yield from _fence(cursor))
    tag = yield from cursor.tag(*OPENING_NAMES)
    return None if tag is None else (yield from _tagged(cursor, tag))


def _fence(cursor: TextCursor) -> _Calls:
    """Three backticks around nothing but calls. Some models say ```tool_call and give bare JSON."""
    cursor.take(cursor.at + 3)
    info = yield from cursor.word(_INFO, _INFO_CHARS)
    if info is None:
        return None
    yield from cursor.blanks()
    if info in CONTAINER_NAMES and (yield from cursor.peek()) in ("{", "["):
        calls = _listed((yield from _json(cursor, None, None)))
    else:
        calls = yield from _several(cursor, OPENING_NAMES, ())
    yield from cursor.blanks()
    if (yield from cursor.starts("```")):
        cursor.take(cursor.at + 3)
        return calls
    return calls if cursor.cut_off() else None


def _several(cursor: TextCursor, names: tuple[str, ...], closers: tuple[str, ...]) -> _Calls:
    """Calls one after another, up to what is none; a closing tag after them is read."""
    calls: list[RawCall] = []
    while True:
        yield from cursor.blanks()
        start = cursor.position
        tag = yield from cursor.tag(*names, *closers)
        if tag is None or tag.name in closers:
            return calls or None
        found = yield from _tagged(cursor, tag)
        if found is None:
            if calls:
                cursor.rewind(start)
            return calls or None
        calls += found


def _tagged(cursor: TextCursor, tag: Tag) -> _Calls:
    if tag.name in CONTAINER_NAMES:
        return (yield from _container(cursor, tag))
    call = yield from _element(cursor, tag)
    return None if call is None else [call]


def _container(cursor: TextCursor, tag: Tag) -> _Calls:
    """``<tool_call>`` and its like: JSON, a name with arguments, elements, or other containers."""
    name = tag.named
    if name is None:
        yield from cursor.blanks()
        if (yield from cursor.peek()) == "<" and tag.name in _INNER_CONTAINERS:
            name = yield from _name_element(cursor)
    if name is not None:
        return _listed((yield from _named(cursor, name)))
    if (yield from cursor.peek()) in ("{", "["):
        return _listed((yield from _json(cursor, None, _CONTAINER_END, _CONTAINER_CLOSERS)))
    if (yield from cursor.starts("```")) or (yield from cursor.starts("<![CDATA[")):
        return _listed((yield from _raw(cursor, None, _CONTAINER_END, _CONTAINER_CLOSERS)))
    if (yield from cursor.peek()) != "<":
        return _listed((yield from _keyed(cursor)))
    inner = () if tag.name in _INNER_CONTAINERS else _INNER_CONTAINERS
    return (yield from _several(cursor, _ELEMENTS + inner, _CONTAINER_CLOSERS))


def _listed(call: RawCall | None) -> list[RawCall] | None:
    return None if call is None else [call]


def _name_element(cursor: TextCursor) -> Reading[str | None]:
    """``<name>f</name>``; None where there is none."""
    if (yield from cursor.tag("name")) is None:
        return None
    name = yield from cursor.word(_TAG_TEXT, _NAME_CHARS)
    if name is None or (yield from cursor.tag("/name")) is None:
        return None
    return name.strip()


def _named(cursor: TextCursor, name: str) -> _Call:
    """What follows the name: ``<arguments>`` with anything in them, bare JSON, or nothing."""
    yield from cursor.blanks()
    tag = yield from cursor.tag(*_ARGUMENTS, *_CONTAINER_CLOSERS)
    if tag is None:
        if (yield from cursor.peek()) != "{":
            return None
        return (yield from _json(cursor, name, _CONTAINER_END, _CONTAINER_CLOSERS))
    if tag.name in _CONTAINER_CLOSERS:
        return RawCall(name, "")
    closers = (_ARGUMENT_CLOSERS, _CONTAINER_CLOSERS)
    if tag.empty:
        return (yield from _raw(cursor, name, _CONTAINER_END, _CONTAINER_CLOSERS))
    blanks = yield from cursor.blanks()
    if (yield from cursor.peek()) in ("{", "["):
        return (yield from _json(cursor, name, _ARGUMENTS_END, *closers))
    return (yield from _raw(cursor, name, _ARGUMENTS_END, *closers, before=blanks))


def _json(
    cursor: TextCursor, name: str | None, end: re.Pattern[str] | None, *closers: tuple[str, ...]
) -> _Call:
    text, closed = yield from read_json_body(cursor, end, *closers)
    return None if text is None else RawCall(name, text, closed)


def _raw(
    cursor: TextCursor,
    name: str | None,
    end: re.Pattern[str],
    *closers: tuple[str, ...],
    before: str = "",
) -> _Call:
    text = yield from read_raw_body(cursor, end, *closers)
    return None if text is None else RawCall(name, before + text)


def _keyed(cursor: TextCursor) -> _Call:
    """GLM's ``f<arg_key>a</arg_key><arg_value>v</arg_value>``."""
    name = yield from cursor.word(_IDENTIFIER, _NAME_CHARS)
    if not name:
        return None
    pairs: list[tuple[str, str]] = []
    while True:
        yield from cursor.blanks()
        tag = yield from cursor.tag("arg_key", *_CONTAINER_CLOSERS)
        if tag is None:
            return None
        if tag.name != "arg_key":
            return RawCall(name, tuple(pairs))
        key, _ = yield from cursor.until(_KEY_END)
        yield from cursor.blanks()
        if (yield from cursor.tag("arg_value")) is None:
            return None
        value, closed = yield from cursor.until(_KEYED_VALUE_END)
        if not closed:
            return None
        pairs.append((key.strip(), value))


def _element(cursor: TextCursor, tag: Tag) -> _Call:
    """Claude's ``<invoke name="f">`` and Llama's ``<function=f>``: parameters, or JSON."""
    name = tag.named
    if name is None or tag.empty:
        return None if name is None else RawCall(name, ())
    yield from cursor.blanks()
    if (yield from cursor.peek()) == "{":
        return (yield from _json(cursor, name, _ELEMENT_END, _ELEMENT_CLOSERS))
    pairs: list[tuple[str, str]] = []
    while True:
        yield from cursor.blanks()
        child = yield from cursor.tag("parameter", *_ELEMENT_CLOSERS)
        if child is None:
            return None
        if child.name in _ELEMENT_CLOSERS:
            return RawCall(name, tuple(pairs))
        pair = yield from _parameter(cursor, child)
        if pair is None:
            return None
        pairs.append(pair)


def _parameter(cursor: TextCursor, tag: Tag) -> Reading[tuple[str, str] | None]:
    """``<parameter name="a">``, its value word for word; Qwen's ``<parameter=a>`` pads it."""
    key = tag.named
    if key is None or tag.empty:
        return None if key is None else (key, "")
    value, closed = yield from cursor.until(_VALUE_END)
    if not closed:
        return None
    if tag.attributes.lstrip().startswith("="):
        value = value.removeprefix("\n").removesuffix("\n")
    return key, value
