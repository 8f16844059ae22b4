"""The one reader of JSON, as RFC 8259 defines it: no NaN, no Infinity, bounded in depth.

A number that no double can hold (``1e999``) is refused, as its section 6 allows. orjson reads what
it can; it is as strict, and several times as fast.
"""

import gc
import json
import math
from itertools import chain
from typing import Any, NoReturn

import orjson

from app.core import turns
from app.core.turns import in_turns

MAX_DEPTH = 250
"""How deep objects and arrays may be nested. Python's own functions fail at about a thousand, and
orjson writes no more than 254."""

MAX_INT_CHARS = 20
"""Of a whole number of 64 bits."""


def loads(data: str | bytes | bytearray, brackets: int | None = None) -> Any:
    """The JSON value in a text. Raises ValueError. ``brackets``: the opening ones, if counted.

    A whole number of more than 64 bits is read as a double. Lone surrogates, which JSON can escape
    and UTF-8 cannot hold, are read as Python reads them.
    """
    try:
        value = _loads(data)
    except orjson.JSONDecodeError:
        if not _may_differ(data):
            raise
        value = _lenient(data)
    turns.after(len(data))
    if (_brackets_in(data) if brackets is None else brackets) > MAX_DEPTH:
        _check_depth(value)
    return value


def _loads(data: str | bytes | bytearray) -> Any:
    """Without the garbage collector, which would look again and again through what is being made:
    that takes three times as long as reading. Raises orjson.JSONDecodeError."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        return orjson.loads(data)
    finally:
        if collecting:
            gc.enable()


def _may_differ(data: str | bytes | bytearray) -> bool:
    """Whether the text may be JSON all the same: with surrogates, a BOM, or in UTF-16."""
    escape: Any = "\\u" if isinstance(data, str) else b"\\u"
    return escape in data or not data.isascii() or (not isinstance(data, str) and b"\0" in data)


def _lenient(data: str | bytes | bytearray) -> Any:
    """Raises ValueError."""
    try:
        return json.loads(
            data, parse_constant=_refuse, parse_float=_finite_float, parse_int=_bounded_int
        )
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON value")


def _finite_float(number: str) -> float:
    value = float(number)
    return value if math.isfinite(value) else _refuse(number[:20])


def _bounded_int(number: str) -> int | float:
    """As orjson: exact within 64 bits. Python takes quadratic time for a very long number."""
    if len(number) > MAX_INT_CHARS or not -(2**63) <= int(number) < 2**64:
        return _finite_float(number)
    return int(number)


def _brackets_in(data: str | bytes | bytearray) -> int:
    if isinstance(data, str):
        return data.count("[") + data.count("{")
    return data.count(b"[") + data.count(b"{")


def _check_depth(value: Any) -> None:
    """Raises ValueError for what is nested more than MAX_DEPTH deep."""
    containers = [value]
    for _ in range(MAX_DEPTH):
        members = chain.from_iterable(
            container.values() if isinstance(container, dict) else container
            for container in containers
        )
        containers = [member for member in in_turns(members) if isinstance(member, dict | list)]
        if not containers:
            return
    raise ValueError(f"nested more than {MAX_DEPTH} deep")
