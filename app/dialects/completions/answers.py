"""Answers of OpenAI's legacy Completions."""

from marshmallow import fields

from app.dialects.chat.answers import UsageSchema
from app.schemas.answers import AnswerSchema, count, listed, null, word


class TextChoiceSchema(AnswerSchema):
    text = fields.String()
    index = count()
    logprobs = null()
    finish_reason = word("stop", "length", "tool_calls")


class CompletionSchema(AnswerSchema):
    id = fields.String()
    object = word("text_completion")
    created = count()
    model = fields.String()
    choices = listed(TextChoiceSchema)
    usage = fields.Nested(UsageSchema)
