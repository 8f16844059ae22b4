"""Input items of OpenAI's Responses, each checked by the schema of its type."""

import re
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from app.dialects.responses.tool_schemas import Tools, load_objects
from app.schemas.fields import optional
from app.schemas.json_form import (
    FILLED,
    LINK,
    OBJECT,
    TEXT,
    Describe,
    JsonSchema,
    any_of,
    given,
    list_of,
    of_other_type,
    of_type,
    of_types,
)
from app.schemas.loading import BaseSchema
from app.schemas.openai_parts import AudioPartSchema, RefusalPartSchema, TextPartSchema

ROLES = ("user", "assistant", "system", "developer")

_SERVER_ITEM = re.compile(
    r"\w+_call(_output)?|tool_search_output|mcp_\w+|program(_output)?"
    r"|compaction\w*|context_compaction|configuration_update"
)
"""Items of tools that OpenAI or the client runs, and of OpenAI's own bookkeeping.

Newer clients send kinds that are not known yet; these patterns are what all of them look like.
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


class FilePartSchema(BaseSchema):
    also = any_of(*(given(name, FILLED) for name in ("file_id", "file_data", "file_url")))

    file_id = optional(fields.String)
    file_data = optional(fields.String)
    file_url = optional(fields.String, metadata=LINK)
    filename = optional(fields.String)


PARTS: dict[str, Schema] = {
    "input_text": TextPartSchema(),
    "output_text": TextPartSchema(),
    "text": TextPartSchema(),
    "refusal": RefusalPartSchema(),
    "input_image": ImagePartSchema(),
    "input_file": FilePartSchema(),
    "input_audio": AudioPartSchema(),
}


class Content(fields.Field[Any]):
    """A text, or a list of parts; always loaded as a list of parts that tell their type."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if isinstance(value, str):
            return [{"type": "input_text", "text": value}] if value else []
        if not isinstance(value, list):
            raise ValidationError("Must be a text or a list of content parts.")
        return load_objects(value, _load_part, "content part")

    def json_schema(self, describe: Describe) -> JsonSchema:
        return any_of(TEXT, list_of(any_of(*of_types(PARTS, describe))))


class Output(Content):
    """What a tool answered: a text, loaded as it is, or parts."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if isinstance(value, str):
            return value
        return super()._deserialize(value, attr, data, **options)


def _load_part(part: dict[str, Any]) -> dict[str, Any]:
    return _load_typed(part, part.get("type"), PARTS, "content part")


def _load_typed(
    value: dict[str, Any], kind: Any, schemas: dict[str, Schema], noun: str
) -> dict[str, Any]:
    if not isinstance(kind, str) or kind not in schemas:
        raise ValidationError({"type": [f"Unknown type of {noun}: {kind!r}."]})
    loaded: dict[str, Any] = schemas[kind].load(value)
    return {"type": kind, **loaded}


class ItemSchema(BaseSchema):
    """Every item may have an id; clients send back those that they were given."""

    id = optional(fields.String, validate=validate.Length(min=1))
    status = optional(fields.String)


class MessageSchema(ItemSchema):
    role = fields.String(required=True, validate=validate.OneOf(ROLES))
    content = Content(required=True)
    phase = optional(fields.String)


class CallSchema(ItemSchema):
    """``namespace``: Codex groups its tools, and tells the group apart from the name."""

    call_id = fields.String(required=True, validate=validate.Length(min=1))
    name = fields.String(required=True, validate=validate.Length(min=1))
    namespace = optional(fields.String)


class FunctionCallSchema(CallSchema):
    arguments = fields.String(load_default="")


class CustomCallSchema(CallSchema):
    input = fields.String(load_default="")


class CallOutputSchema(ItemSchema):
    call_id = fields.String(required=True, validate=validate.Length(min=1))
    output = Output(required=True)
    name = optional(fields.String)
    namespace = optional(fields.String)


class ReasoningSchema(ItemSchema):
    summary = fields.Raw(load_default=list, allow_none=True)


class ReferenceSchema(BaseSchema):
    id = fields.String(required=True, validate=validate.Length(min=1))


class AdditionalToolsSchema(ItemSchema):
    role = fields.String(load_default="developer")
    tools = Tools(load_default=list)


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


class Input(fields.Field[Any]):
    """A text, which is the user's, or a list of items; always loaded as a list of items."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if isinstance(value, str):
            value = [{"role": "user", "content": value}]
        if not isinstance(value, list):
            raise ValidationError("Must be a text or a list of input items.")
        return load_objects(value, _load_item, "input item")

    def json_schema(self, describe: Describe) -> JsonSchema:
        known = [
            of_type(kind, describe(schema), default=kind == "message")
            for kind, schema in ITEMS.items()
        ]
        untold = {**OBJECT, **given("id", FILLED), "additionalProperties": False}
        others = of_other_type(ITEMS, f"^({_SERVER_ITEM.pattern})$")
        return any_of(TEXT, list_of(any_of(*known, untold, others)))


def _load_item(item: dict[str, Any]) -> dict[str, Any]:
    kind = item.get("type") or _untold_type(item)
    if isinstance(kind, str) and kind not in ITEMS and _SERVER_ITEM.fullmatch(kind):
        return {**item, "type": kind}
    return _load_typed(item, kind, ITEMS, "input item")


def _untold_type(item: dict[str, Any]) -> str | None:
    """SDKs leave the type of messages away, and the Agents SDK that of references."""
    if "role" in item:
        return "message"
    return "item_reference" if set(item) - {"type"} == {"id"} else None
