"""Content parts of OpenAI's chat messages, each checked by the schema of its type."""

from typing import Any

from marshmallow import Schema, fields, validate

from app.schemas.json_form import LINK
from app.schemas.loading import BaseSchema
from app.schemas.openai_parts import (
    AudioPartSchema,
    FileSchema,
    RefusalPartSchema,
    TextPartSchema,
)
from app.schemas.typed import TextOrObjects, TypedObject


class LinkSchema(BaseSchema):
    url = fields.String(required=True, validate=validate.Length(min=1), metadata=LINK)


class ImageLinkSchema(LinkSchema):
    detail = fields.String(load_default=None, allow_none=True)


class ImagePartSchema(BaseSchema):
    image_url = fields.Nested(ImageLinkSchema, required=True)


class VideoPartSchema(BaseSchema):
    video_url = fields.Nested(LinkSchema, required=True)


class FilePartSchema(BaseSchema):
    file = fields.Nested(FileSchema, required=True)


PARTS: dict[str, Schema] = {
    "text": TextPartSchema(),
    "refusal": RefusalPartSchema(),
    "image_url": ImagePartSchema(),
    "video_url": VideoPartSchema(),
    "input_audio": AudioPartSchema(),
    "file": FilePartSchema(),
}

CONTENT_PART = TypedObject(PARTS, "content part")


class Content(TextOrObjects):
    """A text, loaded as it is, or a list of content parts, loaded as ``(type, part)`` pairs."""

    def __init__(self, **options: Any) -> None:
        super().__init__(CONTENT_PART, **options)
