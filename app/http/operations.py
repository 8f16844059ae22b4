"""Descriptions of views, declared next to their routes, for the OpenAPI document."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from marshmallow import Schema

from app.core.media_types import UNKNOWN

Shape = type[Schema] | str
"""An answer: JSON by a schema, or bytes of a content type such as ``audio/*``."""

ACCOUNT_ERRORS = (402, 403, 429, 502, 529)
"""Statuses of any request to Poe with a key."""

MADE_FILE: tuple[Shape, ...] = ("audio/*", "image/*", "video/*", UNKNOWN)
"""Content types of a bot's file, as ``content_type_of`` passes them on."""

BOT_ERRORS = (402, 403, 404, 408, 413, 429, 502, 503, 529)
"""Statuses of a request to a bot."""


@dataclass(frozen=True, slots=True)
class Operation:
    """The requests and answers of a view.

    ``answer``: one of these, with ``status``; empty if there are only errors. ``errors``: statuses
    in addition to those that follow from the other fields.
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

    ``body`` is JSON, ``form`` multipart/form-data; with both, clients may send either.
    ``streams``: clients may ask for server-sent events. ``guarded``: a credential is required.
    ``versioned``: with an ``anthropic-version`` header it is Anthropic's API.
    """
    description = Operation(
        summary, body, form, query, answer, streams, guarded, versioned, errors, status
    )

    def note(view: View) -> View:
        _operations[view] = description
        return view

    return note


def operation_of(view: Callable[..., Any]) -> Operation | None:
    """None for a view without a description."""
    return _operations.get(view)
