"""Answers of Anthropic's Messages."""

from marshmallow import fields

from app.schemas.answers import (
    AnswerSchema,
    AnyOf,
    CostSchema,
    count,
    listed,
    null,
    sometimes,
    word,
)
from app.schemas.fields import Object


class TextSchema(AnswerSchema):
    type = word("text")
    text = fields.String()
    citations = null()


class ThinkingSchema(AnswerSchema):
    """The bot's reasoning. The signature is made here and never checked."""

    type = word("thinking")
    thinking = fields.String()
    signature = fields.String()


class CallerSchema(AnswerSchema):
    type = word("direct")


class ToolUseSchema(AnswerSchema):
    type = word("tool_use")
    id = fields.String()
    name = fields.String()
    caller = fields.Nested(CallerSchema)
    input = Object()


class OutputDetailsSchema(AnswerSchema):
    thinking_tokens = count()


class CacheCreationSchema(AnswerSchema):
    ephemeral_5m_input_tokens = count()
    ephemeral_1h_input_tokens = count()


class UsageSchema(AnswerSchema):
    """Tokens, counted with o200k_base."""

    input_tokens = count()
    cache_creation_input_tokens = count()
    cache_read_input_tokens = count()
    cache_creation = fields.Nested(CacheCreationSchema)
    output_tokens = count()
    output_tokens_details = fields.Nested(OutputDetailsSchema)
    server_tool_use = null()
    service_tier = word("standard")
    inference_geo = null()
    speed = null()
    cost_details = sometimes(fields.Nested(CostSchema))


class MessageSchema(AnswerSchema):
    id = fields.String()
    type = word("message")
    role = word("assistant")
    model = fields.String()
    content = listed(AnyOf(TextSchema, ThinkingSchema, ToolUseSchema))
    stop_reason = word("end_turn", "max_tokens", "tool_use", "stop_sequence")
    stop_sequence = fields.String(allow_none=True)
    stop_details = null()
    container = null()
    diagnostics = null()
    usage = fields.Nested(UsageSchema)


class TokensSchema(AnswerSchema):
    input_tokens = count()
