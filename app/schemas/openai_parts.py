"""Content parts that OpenAI's Chat Completions and Responses have in common."""

from marshmallow import fields, validate

from app.schemas.fields import optional
from app.schemas.json_form import BASE64, FILLED, LINK, any_of, given
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


class FileSchema(BaseSchema):
    """Chat Completions has it under ``file``, Responses as the part itself."""

    also = any_of(*(given(name, FILLED) for name in ("file_id", "file_data", "file_url")))

    file_id = optional(fields.String)
    file_data = optional(fields.String)
    file_url = optional(fields.String, metadata=LINK)
    filename = optional(fields.String)
