"""The notations in which models write calls, one reading each.

They take a block apart and judge neither names nor arguments. None: there is no such block; what
was read of it stays read, and the text that did not fit is the next to be read.
"""

import re
from dataclasses import dataclass

from app.core.tools.intake import PREFIX, Intake, Reading, Tag
from app.core.tools.json_body import closing, read_json_body, read_raw_body

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
class Written:
    """A call as it stands there. Without a ``name`` its body is JSON that names the calls itself.

    ``body``: text, or the parameters one by one. Not ``closed``: the text ended before the
    closing tag.
    """

    name: str | None
    body: str | tuple[tuple[str, str], ...]
    closed: bool = True


_Calls = Reading[list[Written] | None]
_Call = Reading[Written | None]


def read_block(intake: Intake) -> _Calls:
    """The calls of the block that begins here: a fence, a container or a single element."""
    if (yield from intake.starts("```")):
        return (yield from _fence(intake))
    tag = yield from intake.tag(*OPENING_NAMES)
    return None if tag is None else (yield from _tagged(intake, tag))


def _fence(intake: Intake) -> _Calls:
    """Three backticks around nothing but calls. Some models say ```tool_call and give bare JSON."""
    intake.take(intake.at + 3)
    info = yield from intake.word(_INFO, _INFO_CHARS)
    if info is None:
        return None
    yield from intake.blanks()
    if info in CONTAINER_NAMES and (yield from intake.peek()) in ("{", "["):
        calls = _listed((yield from _json(intake, None, None)))
    else:
        calls = yield from _several(intake, OPENING_NAMES, ())
    yield from intake.blanks()
    if (yield from intake.starts("```")):
        intake.take(intake.at + 3)
        return calls
    return calls if intake.cut_off() else None


def _several(intake: Intake, names: tuple[str, ...], closers: tuple[str, ...]) -> _Calls:
    """Calls one after another, up to what is none; a closing tag after them is read."""
    calls: list[Written] = []
    while True:
        yield from intake.blanks()
        start = intake.position
        tag = yield from intake.tag(*names, *closers)
        if tag is None or tag.name in closers:
            return calls or None
        found = yield from _tagged(intake, tag)
        if found is None:
            if calls:
                intake.rewind(start)
            return calls or None
        calls += found


def _tagged(intake: Intake, tag: Tag) -> _Calls:
    if tag.name in CONTAINER_NAMES:
        return (yield from _container(intake, tag))
    call = yield from _element(intake, tag)
    return None if call is None else [call]


def _container(intake: Intake, tag: Tag) -> _Calls:
    """``<tool_call>`` and its like: JSON, a name with arguments, elements, or other containers."""
    name = tag.named
    if name is None:
        yield from intake.blanks()
        if (yield from intake.peek()) == "<" and tag.name in _INNER_CONTAINERS:
            name = yield from _name_element(intake)
    if name is not None:
        return _listed((yield from _named(intake, name)))
    if (yield from intake.peek()) in ("{", "["):
        return _listed((yield from _json(intake, None, _CONTAINER_END, _CONTAINER_CLOSERS)))
    if (yield from intake.starts("```")) or (yield from intake.starts("<![CDATA[")):
        return _listed((yield from _raw(intake, None, _CONTAINER_END, _CONTAINER_CLOSERS)))
    if (yield from intake.peek()) != "<":
        return _listed((yield from _keyed(intake)))
    inner = () if tag.name in _INNER_CONTAINERS else _INNER_CONTAINERS
    return (yield from _several(intake, _ELEMENTS + inner, _CONTAINER_CLOSERS))


def _listed(call: Written | None) -> list[Written] | None:
    return None if call is None else [call]


def _name_element(intake: Intake) -> Reading[str | None]:
    """``<name>f</name>``; None where there is none."""
    if (yield from intake.tag("name")) is None:
        return None
    name = yield from intake.word(_TAG_TEXT, _NAME_CHARS)
    if name is None or (yield from intake.tag("/name")) is None:
        return None
    return name.strip()


def _named(intake: Intake, name: str) -> _Call:
    """What follows the name: ``<arguments>`` with anything in them, bare JSON, or nothing."""
    yield from intake.blanks()
    tag = yield from intake.tag(*_ARGUMENTS, *_CONTAINER_CLOSERS)
    if tag is None:
        if (yield from intake.peek()) != "{":
            return None
        return (yield from _json(intake, name, _CONTAINER_END, _CONTAINER_CLOSERS))
    if tag.name in _CONTAINER_CLOSERS:
        return Written(name, "")
    closers = (_ARGUMENT_CLOSERS, _CONTAINER_CLOSERS)
    if tag.empty:
        return (yield from _raw(intake, name, _CONTAINER_END, _CONTAINER_CLOSERS))
    blanks = yield from intake.blanks()
    if (yield from intake.peek()) in ("{", "["):
        return (yield from _json(intake, name, _ARGUMENTS_END, *closers))
    return (yield from _raw(intake, name, _ARGUMENTS_END, *closers, before=blanks))


def _json(
    intake: Intake, name: str | None, end: re.Pattern[str] | None, *closers: tuple[str, ...]
) -> _Call:
    text, closed = yield from read_json_body(intake, end, *closers)
    return None if text is None else Written(name, text, closed)


def _raw(
    intake: Intake,
    name: str | None,
    end: re.Pattern[str],
    *closers: tuple[str, ...],
    before: str = "",
) -> _Call:
    text = yield from read_raw_body(intake, end, *closers)
    return None if text is None else Written(name, before + text)


def _keyed(intake: Intake) -> _Call:
    """GLM's ``f<arg_key>a</arg_key><arg_value>v</arg_value>``."""
    name = yield from intake.word(_IDENTIFIER, _NAME_CHARS)
    if not name:
        return None
    pairs: list[tuple[str, str]] = []
    while True:
        yield from intake.blanks()
        tag = yield from intake.tag("arg_key", *_CONTAINER_CLOSERS)
        if tag is None:
            return None
        if tag.name != "arg_key":
            return Written(name, tuple(pairs))
        key, _ = yield from intake.until(_KEY_END)
        yield from intake.blanks()
        if (yield from intake.tag("arg_value")) is None:
            return None
        value, closed = yield from intake.until(_KEYED_VALUE_END)
        if not closed:
            return None
        pairs.append((key.strip(), value))


def _element(intake: Intake, tag: Tag) -> _Call:
    """Claude's ``<invoke name="f">`` and Llama's ``<function=f>``: parameters, or JSON."""
    name = tag.named
    if name is None or tag.empty:
        return None if name is None else Written(name, ())
    yield from intake.blanks()
    if (yield from intake.peek()) == "{":
        return (yield from _json(intake, name, _ELEMENT_END, _ELEMENT_CLOSERS))
    pairs: list[tuple[str, str]] = []
    while True:
        yield from intake.blanks()
        child = yield from intake.tag("parameter", *_ELEMENT_CLOSERS)
        if child is None:
            return None
        if child.name in _ELEMENT_CLOSERS:
            return Written(name, tuple(pairs))
        pair = yield from _parameter(intake, child)
        if pair is None:
            return None
        pairs.append(pair)


def _parameter(intake: Intake, tag: Tag) -> Reading[tuple[str, str] | None]:
    """``<parameter name="a">``, its value word for word; Qwen's ``<parameter=a>`` pads it."""
    key = tag.named
    if key is None or tag.empty:
        return None if key is None else (key, "")
    value, closed = yield from intake.until(_VALUE_END)
    if not closed:
        return None
    if tag.attributes.lstrip().startswith("="):
        value = value.removeprefix("\n").removesuffix("\n")
    return key, value
