"""Tools as OpenAI's Responses writes them: flat, and some of them grouped in a namespace."""

from collections.abc import Callable
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from app.schemas.fields import Flag, Object, load_each, optional
from app.schemas.json_form import (
    Describe,
    JsonSchema,
    any_of,
    given,
    list_of,
    of_other_type,
    of_types,
    where,
)
from app.schemas.loading import BaseSchema

_NAME = validate.Regexp(r"[A-Za-z0-9_.:-]{1,128}\Z", error="Not a valid name of a tool.")


def load_objects(
    values: list[Any], load: Callable[[dict[str, Any]], dict[str, Any]], noun: str
) -> list[dict[str, Any]]:
    """The objects of a list, each loaded. Raises ValidationError with the faults by their index."""

    def load_object(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValidationError(f"Must be an object: the {noun}.")
        return load(value)

    return load_each(values, load_object)


class FunctionSchema(BaseSchema):
    name = fields.String(required=True, validate=_NAME)
    description = optional(fields.String)
    parameters = optional(Object)
    strict = optional(Flag)


class CustomSchema(BaseSchema):
    name = fields.String(required=True, validate=_NAME)
    description = optional(fields.String)
    format = optional(Object)


class Tools(fields.Field[Any]):
    """Tools of any type. Of those that the server would run only the type is left.

    Codex and cline offer web_search and image_generation although nobody asked for them.
    """

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if not isinstance(value, list):
            raise ValidationError("Must be a list of tools.")
        return load_objects(value, _load_tool, "tool")

    def json_schema(self, describe: Describe) -> JsonSchema:
        return list_of(any_of(*of_types(TOOLS, describe), of_other_type(TOOLS)))


class NamespaceSchema(BaseSchema):
    name = fields.String(required=True, validate=_NAME)
    description = fields.String(load_default="", allow_none=True)
    tools = Tools(required=True)


TOOLS: dict[str, Schema] = {
    "function": FunctionSchema(),
    "custom": CustomSchema(),
    "namespace": NamespaceSchema(),
}


def _load_tool(tool: dict[str, Any]) -> dict[str, Any]:
    kind = tool.get("type")
    if not isinstance(kind, str):
        raise ValidationError({"type": ["Missing data for required field."]})
    if kind not in TOOLS:
        return {"type": kind}
    loaded: dict[str, Any] = TOOLS[kind].load(tool)
    return {"type": kind, **loaded}


class NamedToolSchema(BaseSchema):
    """A reference to a tool; a tool of the server's has no name."""

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
