"""The request's JSON, bounded before it is read.

Reading and loading JSON blocks all other clients of the worker, so its cost is bounded by counting
bytes first.
"""

from collections.abc import Iterator
from typing import Any

from flask import request

from app.core import strict_json
from app.errors import InvalidRequest, RequestTooLarge
from app.http.request_bodies import release_body

MAX_BRACKETS = 500_000
"""Opening brackets and braces, including those in texts. A container takes up to 250 bytes."""

MAX_COMMAS = 2_000_000
"""Including those in texts. An element takes up to 40 bytes."""

MAX_ELEMENTS = 20_000
"""Messages, input items and their parts together."""

_LISTS = ("messages", "input", "system", "content", "output", "tool_calls")


def read_json() -> Any:
    """The request's body. Raises InvalidRequest if it is not JSON, and RequestTooLarge."""
    try:
        data = request.get_data(cache=False)
        _check_bytes(data)
        value = strict_json.loads(data)
    except ValueError as error:
        raise InvalidRequest(f"The request body is not valid JSON: {error}") from error
    finally:
        release_body()  # only the value is left, which has bounds of its own
    _check_elements(value)
    return value


def _check_bytes(data: bytes) -> None:
    if data.count(b"[") + data.count(b"{") > MAX_BRACKETS:
        raise RequestTooLarge(
            f"The request body has more than {MAX_BRACKETS:,} opening brackets and braces."
        )
    if data.count(b",") > MAX_COMMAS:
        raise RequestTooLarge(f"The request body has more than {MAX_COMMAS:,} commas.")


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
