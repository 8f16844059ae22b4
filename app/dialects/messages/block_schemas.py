"""Content blocks of Anthropic's messages, each checked by the schema of its type."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from app.schemas.fields import Flag, Object
from app.schemas.json_form import BASE64, LINK, TEXT, Describe, JsonSchema, any_of
from app.schemas.loading import BaseSchema
from app.schemas.typed import TOOLS, TypedObject


class Block(TypedObject):
    """A content block. One that is known, but not in this place, is refused: who reads it would
    take it for a checked one."""

    def _known(self) -> Mapping[str, Schema]:
        return BLOCKS


class Blocks(fields.Field[list[tuple[str, dict[str, Any]]]]):
    """A text, loaded as one text block, or a list of blocks: always as ``(type, block)`` pairs.

    Blocks of types that are not known are taken as they are: what a server tool once answered
    comes back in the history, and there is a new kind of it every other month.
    """

    def __init__(self, schemas: Mapping[str, Schema], **options: Any) -> None:
        self._list = fields.List(Block(schemas, others=True))
        super().__init__(**options)

    def _deserialize(
        self, value: Any, attr: str | None, data: Any, **options: Any
    ) -> list[tuple[str, dict[str, Any]]]:
        if isinstance(value, str):
            return [("text", {"text": value})]
        if not isinstance(value, list):
            raise ValidationError("Must be a text or a list of content blocks.")
        return self._list.deserialize(value)  # type: ignore[return-value]

    def json_schema(self, describe: Describe) -> JsonSchema:
        return any_of(TEXT, describe(self._list))


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
    source = TypedObject(_FILES, required=True)


TEXT_BLOCKS: dict[str, Schema] = {"text": TextBlockSchema()}
_PLAIN_BLOCKS: dict[str, Schema] = {**TEXT_BLOCKS, "image": ImageBlockSchema()}


class ContentSourceSchema(BaseSchema):
    content = Blocks(_PLAIN_BLOCKS, required=True)


class DocumentBlockSchema(BaseSchema):
    source = TypedObject(
        {**_FILES, "text": PlainTextSchema(), "content": ContentSourceSchema()}, required=True
    )
    title = fields.String(load_default=None, allow_none=True)
    context = fields.String(load_default=None, allow_none=True)


class SearchResultBlockSchema(BaseSchema):
    source = fields.String(load_default="")
    title = fields.String(load_default="")
    content = Blocks(TEXT_BLOCKS, required=True)


class ToolReferenceSchema(BaseSchema):
    tool_name = fields.String(required=True)


# No tool_result within a tool_result: what nests without end would exhaust the stack.
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
    """A summary in place of the turns before it, as Anthropic's context management writes it."""

    content = fields.String(load_default=None, allow_none=True)


class ToolSearchContentSchema(BaseSchema):
    tool_references = fields.List(fields.Nested(ToolReferenceSchema), load_default=list)


class ToolSearchResultBlockSchema(BaseSchema):
    content = fields.Nested(ToolSearchContentSchema, required=True)


class NamedSchema(BaseSchema):
    name = fields.String(required=True)


class DefinitionSchema(BaseSchema):
    definition = TypedObject(TOOLS, others=True, default="custom", required=True)


class ToolChangeBlockSchema(BaseSchema):
    """A tool that comes or goes in mid-conversation: by its name, or with its definition."""

    tool = TypedObject(
        {"tool_reference": NamedSchema(), "tool_definition": DefinitionSchema()},
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
