"""Content parts of OpenAI's chat messages, each checked by the schema of its type."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from app.schemas.fields import load_each
from app.schemas.json_form import (
    FILLED,
    LINK,
    TEXT,
    Describe,
    JsonSchema,
    any_of,
    given,
    list_of,
    of_types,
)
from app.schemas.loading import BaseSchema
from app.schemas.openai_parts import AudioPartSchema, RefusalPartSchema, TextPartSchema


class LinkSchema(BaseSchema):
    url = fields.String(required=True, validate=validate.Length(min=1), metadata=LINK)


class ImagePartSchema(BaseSchema):
    image_url = fields.Nested(LinkSchema, required=True)


class VideoPartSchema(BaseSchema):
    video_url = fields.Nested(LinkSchema, required=True)


class FileSchema(BaseSchema):
    also = any_of(*(given(name, FILLED) for name in ("file_id", "file_data", "file_url")))

    file_id = fields.String(load_default=None, allow_none=True)
    file_data = fields.String(load_default=None, allow_none=True)
    file_url = fields.String(load_default=None, allow_none=True, metadata=LINK)
    filename = fields.String(load_default=None, allow_none=True)


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


class Content(fields.Field[Any]):
    """A text, loaded as it is, or a list of content parts, loaded as ``(type, part)`` pairs."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if isinstance(value, str):
            return value
        if not isinstance(value, list):
            raise ValidationError("Must be a text or a list of content parts.")
        return load_each(value, _load_part)

    def json_schema(self, describe: Describe) -> JsonSchema:
        return any_of(TEXT, list_of(any_of(*of_types(PARTS, describe))))


def _load_part(part: Any) -> tuple[str, dict[str, Any]]:
    if not isinstance(part, dict):
        raise ValidationError("Must be a content part: an object with a type.")
    kind = part.get("type")
    if not isinstance(kind, str) or kind not in PARTS:
        raise ValidationError({"type": [f"Unknown type of content part: {kind!r}."]})
    loaded: dict[str, Any] = PARTS[kind].load(part)
    return kind, loaded
