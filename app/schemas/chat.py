"""OpenAI's Chat Completions request: every field of it is known here, used or ignored."""

from typing import Any

from marshmallow import INCLUDE, ValidationError, fields, validate, validates_schema

from app.schemas.fields import Flag, Number, Object, TextOrTexts, Whole
from app.schemas.loading import BaseSchema

ROLES = ("system", "developer", "user", "assistant", "tool", "function")


class Content(fields.Field[Any]):
    """A text, a list of content parts, or null: as it came, once its shape is right."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if isinstance(value, str):
            return value
        if not isinstance(value, list):
            raise ValidationError("Must be a text or a list of content parts.")
        faults = {index: fault for index, part in enumerate(value) if (fault := _part_fault(part))}
        if faults:
            raise ValidationError(faults)
        return value


def _part_fault(part: Any) -> dict[str, list[str]] | list[str] | None:
    """What is wrong with a content part, in marshmallow's form."""
    if not isinstance(part, dict):
        return ["Must be a content part: an object with a type."]
    kind = part.get("type")
    if kind not in ("text", "refusal"):
        return {"type": [f"Unknown type of content part: {kind!r}."]}
    if not isinstance(part.get(kind), str):
        return {kind: ["Not a valid string."]}
    return None


class CalledFunctionSchema(BaseSchema):
    name = fields.String(required=True)
    arguments = fields.String(load_default="")


class ToolCallSchema(BaseSchema):
    id = fields.String(required=True)
    type = fields.String(load_default="function")
    function = fields.Nested(CalledFunctionSchema, required=True)


class MessageSchema(BaseSchema):
    role = fields.String(required=True, validate=validate.OneOf(ROLES))
    content = Content(load_default=None, allow_none=True)
    name = fields.String(load_default=None, allow_none=True)
    tool_calls = fields.List(fields.Nested(ToolCallSchema), load_default=None, allow_none=True)
    function_call = fields.Nested(CalledFunctionSchema, load_default=None, allow_none=True)
    tool_call_id = fields.String(load_default=None, allow_none=True)

    @validates_schema
    def check_content(self, message: dict[str, Any], **options: Any) -> None:
        """Only an assistant may say nothing, for it may have called tools instead."""
        if message["content"] is None and message["role"] not in ("assistant", "function"):
            raise ValidationError("Missing data for required field.", "content")


class StreamOptionsSchema(BaseSchema):
    include_usage = Flag(load_default=False)


def _optional(field: type[fields.Field[Any]], **options: Any) -> Any:
    """A field that SDKs also send as null for "not given"."""
    return field(load_default=None, allow_none=True, **options)


class ChatSchema(BaseSchema):
    """Fields that OpenAI does not know are kept: they are the bot's parameters."""

    class Meta:
        unknown = INCLUDE

    model = fields.String(required=True, validate=validate.Length(min=1))
    messages = fields.List(
        fields.Nested(MessageSchema), required=True, validate=validate.Length(min=1)
    )
    stream = _optional(Flag)
    stream_options = fields.Nested(StreamOptionsSchema, load_default=None, allow_none=True)
    temperature = _optional(Number, validate=validate.Range(0, 2))
    top_p = _optional(Number, validate=validate.Range(0, 1))
    n = _optional(Whole, validate=validate.Range(1, 1))
    stop = _optional(TextOrTexts, most=4)
    max_tokens = _optional(Whole, validate=validate.Range(1))
    max_completion_tokens = _optional(Whole, validate=validate.Range(1))
    logit_bias = _optional(
        fields.Dict, keys=fields.String(), values=Number(validate=validate.Range(-100, 100))
    )
    reasoning_effort = _optional(fields.String)
    extra_body = _optional(Object)

    # Known, and without a counterpart at Poe.
    audio = _optional(Object)
    frequency_penalty = _optional(Number, validate=validate.Range(-2, 2))
    logprobs = _optional(Flag)
    metadata = _optional(Object)
    modalities = _optional(fields.List, cls_or_instance=fields.String())
    moderation = _optional(Object)
    prediction = _optional(Object)
    presence_penalty = _optional(Number, validate=validate.Range(-2, 2))
    prompt_cache_key = _optional(fields.String)
    prompt_cache_options = _optional(Object)
    prompt_cache_retention = _optional(fields.String)
    safety_identifier = _optional(fields.String)
    seed = _optional(Whole)
    service_tier = _optional(fields.String)
    store = _optional(Flag)
    top_logprobs = _optional(Whole, validate=validate.Range(0, 20))
    user = _optional(fields.String)
    verbosity = _optional(fields.String)
    web_search_options = _optional(Object)
