"""The schema of OpenAI's legacy Completions request."""

from marshmallow import INCLUDE, fields, validate

from app.dialects.chat.schemas import StreamOptionsSchema
from app.schemas.fields import (
    INT64,
    MAX_STOP_CHARS,
    MODEL_NAME,
    Flag,
    Number,
    Object,
    TextOrTexts,
    TokenLimit,
    Whole,
    optional,
)
from app.schemas.loading import BaseSchema

MAX_CHOICES = 8


class CompletionSchema(BaseSchema):
    """Unknown fields are kept as the bot's parameters."""

    class Meta:
        unknown = INCLUDE

    model = fields.String(required=True, validate=MODEL_NAME)
    prompt = TextOrTexts(most=MAX_CHOICES, required=True, validate=validate.Length(min=1))
    suffix = optional(fields.String)
    echo = optional(Flag)
    stream = optional(Flag)
    stream_options = fields.Nested(StreamOptionsSchema, load_default=None, allow_none=True)
    temperature = optional(Number, validate=validate.Range(0, 2))
    top_p = optional(Number, validate=validate.Range(0, 1))
    n = optional(Whole, validate=validate.Range(1, MAX_CHOICES))
    stop = optional(TextOrTexts, most=4, longest=MAX_STOP_CHARS)
    max_tokens = optional(TokenLimit)
    logit_bias = optional(
        fields.Dict, keys=fields.String(), values=Number(validate=validate.Range(-100, 100))
    )
    extra_body = optional(Object)

    # Known, and without a counterpart at Poe.
    best_of = optional(Whole, validate=validate.Range(1, 20))
    frequency_penalty = optional(Number, validate=validate.Range(-2, 2))
    logprobs = optional(Whole, validate=validate.Range(0, 5))
    presence_penalty = optional(Number, validate=validate.Range(-2, 2))
    seed = optional(Whole, validate=INT64)
    user = optional(fields.String)
