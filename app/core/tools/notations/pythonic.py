"""Calls written as Python: ``[get_weather(city="Paris", days=3), ping()]``."""

import ast
import re
from collections.abc import Iterator
from typing import Any

from app.core.tools.mending import with_paths_escaped
from app.core.tools.notations.calls import RawCall
from app.core.tools.notations.cursor import Reading, TextCursor
from app.core.tools.notations.offered import OfferedTools

_MAX_CHARS = 100_000
_MAX_DEPTH = 60
_CONSTANTS = {"true": True, "false": False, "null": None}
_OUTSIDE = re.compile(r"[^()\[\]{}\"']*+")
_INSIDE = {quote: re.compile(rf"(?:[^{quote}\\]++|\\.)*+", re.DOTALL) for quote in ("'", '"')}


class PythonScan:
    """Follows a Python text up to the bracket that closes its first one, as JsonScan does."""

    def __init__(self) -> None:
        self.whole = False
        self.broken = False
        self._depth = 0
        self._quote = ""

    def advance(self, text: str, at: int) -> int:
        """Goes on from an index of the text; gives the index up to which it is known."""
        while at < len(text) and not (self.whole or self.broken):
            known = self._inside(text, at) if self._quote else self._outside(text, at)
            if known == at:
                break
            at = known
        return at

    def _outside(self, text: str, at: int) -> int:
        found = _OUTSIDE.match(text, at)
        at = found.end() if found else at
        mark = text[at : at + 1]
        if not mark:
            return at
        if mark in "\"'":
            return self._open(text, at)
        self._depth += 1 if mark in "([{" else -1
        self.whole = self._depth <= 0
        self.broken = self._depth > _MAX_DEPTH
        return at + 1

    def _open(self, text: str, at: int) -> int:
        """One quote or three; two are an empty string."""
        quote = text[at]
        if text[at : at + 2] == quote * 2:
            if len(text) < at + 3:
                return at
            if text[at + 2] != quote:
                return at + 2
            self._quote = quote * 3
        elif len(text) < at + 2:
            return at
        else:
            self._quote = quote
        return at + len(self._quote)

    def _inside(self, text: str, at: int) -> int:
        found = _INSIDE[self._quote[0]].match(text, at)
        at = found.end() if found else at
        rest = text[at : at + len(self._quote)]
        if rest == self._quote:
            self._quote = ""
            return at + len(rest)
        # A quote or two within three, or an escape that is not whole.
        return at + 1 if len(rest) == len(self._quote) and rest[0] != "\\" else at


def begins_call(cursor: TextCursor, tools: OfferedTools) -> Reading[bool]:
    """Whether ``name(`` of an offered tool comes next; it is read."""
    name = yield from cursor.tool_name()
    return bool(name) and (yield from cursor.peek()) == "(" and _tool(name, tools) is not None


def _tool(name: str | None, tools: OfferedTools) -> str | None:
    """The name of the tool; Llama's ``brave_search.call(...)`` is a call of ``brave_search``."""
    tool = tools.find(name or "") or tools.find((name or "").removesuffix(".call"))
    return tool.name if tool else None


def python_calls(
    text: str, tools: OfferedTools, *, fitting: bool = False, quoted: bool = False
) -> list[RawCall] | None:
    """The calls of which a Python text consists: a list of them, or one in each line.

    ``print(...)`` around a call is left out. None where it is anything else: then it is code.
    """
    if len(text) > _MAX_CHARS:
        return None
    try:
        tree = ast.parse(with_paths_escaped(text).strip(), mode="exec")
        calls = [
            RawCall(*_call(node, tools), fitting=fitting, quoted=quoted)
            for statement in tree.body
            for node in _call_nodes(statement)
        ]
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    return calls or None


def _call_nodes(statement: ast.stmt) -> Iterator[ast.expr]:
    if not isinstance(statement, ast.Expr):
        raise ValueError("a statement")
    value = statement.value
    if isinstance(value, ast.List | ast.Tuple):
        yield from value.elts
    elif isinstance(value, ast.Call) and _dotted(value.func) == "print" and len(value.args) == 1:
        yield value.args[0]
    else:
        yield value


def _call(node: ast.expr, tools: OfferedTools) -> tuple[str, dict[str, Any]]:
    if not isinstance(node, ast.Call) or node.args:
        raise ValueError("no call with names for its arguments")
    written = _dotted(node.func)
    name = _tool(written, tools)
    if name is None:
        return written, {}  # A call of no tool: the parser tells.
    arguments: dict[str, Any] = {}
    for keyword in node.keywords:
        if keyword.arg is not None:
            arguments[keyword.arg] = _value(keyword.value)
        else:
            arguments.update(_value(keyword.value))
    return name, arguments


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    if isinstance(node, ast.Name):
        return node.id
    raise ValueError("no name")


def _value(node: ast.expr) -> Any:
    """Of a literal, in JSON's types."""
    match node:
        case ast.Constant(value=str() | int() | float() | None as value):
            return value
        case ast.Name(id=name) if name in _CONSTANTS:
            return _CONSTANTS[name]
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
            return [_value(item) for item in items]
        case ast.Dict(keys=keys, values=values):
            return {str(_value(key)): _value(v) for key, v in zip(keys, values, strict=True) if key}
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return -number
    raise ValueError("no literal")
