"""Replaces the ids of uploaded files in a conversation by what is stored of them."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypedDict, TypeVar

from app.core.conversation import Media, Message, Part, Query, ToolResult
from app.errors import InvalidRequest


class FileRecord(TypedDict):
    """What is kept of an uploaded file. ``url``: where Poe has it, as an attachment.

    ``bytes`` is its size; times are in seconds since the epoch.
    """

    id: str
    name: str
    bytes: int
    purpose: str
    content_type: str
    url: str
    created_at: int
    expires_at: int


Find = Callable[[str], FileRecord | None]

_Held = TypeVar("_Held", bound=Part)


def resolve_file(record: FileRecord, param: str) -> Media:
    """The file as a part of a conversation. Poe has it already: it is not uploaded again."""
    return Media(
        record["content_type"], record["name"], param, url=record["url"], file_id=record["id"]
    )


def resolve_files(query: Query, find: Find) -> Query:
    """The query with its file ids resolved. Raises InvalidRequest for an unknown id."""
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
    file = replace(resolve_file(record, part.param), detail=part.detail)
    return file if part.name == part.file_id else replace(file, name=part.name)
