"""Content blocks of Anthropic's messages, each checked by the schema of its type."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields, validate

from app.dialects.messages.tool_schemas import TOOL
from app.schemas.fields import Flag, Object
from app.schemas.json_form import BASE64, LINK
from app.schemas.loading import BaseSchema
from app.schemas.typed import TextOrObjects, TypedObject


class Block(TypedObject):
    """A content block. One of a known type in the wrong place is refused: its readers would take
    it for a checked one."""

    def known_types(self) -> Mapping[str, Schema]:
        return BLOCKS


class Blocks(TextOrObjects):
    """A text, loaded as one text block, or a list of blocks: always as ``(type, block)`` pairs.

    Blocks of unknown types are loaded as they are: what a server tool once answered comes back in
    the history, and there is a new kind of it every other month.
    """

    def __init__(self, schemas: Mapping[str, Schema], **options: Any) -> None:
        inner = Block(schemas, "content block", others=True)
        super().__init__(inner, lambda text: [("text", {"text": text})], **options)


_FILLED = validate.Length(min=1)


class TextBlockSchema(BaseSchema):
    text = fields.String(required=True)


class Base64Schema(BaseSchema):
    data = fields.String(required=True, validate=_FILLED, metadata=BASE64)
    media_type = fields.String(load_default=None, allow_none=True)


class UrlSchema(BaseSchema):
    url = fields.String(required=True, validate=_FILLED, metadata=LINK)


class PlainTextSchema(BaseSchema):
    data = fields.String(required=True)


class FileSchema(BaseSchema):
    """A file that was uploaded before."""

    file_id = fields.String(required=True, validate=_FILLED)


_FILES: dict[str, Schema] = {"base64": Base64Schema(), "url": UrlSchema(), "file": FileSchema()}


class ImageBlockSchema(BaseSchema):
    source = TypedObject(_FILES, "source", required=True)


TEXT_BLOCKS: dict[str, Schema] = {"text": TextBlockSchema()}
_PLAIN_BLOCKS: dict[str, Schema] = {**TEXT_BLOCKS, "image": ImageBlockSchema()}


class ContentSourceSchema(BaseSchema):
    content = Blocks(_PLAIN_BLOCKS, required=True)


class DocumentBlockSchema(BaseSchema):
    source = TypedObject(
        {**_FILES, "text": PlainTextSchema(), "content": ContentSourceSchema()},
        "source",
        required=True,
    )
    title = fields.String(load_default=None, allow_none=True)
    context = fields.String(load_default=None, allow_none=True)


class SearchResultBlockSchema(BaseSchema):
    source = fields.String(load_default="")
    title = fields.String(load_default="")
    content = Blocks(TEXT_BLOCKS, required=True)


class ToolReferenceSchema(BaseSchema):
    tool_name = fields.String(required=True)


# No tool_result within a tool_result: unbounded nesting would exhaust the stack.
_RESULT_BLOCKS: dict[str, Schema] = {
    **_PLAIN_BLOCKS,
    "document": DocumentBlockSchema(),
    "search_result": SearchResultBlockSchema(),
    "tool_reference": ToolReferenceSchema(),
}


class ToolUseBlockSchema(BaseSchema):
    id = fields.String(required=True, validate=_FILLED)
    name = fields.String(required=True, validate=_FILLED)
    input = Object(load_default=dict)


class ToolResultBlockSchema(BaseSchema):
    tool_use_id = fields.String(required=True, validate=_FILLED)
    content = Blocks(_RESULT_BLOCKS, load_default=list, allow_none=True)
    is_error = Flag(load_default=False, allow_none=True)


class ThinkingBlockSchema(BaseSchema):
    thinking = fields.String(load_default="", allow_none=True)


class CompactionBlockSchema(BaseSchema):
    """A summary that replaces the turns before it, by Anthropic's context management."""

    content = fields.String(load_default=None, allow_none=True)


class ToolSearchContentSchema(BaseSchema):
    tool_references = fields.List(fields.Nested(ToolReferenceSchema), load_default=list)


class ToolSearchResultBlockSchema(BaseSchema):
    content = fields.Nested(ToolSearchContentSchema, required=True)


class NamedSchema(BaseSchema):
    name = fields.String(required=True)


class DefinitionSchema(BaseSchema):
    definition = TOOL


class ToolChangeBlockSchema(BaseSchema):
    """A tool that is added or removed during the conversation: its name, or its definition."""

    tool = TypedObject(
        {"tool_reference": NamedSchema(), "tool_definition": DefinitionSchema()},
        "tool",
        others=True,
        required=True,
    )


BLOCKS: dict[str, Schema] = {
    **_RESULT_BLOCKS,
    "tool_use": ToolUseBlockSchema(),
    "tool_result": ToolResultBlockSchema(),
    "thinking": ThinkingBlockSchema(),
    "compaction": CompactionBlockSchema(),
    "tool_search_tool_result": ToolSearchResultBlockSchema(),
    "tool_addition": ToolChangeBlockSchema(),
    "tool_removal": ToolChangeBlockSchema(),
}
