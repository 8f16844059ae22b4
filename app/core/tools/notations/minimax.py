"""MiniMax M3's tags, each behind a token of their namespace, and the arrows of earlier models.

M1 and M2 write tags without the token (see ``tagged``).
"""

import re
from dataclasses import dataclass, field
from typing import Any

from app.core.tools.elements import gathered, named_in
from app.core.tools.mending import mend, read_json
from app.core.tools.notations.calls import RawCall
from app.core.tools.notations.cursor import Reading, TextCursor
from app.core.tools.notations.json_body import scanned
from app.core.tools.notations.notation import Notation
from app.core.tools.notations.offered import OfferedTools
from app.core.tools.notations.pythonic import PythonScan

_TOKEN = "]<]minimax[>["
_ARROWS = "[TOOL_CALL]"
_MARKS = (f"{_TOKEN}<tool_call>", f"{_TOKEN}\n<tool_call>", f"{_TOKEN}<invoke", _ARROWS)
_CLOSING_MARKS = (f"{_TOKEN}</tool_call>", f"{_TOKEN}</invoke>", "[/TOOL_CALL]")

_CALLS_END = re.compile(rf"{re.escape(_TOKEN)}\s{{0,8}}</tool_call>")
_ARROWS_END = re.compile(r"\[/TOOL_CALL\]")
_TAG = re.compile(r"\s*<(/?)([\w.-]+)([^<>]{0,300})>")
_MAX_DEPTH = 60
_ARROW_CALL = re.compile(
    r"""\{\s*tool\s*=>\s*["']([\w.:/-]{1,200})["']\s*,?\s*args\s*=>\s*\{(.*)\}\s*\}""", re.DOTALL
)
_QUOTED = r"""(?:"(?:[^"\\]++|\\.)*+"|'(?:[^'\\]++|\\.)*+')"""
_STRING = re.compile(_QUOTED, re.DOTALL)
_OPTION = re.compile(rf"--([\w-]+)\s*:?\s*({_QUOTED}|.*?)\s*,?\s*(?=--[\w-]+|\Z)", re.DOTALL)
_ARROWS_CLOSING = "[/TOOL_CALL]"

_Calls = Reading[list[RawCall] | None]


def read(cursor: TextCursor, tools: OfferedTools) -> _Calls:
    """The calls of the block that begins here."""
    if (yield from cursor.literal(_ARROWS)):
        mark = yield from cursor.peek_word()
        if mark != "{":
            return None
        return (yield from _arrows(cursor))
    start = cursor.position
    yield from cursor.literal(_TOKEN)
    yield from cursor.blanks()
    container = yield from cursor.literal("<tool_call>")
    yield from cursor.blanks()
    if container and not (yield from cursor.literal(f"{_TOKEN}<invoke", f"{_TOKEN}\n<invoke")):
        return None
    cursor.rewind(start)
    text, closed = yield from cursor.until(_CALLS_END, "]")
    return _tree_calls(text, closed=closed)


@dataclass(slots=True)
class _Element:
    """``text`` is what stands before its first child."""

    name: str
    attributes: str
    text: str
    children: list[tuple[str, Any]] = field(default_factory=list)

    def value(self) -> Any:
        """Its text, or of its children an object; a list where each is an ``item``."""
        if not self.children:
            return self.text
        if all(name == "item" for name, _ in self.children):
            return [value for _, value in self.children]
        return gathered(self.children)


class _Tree:
    """The ``invoke`` elements of a block, from its pieces between the tokens.

    Elements that are not closed end with the one around them, or where a text stands in them
    before the next one.
    """

    def __init__(self) -> None:
        self.calls: list[RawCall] = []
        self._open: list[_Element] = []

    def read(self, text: str) -> bool:
        """Whether each token of the block is followed by a tag."""
        for piece in text.split(_TOKEN)[1:]:
            tag = _TAG.match(piece)
            if tag is None or len(self._open) > _MAX_DEPTH:
                return False
            if tag[1]:
                self.close(tag[2])
            else:
                self._begin(_Element(tag[2], tag[3], piece[tag.end() :]))
        return True

    def _begin(self, element: _Element) -> None:
        if self._open and self._open[-1].text.strip():
            self._close_last()
        self._open.append(element)

    def close(self, name: str) -> None:
        """Closes the element of the name and all in it; none where none is open."""
        if any(element.name == name for element in self._open):
            while self._close_last() != name:
                pass

    def _close_last(self) -> str:
        element = self._open.pop()
        if element.name == "invoke":
            name, members = named_in(element.attributes), element.value()
            if name:
                self.calls.append(RawCall(name, members if isinstance(members, dict) else ()))
        elif self._open:
            self._open[-1].children.append((element.name, element.value()))
        return element.name


def _tree_calls(text: str, *, closed: bool) -> list[RawCall] | None:
    """The calls of a block. Where the answer ended within one (not ``closed``), that is none."""
    tree = _Tree()
    if not tree.read(text):
        return None
    if closed:
        tree.close("invoke")
    return tree.calls or None


def _arrows(cursor: TextCursor) -> _Calls:
    """``{tool => "f", args => {--path "a.md"}}``, or JSON, up to the mark that closes it."""
    scan = PythonScan()
    start = cursor.position
    text = yield from scanned(cursor, scan)
    yield from cursor.blanks()
    if not scan.whole or not (cursor.cut_off() or (yield from cursor.literal(_ARROWS_CLOSING))):
        cursor.rewind(start)
        text, closed = yield from cursor.until(_ARROWS_END, "[")
        if not closed:
            return None
    found = _ARROW_CALL.fullmatch(text.strip())
    if found is None:
        return [RawCall(None, text)] if "=>" not in text else None
    arguments = found[2].strip()
    if arguments and not arguments.startswith("--"):
        return [RawCall(found[1], f"{{{arguments}}}")]
    options = [(option[1], option[2].strip()) for option in _OPTION.finditer(arguments)]
    if any(value[:1] in ('"', "'") and not _STRING.fullmatch(value) for _, value in options):
        return None
    return [RawCall(found[1], tuple((name, _argument(value)) for name, value in options))]


def _argument(text: str) -> Any:
    """The value of an option: JSON, or the text as it is."""
    value = read_json(text)
    if value is None and text[:1] in ('"', "'"):
        values, _ = mend(f"[{text}]")
        value = values[0] if values and len(values) == 1 else None
    return text if value is None else value


NOTATION = Notation(_MARKS, read, _CLOSING_MARKS)
