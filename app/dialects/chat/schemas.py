"""Schemas of OpenAI's Chat Completions request, with every field, used or ignored."""

from typing import Any

from marshmallow import INCLUDE, ValidationError, fields, validate, validates_schema

from app.dialects.chat.content_schemas import Content
from app.dialects.chat.tool_schemas import (
    FunctionSchema,
    NamedSchema,
    ResponseFormatSchema,
    ToolChoiceSchema,
    ToolSchema,
)
from app.schemas.fields import (
    INT64,
    MAX_STOP_CHARS,
    MODEL_NAME,
    Each,
    Flag,
    Number,
    Object,
    Remembered,
    TextOrTexts,
    TokenLimit,
    Whole,
    model_names,
    optional,
)
from app.schemas.json_form import any_of, given, where
from app.schemas.loading import BaseSchema
from app.schemas.typed import WordOrNested

ROLES = ("system", "developer", "user", "assistant", "tool", "function")


class CalledFunctionSchema(BaseSchema):
    name = fields.String(required=True)
    arguments = fields.String(load_default="")


class CalledCustomSchema(BaseSchema):
    name = fields.String(required=True)
    input = fields.String(load_default="")


class ToolCallSchema(BaseSchema):
    also = any_of(given("function"), given("custom"))

    id = fields.String(required=True)
    function = fields.Nested(CalledFunctionSchema, load_default=None)
    custom = fields.Nested(CalledCustomSchema, load_default=None)

    @validates_schema
    def check_called(self, call: dict[str, Any], **options: Any) -> None:
        if call["function"] is None and call["custom"] is None:
            raise ValidationError("Missing data for required field.", "function")


class MessageSchema(BaseSchema):
    also = any_of(
        {"allOf": [given("content"), where("role", "system", "developer", "user")]},
        {"allOf": [given("content"), where("role", "tool"), given("tool_call_id")]},
        where("role", "assistant", "function"),
    )

    role = fields.String(required=True, validate=validate.OneOf(ROLES))
    content = Content(load_default=None, allow_none=True)
    name = fields.String(load_default=None, allow_none=True)
    tool_calls = fields.List(fields.Nested(ToolCallSchema), load_default=None, allow_none=True)
    function_call = fields.Nested(CalledFunctionSchema, load_default=None, allow_none=True)
    tool_call_id = fields.String(load_default=None, allow_none=True)

    @validates_schema
    def check_content(self, message: dict[str, Any], **options: Any) -> None:
        """Only an assistant may have no content, because it may have called tools."""
        if message["content"] is None and message["role"] not in ("assistant", "function"):
            raise ValidationError("Missing data for required field.", "content")

    @validates_schema
    def check_call(self, message: dict[str, Any], **options: Any) -> None:
        """A tool's answer belongs to a call."""
        if message["role"] == "tool" and message["tool_call_id"] is None:
            raise ValidationError("Missing data for required field.", "tool_call_id")


class StreamOptionsSchema(BaseSchema):
    include_usage = Flag(load_default=False)


class ChatSchema(BaseSchema):
    """Unknown fields are kept as the bot's parameters."""

    class Meta:
        unknown = INCLUDE

    model = fields.String(required=True, validate=MODEL_NAME)
    messages = Each(fields.Nested(MessageSchema), required=True, validate=validate.Length(min=1))
    stream = optional(Flag)
    stream_options = fields.Nested(StreamOptionsSchema, load_default=None, allow_none=True)
    temperature = optional(Number, validate=validate.Range(0, 2))
    top_p = optional(Number, validate=validate.Range(0, 1))
    n = optional(Whole, validate=validate.Range(1, 8))
    stop = optional(TextOrTexts, most=4, longest=MAX_STOP_CHARS)
    max_tokens = optional(TokenLimit)
    max_completion_tokens = optional(TokenLimit)
    logit_bias = optional(
        fields.Dict, keys=fields.String(), values=Number(validate=validate.Range(-100, 100))
    )
    reasoning_effort = optional(fields.String)
    thinking = optional(fields.Raw)
    extra_body = optional(Object)
    response_format = fields.Nested(ResponseFormatSchema, load_default=None, allow_none=True)
    tools = Remembered(fields.List(fields.Nested(ToolSchema)))
    tool_choice = WordOrNested(("auto", "none", "required"), ToolChoiceSchema)
    parallel_tool_calls = optional(Flag)
    functions = fields.List(fields.Nested(FunctionSchema), load_default=None, allow_none=True)
    function_call = WordOrNested(("auto", "none"), NamedSchema)

    # Known, and without a counterpart at Poe.
    audio = optional(Object)
    frequency_penalty = optional(Number, validate=validate.Range(-2, 2))
    logprobs = optional(Flag)
    metadata = optional(Object)
    modalities = optional(fields.List, cls_or_instance=fields.String())
    moderation = optional(Object)
    prediction = optional(Object)
    presence_penalty = optional(Number, validate=validate.Range(-2, 2))
    prompt_cache_key = optional(fields.String)
    prompt_cache_options = optional(Object)
    prompt_cache_retention = optional(fields.String)
    safety_identifier = optional(fields.String)
    seed = optional(Whole, validate=INT64)
    service_tier = optional(fields.String)
    store = optional(Flag)
    top_logprobs = optional(Whole, validate=validate.Range(0, 20))
    user = optional(fields.String)
    verbosity = optional(fields.String)
    web_search_options = optional(Object)
    models = model_names()
