"""Schemas of tools in OpenAI's Responses: flat, and optionally grouped in a namespace."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from app.schemas.fields import TOOL_NAME, Flag, Object, optional
from app.schemas.json_form import any_of, given, where
from app.schemas.loading import BaseSchema
from app.schemas.typed import TypedObject


class FunctionSchema(BaseSchema):
    name = fields.String(required=True, validate=TOOL_NAME)
    description = optional(fields.String)
    parameters = optional(Object)
    strict = optional(Flag)


class CustomSchema(BaseSchema):
    name = fields.String(required=True, validate=TOOL_NAME)
    description = optional(fields.String)
    format = optional(Object)


class Tool(TypedObject):
    """A tool. Of OpenAI's own tools only the type is kept: Codex and cline always send web_search
    and image_generation."""

    def load_other(self, kind: str, value: dict[str, Any]) -> dict[str, Any]:
        return {}


TOOLS: dict[str, Schema] = {"function": FunctionSchema(), "custom": CustomSchema()}
TOOL = Tool(TOOLS, "tool", others=True, flat=True)


class NamespaceSchema(BaseSchema):
    name = fields.String(required=True, validate=TOOL_NAME)
    description = fields.String(load_default="", allow_none=True)
    tools = fields.List(TOOL, required=True)


TOOLS["namespace"] = NamespaceSchema()


class NamedToolSchema(BaseSchema):
    """A reference to a tool. OpenAI's own tools have no name."""

    type = fields.String(required=True)
    name = optional(fields.String)
    namespace = optional(fields.String)


_NEEDED = {"function": ("name",), "custom": ("name",), "allowed_tools": ("mode", "tools")}


class ToolChoiceSchema(NamedToolSchema):
    also = any_of(
        *({"allOf": [where("type", kind), *map(given, names)]} for kind, names in _NEEDED.items()),
        given("type", {"not": {"enum": list(_NEEDED)}}),
    )

    mode = optional(fields.String, validate=validate.OneOf(("auto", "required")))
    tools = optional(fields.List, cls_or_instance=fields.Nested(NamedToolSchema))

    @validates_schema
    def check_type(self, choice: dict[str, Any], **options: Any) -> None:
        for field in _NEEDED.get(choice["type"], ()):
            if choice[field] is None:
                raise ValidationError("Missing data for required field.", field)
