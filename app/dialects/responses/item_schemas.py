"""Input items of OpenAI's Responses, each checked by the schema of its type."""

import re
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from app.dialects.responses.tool_schemas import TOOL
from app.schemas.fields import optional
from app.schemas.json_form import FILLED, LINK, OBJECT, JsonSchema, any_of, given, of_other_type
from app.schemas.loading import BaseSchema
from app.schemas.openai_parts import (
    AudioPartSchema,
    FileSchema,
    RefusalPartSchema,
    TextPartSchema,
)
from app.schemas.typed import TextOrObjects, TypedObject

ROLES = ("user", "assistant", "system", "developer")

_SERVER_ITEM = re.compile(
    r"\w+_call(_output)?|tool_search_output|mcp_\w+|program(_output)?"
    r"|compaction\w*|context_compaction|configuration_update"
)
"""Items of tools that OpenAI or the client runs, and of OpenAI's own bookkeeping.

Newer clients send further types; these patterns match all that are known to be of this kind.
"""


class ImagePartSchema(BaseSchema):
    also = any_of(given("image_url"), given("file_id"))

    file_id = optional(fields.String, validate=validate.Length(min=1))
    image_url = optional(fields.String, validate=validate.Length(min=1), metadata=LINK)
    detail = fields.String(load_default="auto", allow_none=True)

    @validates_schema
    def check_source(self, part: dict[str, Any], **options: Any) -> None:
        if part["image_url"] is None and part["file_id"] is None:
            raise ValidationError("Missing data for required field.", "image_url")


PARTS: dict[str, Schema] = {
    "input_text": TextPartSchema(),
    "output_text": TextPartSchema(),
    "text": TextPartSchema(),
    "refusal": RefusalPartSchema(),
    "input_image": ImagePartSchema(),
    "input_file": FileSchema(),
    "input_audio": AudioPartSchema(),
}


CONTENT_PART = TypedObject(PARTS, "content part", flat=True)


class Content(TextOrObjects):
    """A text, or a list of parts; always loaded as a list of parts with their types."""

    def __init__(self, **options: Any) -> None:
        super().__init__(CONTENT_PART, _text_parts, **options)


def _text_parts(text: str) -> list[dict[str, Any]]:
    return [{"type": "input_text", "text": text}] if text else []


class ItemSchema(BaseSchema):
    """Every item may have an id: clients send items back with the ids that they got."""

    id = optional(fields.String, validate=validate.Length(min=1))
    status = optional(fields.String)


class MessageSchema(ItemSchema):
    role = fields.String(required=True, validate=validate.OneOf(ROLES))
    content = Content(required=True)
    phase = optional(fields.String)


class CallSchema(ItemSchema):
    """``namespace``: Codex groups its tools, and sends the group separately from the name."""

    call_id = fields.String(required=True, validate=validate.Length(min=1))
    name = fields.String(required=True, validate=validate.Length(min=1))
    namespace = optional(fields.String)


class FunctionCallSchema(CallSchema):
    arguments = fields.String(load_default="")


class CustomCallSchema(CallSchema):
    input = fields.String(load_default="")


class CallOutputSchema(ItemSchema):
    call_id = fields.String(required=True, validate=validate.Length(min=1))
    output = TextOrObjects(CONTENT_PART, required=True)
    name = optional(fields.String)
    namespace = optional(fields.String)


class ReasoningSchema(ItemSchema):
    summary = fields.Raw(load_default=list, allow_none=True)


class ReferenceSchema(BaseSchema):
    id = fields.String(required=True, validate=validate.Length(min=1))


class AdditionalToolsSchema(ItemSchema):
    role = fields.String(load_default="developer")
    tools = fields.List(TOOL, load_default=list)


ITEMS: dict[str, Schema] = {
    "message": MessageSchema(),
    "function_call": FunctionCallSchema(),
    "function_call_output": CallOutputSchema(),
    "custom_tool_call": CustomCallSchema(),
    "custom_tool_call_output": CallOutputSchema(),
    "reasoning": ReasoningSchema(),
    "item_reference": ReferenceSchema(),
    "additional_tools": AdditionalToolsSchema(),
}


class Item(TypedObject):
    """An input item. Those of server tools and of OpenAI's bookkeeping are loaded as they are."""

    def type_of(self, value: dict[str, Any]) -> Any:
        return value.get("type") or _untold_type(value)

    def load_other(self, kind: str, value: dict[str, Any]) -> dict[str, Any]:
        if kind == "compaction_trigger":
            raise ValidationError({"type": ["Compaction is not supported here. Send all items."]})
        return value if _SERVER_ITEM.fullmatch(kind) else super().load_other(kind, value)

    def other_forms(self) -> tuple[JsonSchema, ...]:
        reference = {**OBJECT, **given("id", FILLED), "additionalProperties": False}
        return reference, of_other_type(ITEMS, f"^({_SERVER_ITEM.pattern})$")


def _untold_type(item: dict[str, Any]) -> str | None:
    """SDKs omit the type of messages, and the Agents SDK that of references."""
    if "role" in item:
        return "message"
    return "item_reference" if set(item) - {"type"} == {"id"} else None


ITEM = Item(ITEMS, "input item", default="message", flat=True)


class Input(TextOrObjects):
    """A text, which is the user's, or a list of items; always loaded as a list of items."""

    def __init__(self, **options: Any) -> None:
        super().__init__(ITEM, _user_message, **options)


def _user_message(text: str) -> list[dict[str, Any]]:
    return [ITEM.deserialize({"role": "user", "content": text})] if text else []
