"""Between our conversation and events, and the Poe protocol's messages and partials."""

from collections.abc import Iterable
from typing import Literal

import fastapi_poe as fp
from fastapi_poe.types import Sender

from app.core.conversation import Message, Query, Text, ToolCall, ToolResult
from app.core.events import Batch, MediaReply, Replacement, TextDelta

_ROLES: dict[str, Literal["system", "user", "bot"]] = {
    "system": "system",
    "user": "user",
    "assistant": "bot",
    "tool": "user",
}


def protocol_messages(query: Query) -> list[fp.ProtocolMessage]:
    """The conversation as Poe reads it; the bot's parameters ride on the last user message."""
    messages = [_protocol_message(message) for message in query.messages]
    if query.parameters:
        bearers = [message for message in messages if message.role == "user"] or messages
        bearers[-1].parameters = dict(query.parameters)
    return messages


def _protocol_message(message: Message) -> fp.ProtocolMessage:
    return fp.ProtocolMessage(
        role=_ROLES[message.role],
        content=encodable("".join(map(_part_text, message.parts))),
        sender=Sender(name=message.name) if message.name else None,
    )


def _part_text(part: Text | ToolCall | ToolResult) -> str:
    match part:
        case Text(text):
            return text
        case ToolCall(name=name, arguments=arguments):
            return f"\n[called {name} with {arguments}]"
        case ToolResult(name=name, text=text):
            return f"[{name or 'the tool'} answered]\n{text}"


def encodable(text: str) -> str:
    """The text, lone surrogates replaced: JSON can carry them, UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def read_partials(partials: Iterable[fp.PartialResponse]) -> Batch:
    """The events in partials that arrived together; neighbouring texts become one.

    Suggested replies and metadata are no part of an answer, nor are the alternatives that a bot
    with several responses numbers from 1.
    """
    batch: Batch = []
    texts: list[str] = []
    for partial in partials:
        if partial.is_suggested_reply or partial.index or isinstance(partial, fp.MetaResponse):
            continue
        if partial.is_replace_response:
            texts.clear()
            batch.append(Replacement(partial.text))
        elif partial.attachment is not None:
            _flush(texts, batch)
            batch.append(_media(partial.attachment))
        else:
            texts.append(partial.text)
    _flush(texts, batch)
    return batch


def _flush(texts: list[str], batch: Batch) -> None:
    if text := "".join(texts):
        batch.append(TextDelta(text))
    texts.clear()


def _media(attachment: fp.Attachment) -> MediaReply:
    return MediaReply(
        attachment.url, attachment.content_type, attachment.name, attachment.inline_ref
    )
