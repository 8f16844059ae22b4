"""The request's JSON, bounded before it is read.

Reading and loading JSON blocks all other clients of the worker, so its cost is bounded by counting
bytes first.
"""

import re
from collections.abc import Iterator
from typing import Any

from flask import request

from app.core import long_strings
from app.core.turns import in_pieces, in_turns
from app.errors import InvalidRequest, RequestTooLarge
from app.http.request_bodies import PIECE_BYTES, release_if_small

MAX_BRACKETS = 500_000
"""Opening brackets and braces, including those in texts. A container takes up to 250 bytes."""

MAX_COMMAS = 2_000_000
"""Including those in texts. An element takes up to 40 bytes."""

MAX_NAMES = 400_000
"""Of the members of objects, including what looks so in texts. A name takes five times as long to
read as another value."""

MAX_ELEMENTS = 20_000
"""Messages, input items and their parts together."""

_NAME_END = re.compile(rb'"[ \t\n\r]*+:')

_LISTS = ("messages", "input", "system", "content", "output", "tool_calls")


def read_json() -> Any:
    """The request's body. Raises InvalidRequest if it is not JSON, and RequestTooLarge."""
    try:
        data = _read_body()
        _check_commas(data)
        _check_names(data)
        value = long_strings.loads(data, _count_brackets(data))
    except ValueError as error:
        raise InvalidRequest(f"The request body is not valid JSON: {error}") from error
    finally:
        release_if_small()
    _check_elements(value)
    return value


def _read_body() -> bytearray:
    """Grows as it comes: to join the pieces at the end would copy all at once."""
    if request.mimetype == "application/x-www-form-urlencoded":
        return bytearray(request.get_data())  # curl's -d, which forms.py has looked into
    body = bytearray()
    while piece := request.stream.read(PIECE_BYTES):
        body += piece
    return body


def _count_brackets(data: bytearray) -> int:
    """Raises RequestTooLarge."""
    brackets = sum(piece.count(b"[") + piece.count(b"{") for piece in in_pieces(data))
    if brackets > MAX_BRACKETS:
        raise RequestTooLarge(
            f"The request body has more than {MAX_BRACKETS:,} opening brackets and braces."
        )
    return brackets


def _check_commas(data: bytearray) -> None:
    if sum(piece.count(b",") for piece in in_pieces(data)) > MAX_COMMAS:
        raise RequestTooLarge(f"The request body has more than {MAX_COMMAS:,} commas.")


def _check_names(data: bytearray) -> None:
    """Where there are many colons, those that follow a name are counted."""
    if sum(piece.count(b":") for piece in in_pieces(data)) <= MAX_NAMES:
        return
    if sum(1 for _ in in_turns(_NAME_END.finditer(data))) > MAX_NAMES:
        raise RequestTooLarge(f"The request body has more than {MAX_NAMES:,} names of members.")


def _check_elements(value: Any) -> None:
    for number, _ in enumerate(_elements(value), 1):
        if number > MAX_ELEMENTS:
            raise RequestTooLarge(
                f"The request has more than {MAX_ELEMENTS:,} messages, items and parts."
            )


def _elements(value: Any) -> Iterator[Any]:
    """The elements of all lists of a conversation, in any format."""
    if not isinstance(value, dict):
        return
    for name in _LISTS:
        members = value.get(name)
        for member in members if isinstance(members, list) else ():
            yield member
            yield from _elements(member)
