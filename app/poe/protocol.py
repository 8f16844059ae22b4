"""Converts conversations to the Poe protocol's messages, and its partial responses to events."""

from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, TypeGuard

import fastapi_poe as fp
from fastapi_poe.types import FunctionDefinition, Sender, ToolCallDefinitionDelta

from app.core.conversation import Media, Message, Part, Query, Text, ToolSpec
from app.core.encodable import encodable
from app.core.events import Batch, MediaReply, Replacement, TextDelta, ToolCallDelta
from app.core.turns import in_turns
from app.poe.file_names import file_name

_ROLES: dict[str, Literal["system", "user", "bot"]] = {
    "system": "system",
    "user": "user",
    "assistant": "bot",
    "tool": "user",
}


Attach = Callable[[Sequence[Media]], list[fp.Attachment]]


def protocol_messages(query: Query, attach: Attach) -> list[fp.ProtocolMessage]:
    """The conversation as messages of the Poe protocol; the last user message has the parameters.

    ``attach`` makes attachments of all files of the conversation in one call.
    """
    media = [
        part
        for message in in_turns(_user_last(query.messages))
        for part in message.parts
        if _is_media(part)
    ]
    attachments = iter(attach(media) if media else ())
    messages = [
        _protocol_message(message, attachments) for message in in_turns(_user_last(query.messages))
    ]
    if query.parameters:
        bearers = [message for message in messages if message.role == "user"] or messages
        bearers[-1].parameters = dict(query.parameters)
    return messages


def _user_last(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Moves system turns at the end before the user's last turn, which bots expect at the end.

    Claude Code ends its requests with system turns.
    """
    end = len(messages)
    while end and messages[end - 1].role == "system":
        end -= 1
    if end in (0, len(messages)):
        return messages
    return (*messages[: end - 1], *messages[end:], messages[end - 1])


def _is_media(part: Part) -> TypeGuard[Media]:
    return isinstance(part, Media)


def _protocol_message(message: Message, attachments: Iterator[fp.Attachment]) -> fp.ProtocolMessage:
    texts = [part.text for part in message.parts if isinstance(part, Text)]
    return fp.ProtocolMessage(
        role=_ROLES[message.role],
        content=encodable("\n".join(texts)),
        sender=Sender(name=message.name) if message.name else None,
        attachments=[next(attachments) for part in message.parts if _is_media(part)],
    )


def inline_attachments(media: Sequence[Media]) -> list[fp.Attachment]:
    """Attachments for bots of BOT_URLS: nothing is uploaded, bytes are sent as a data URL."""
    return [
        fp.Attachment(
            url=part.url
            or f"data:{part.content_type};base64,{b64encode(part.data or b'').decode()}",
            content_type=part.content_type,
            name=file_name(part),
        )
        for part in media
    ]


class _FreeFunction(FunctionDefinition):
    """Keeps all of a schema; the base class keeps only type, properties and required."""

    parameters: dict[str, Any]  # type: ignore[assignment]


class _FreeTool(fp.ToolDefinition):
    function: _FreeFunction


def tool_definitions(tools: Sequence[ToolSpec]) -> list[fp.ToolDefinition] | None:
    """Tools for a bot that calls them natively; None if there are none, as the library requires."""
    return [_FreeTool(type="function", function=_free_function(tool)) for tool in tools] or None


def _free_function(tool: ToolSpec) -> _FreeFunction:
    parameters = {"type": "object", "properties": {}, **tool.parameters}
    return _FreeFunction(name=tool.name, description=tool.description, parameters=parameters)


def read_partial(partial: fp.PartialResponse) -> Batch:
    """The events in a partial.

    Suggested replies, metadata, and alternative responses (``index`` from 1) are left out.
    """
    if partial.is_suggested_reply or partial.index or isinstance(partial, fp.MetaResponse):
        return []
    if partial.is_replace_response:
        return [Replacement(partial.text)]
    if partial.attachment is not None:
        return [_media(partial.attachment)]
    if partial.tool_calls:
        return [_tool_call(delta) for delta in partial.tool_calls]
    return [TextDelta(partial.text)] if partial.text else []


def _media(attachment: fp.Attachment) -> MediaReply:
    return MediaReply(
        attachment.url, attachment.content_type, attachment.name, attachment.inline_ref
    )


def _tool_call(delta: ToolCallDefinitionDelta) -> ToolCallDelta:
    function = delta.function
    return ToolCallDelta(delta.index, function.arguments, delta.id, function.name)
