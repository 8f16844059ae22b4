"""Files that the bot made in earlier turns, and that the client sends back as links in the text.

Where a bot's file is at Poe, a link of Poe's in an assistant's turn is an attachment again: a bot
that is to change its picture sees pictures, and reads no links.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from app.core.conversation import Media, Message, Query, Text
from app.core.media_types import UNKNOWN, USUAL, type_of_name

MAX_FILES = 20
"""Of a conversation, the last ones."""

_LINK = re.compile(
    r"(!?)\[([^\[\]\n]{0,200})\]\((https://[A-Za-z0-9.-]{1,100}\.poecdn\.net/[^\s()<>]{1,2000})\)"
)


def has_earlier_files(query: Query) -> bool:
    return any(True for message in query.messages for _ in _files(message))


def attach_earlier_files(query: Query) -> Query:
    """The query, with the linked files as attachments of the turns in which they were made."""
    left = MAX_FILES
    messages: list[Message] = []
    for message in reversed(query.messages):
        files = list(_files(message))[-left:] if left else []
        left -= len(files)
        messages.append(replace(message, parts=(*message.parts, *files)) if files else message)
    return replace(query, messages=tuple(reversed(messages)))


def _files(message: Message) -> Iterator[Media]:
    if message.role != "assistant":
        return
    for part in message.parts:
        if isinstance(part, Text) and ".poecdn.net/" in part.text:
            yield from map(_file, _LINK.finditer(part.text))


def _file(link: re.Match[str]) -> Media:
    """Poe has it: its id is its address, and nothing is uploaded."""
    mark, label, url = link.groups()
    path = re.split("[?#]", url, maxsplit=1)[0]
    usual = USUAL["image"] if mark else UNKNOWN
    content_type = type_of_name(path) or type_of_name(label) or usual
    name = label or path.rpartition("/")[2] or "file"
    return Media(content_type, name, "messages", url=url, file_id=url)
