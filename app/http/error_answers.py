"""Schemas of the error objects of OpenAI and Anthropic."""

from marshmallow import INCLUDE, fields

from app.schemas.answers import AnswerSchema, count, sometimes, word
from app.schemas.fields import Flag, Object


class FactsSchema(AnswerSchema):
    """Facts for programs: whether to retry, and details from Poe."""

    class Meta:
        unknown = INCLUDE

    status = count()
    retryable = Flag()


class OpenAIErrorSchema(AnswerSchema):
    """``param`` names the field at fault: ``messages[2].content``."""

    message = fields.String()
    type = fields.String()
    param = fields.String(allow_none=True)
    code = fields.String(allow_none=True)
    metadata = fields.Nested(FactsSchema)


class OpenAISchema(AnswerSchema):
    error = fields.Nested(OpenAIErrorSchema)


class AnthropicErrorSchema(AnswerSchema):
    type = fields.String()
    message = fields.String()
    details = sometimes(Object())


class AnthropicSchema(AnswerSchema):
    type = word("error")
    error = fields.Nested(AnthropicErrorSchema)
    request_id = fields.String()
