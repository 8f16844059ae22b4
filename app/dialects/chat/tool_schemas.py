"""Schemas of tools in OpenAI's Chat Completions, current and legacy."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from app.schemas.fields import TOOL_NAME, Flag, Object
from app.schemas.json_form import any_of, given, under_its_type, where
from app.schemas.loading import BaseSchema


class FunctionSchema(BaseSchema):
    name = fields.String(required=True, validate=TOOL_NAME)
    description = fields.String(load_default=None, allow_none=True)
    parameters = Object(load_default=None, allow_none=True)
    strict = Flag(load_default=None, allow_none=True)


class CustomSchema(BaseSchema):
    name = fields.String(required=True, validate=TOOL_NAME)
    description = fields.String(load_default=None, allow_none=True)
    format = Object(load_default=None, allow_none=True)


class ToolSchema(BaseSchema):
    """A tool. Its ``type`` is the name of the field with its definition."""

    also = under_its_type("function", "custom")

    type = fields.String(required=True)
    function = fields.Nested(FunctionSchema, load_default=None)
    custom = fields.Nested(CustomSchema, load_default=None)

    @validates_schema
    def check_type(self, tool: dict[str, Any], **options: Any) -> None:
        kind = tool["type"]
        if kind not in ("function", "custom"):
            raise ValidationError(
                f"Tools of the type {kind!r} are not supported here; function and custom are.",
                "type",
            )
        if tool[kind] is None:
            raise ValidationError("Missing data for required field.", kind)


class NamedSchema(BaseSchema):
    name = fields.String(required=True)


class NamedToolSchema(BaseSchema):
    """A reference to a tool, in tool_choice and allowed_tools."""

    type = fields.String(required=True)
    function = fields.Nested(NamedSchema, load_default=None)
    custom = fields.Nested(NamedSchema, load_default=None)


class AllowedSchema(BaseSchema):
    mode = fields.String(required=True, validate=validate.OneOf(("auto", "required")))
    tools = fields.List(fields.Nested(NamedToolSchema), required=True)


class ToolChoiceSchema(NamedToolSchema):
    also = under_its_type("function", "custom", "allowed_tools")

    allowed_tools = fields.Nested(AllowedSchema, load_default=None)

    @validates_schema
    def check_type(self, choice: dict[str, Any], **options: Any) -> None:
        kind = choice["type"]
        if kind not in ("function", "custom", "allowed_tools"):
            raise ValidationError(f"Unknown type of tool choice: {kind!r}.", "type")
        if choice[kind] is None:
            raise ValidationError("Missing data for required field.", kind)


class JsonSchemaSchema(BaseSchema):
    name = fields.String(load_default=None, allow_none=True)
    schema = Object(load_default=None, allow_none=True)
    strict = Flag(load_default=None, allow_none=True)


class ResponseFormatSchema(BaseSchema):
    """``schema`` beside ``json_object`` is how llama.cpp and its clients write a schema."""

    also = any_of(where("type", "text", "json_object"), given("json_schema"))

    type = fields.String(
        required=True, validate=validate.OneOf(("text", "json_object", "json_schema"))
    )
    json_schema = fields.Nested(JsonSchemaSchema, load_default=None)
    schema = Object(load_default=None, allow_none=True)

    @validates_schema
    def check_schema(self, output: dict[str, Any], **options: Any) -> None:
        if output["type"] == "json_schema" and output["json_schema"] is None:
            raise ValidationError("Missing data for required field.", "json_schema")
