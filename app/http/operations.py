"""What views say of themselves, next to their routes: the OpenAPI document is made of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from marshmallow import Schema

from app.core.media_types import UNKNOWN

Shape = type[Schema] | str
"""An answer: JSON of a schema, or bytes of a content type such as ``audio/*``."""

ACCOUNT_ERRORS = (402, 403, 429, 502, 529)
"""What Poe may answer to whoever has a key."""

MADE_FILE: tuple[Shape, ...] = ("audio/*", "image/*", "video/*", UNKNOWN)
"""The bytes of a file that a bot made, as ``content_type_of`` lets them through."""

BOT_ERRORS = (402, 403, 404, 408, 413, 429, 502, 529)
"""What may become of a question to a bot."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What a view takes and gives.

    ``answer``: one of these shapes, with that ``status``; none where there are only errors.
    ``errors``: statuses beside those that follow from the other fields.
    """

    summary: str
    body: type[Schema] | None
    form: type[Schema] | None
    query: tuple[type[Schema], ...]
    answer: tuple[Shape, ...]
    streams: bool
    guarded: bool
    versioned: bool
    errors: tuple[int, ...]
    status: int


View = TypeVar("View", bound=Callable[..., Any])

_operations: dict[Callable[..., Any], Operation] = {}


def operation(
    summary: str,
    *answer: Shape,
    body: type[Schema] | None = None,
    form: type[Schema] | None = None,
    query: tuple[type[Schema], ...] = (),
    streams: bool = False,
    guarded: bool = True,
    versioned: bool = False,
    errors: tuple[int, ...] = (),
    status: int = 200,
) -> Callable[[View], View]:
    """Describes the view below it.

    ``body`` is sent as JSON, ``form`` as multipart/form-data; with both the client may choose.
    ``streams``: server-sent events may be asked for. ``guarded``: a credential is
    needed. ``versioned``: with an ``anthropic-version`` header it speaks as Anthropic's API.
    """
    told = Operation(
        summary, body, form, query, answer, streams, guarded, versioned, errors, status
    )

    def note(view: View) -> View:
        _operations[view] = told
        return view

    return note


def operation_of(view: Callable[..., Any]) -> Operation | None:
    """None for a view that has said nothing."""
    return _operations.get(view)
