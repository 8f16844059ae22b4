"""Files that Poe keeps for a client: as both vendors tell of them, and within a conversation."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from app.core.conversation import Media, Message, Part, Query, ToolResult
from app.core.dates import rfc3339
from app.core.media import media_from_url
from app.core.paging import Page
from app.errors import InvalidRequest

Record = dict[str, Any]
"""id, name, bytes, purpose, content_type, url (Poe's attachment), created_at, expires_at."""
Find = Callable[[str], Record | None]

_Held = TypeVar("_Held", bound=Part)


def render_file(record: Record) -> dict[str, Any]:
    """OpenAI's file object."""
    return {
        "id": record["id"],
        "object": "file",
        "bytes": record["bytes"],
        "created_at": record["created_at"],
        "expires_at": record["expires_at"],
        "filename": record["name"],
        "purpose": record["purpose"],
        "status": "processed",
        "status_details": None,
    }


def render_anthropic_file(record: Record) -> dict[str, Any]:
    """Anthropic's file metadata."""
    return {
        "id": record["id"],
        "type": "file",
        "filename": record["name"],
        "mime_type": record["content_type"],
        "size_bytes": record["bytes"],
        "created_at": rfc3339(record["created_at"]),
        "expires_at": rfc3339(record["expires_at"]),
        "downloadable": True,
    }


def render_files(page: Page) -> dict[str, Any]:
    return {"object": "list", "data": list(map(render_file, page.entries)), **page.ends()}


def render_anthropic_files(page: Page) -> dict[str, Any]:
    """Older SDKs go on by ``last_id``, newer ones by ``next_page``."""
    ends = page.ends()
    next_page = ends["last_id"] if page.has_more else None
    data = list(map(render_anthropic_file, page.entries))
    return {"data": data, **ends, "next_page": next_page}


def named_file(file_id: str, param: str) -> Media:
    """What a dialect puts where a client names a file by its id; resolve_files completes it.

    A name that the dialect gives it instead of the id stays.
    """
    return Media("", file_id, param, file_id=file_id)


def picture_of(source: Media | str | dict[str, str], param: str) -> Media:
    """A picture that a request starts from: a file of a form, ``{"file_id": id}``, or a link.

    Raises InvalidRequest.
    """
    match source:
        case Media():
            return source
        case {"file_id": file_id}:
            return named_file(file_id, f"{param}.file_id")
        case _:
            return media_from_url(str(source), "image", param)


def resolve_file(record: Record, param: str) -> Media:
    """The file as a part of a conversation: Poe has it already, nothing is uploaded again."""
    return Media(
        record["content_type"], record["name"], param, url=record["url"], file_id=record["id"]
    )


def resolve_files(query: Query, find: Find) -> Query:
    """The query with all that it names by a file's id. Raises InvalidRequest for an unknown id."""
    if not any(_names_file(part) for message in query.messages for part in _all_parts(message)):
        return query
    messages = tuple(
        replace(message, parts=tuple(_resolve(part, find) for part in message.parts))
        for message in query.messages
    )
    return replace(query, messages=messages)


def _all_parts(message: Message) -> list[Part]:
    inner = [part.parts for part in message.parts if isinstance(part, ToolResult)]
    return [*message.parts, *(part for parts in inner for part in parts)]


def _names_file(part: Part) -> bool:
    return isinstance(part, Media) and part.file_id is not None


def _resolve(part: Part, find: Find) -> Part:
    if isinstance(part, ToolResult):
        return replace(part, parts=tuple(_resolve_plain(inner, find) for inner in part.parts))
    return _resolve_plain(part, find)


def _resolve_plain(part: _Held, find: Find) -> _Held | Media:
    if not isinstance(part, Media) or part.file_id is None:
        return part
    record = find(part.file_id)
    if record is None:
        raise InvalidRequest(
            f"{part.param}: There is no file with the id {part.file_id!r}.",
            param=part.param,
            code="file_not_found",
        )
    file = resolve_file(record, part.param)
    return file if part.name == part.file_id else replace(file, name=part.name)
