"""Content parts that OpenAI's Chat Completions and Responses write alike."""

from marshmallow import fields, validate

from app.schemas.json_form import BASE64
from app.schemas.loading import BaseSchema


class TextPartSchema(BaseSchema):
    text = fields.String(required=True)


class RefusalPartSchema(BaseSchema):
    refusal = fields.String(required=True)


class AudioSchema(BaseSchema):
    data = fields.String(required=True, validate=validate.Length(min=1), metadata=BASE64)
    format = fields.String(required=True, validate=validate.Length(min=1))


class AudioPartSchema(BaseSchema):
    input_audio = fields.Nested(AudioSchema, required=True)
