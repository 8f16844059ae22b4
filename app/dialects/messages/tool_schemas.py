"""Tools as Anthropic's Messages writes them."""

from marshmallow import Schema, fields

from app.schemas.fields import TOOL_NAME, Flag, Object
from app.schemas.loading import BaseSchema
from app.schemas.typed import TypedObject


class CustomToolSchema(BaseSchema):
    """A tool of the client. All other types are Anthropic's own and unknown to bots."""

    name = fields.String(required=True, validate=TOOL_NAME)
    description = fields.String(load_default=None, allow_none=True)
    input_schema = Object(required=True)
    defer_loading = Flag(load_default=False, allow_none=True)


TOOLS: dict[str, Schema] = {"custom": CustomToolSchema()}
TOOL = TypedObject(TOOLS, "tool", others=True, default="custom", required=True)
