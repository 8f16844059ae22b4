"""OpenAI's Videos requests."""

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import INCLUDE, ValidationError, fields, validate

from app.core.conversation import Media
from app.schemas.fields import MODEL_NAME, Object, optional
from app.schemas.json_form import (
    BINARY,
    FILLED,
    LINK,
    OBJECT,
    TEXT,
    Describe,
    JsonSchema,
    any_of,
    given,
)
from app.schemas.loading import BaseSchema
from app.schemas.paging import QuerySchema

MAX_PROMPT_CHARS = 32_000
"""OpenAI's limit. The prompt is kept and returned with the video."""

MAX_SECONDS = 3_600

_SECONDS = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,3})?", re.ASCII)


class Seconds(fields.Field[int | float]):
    """A length in seconds: a number, or a text, which OpenAI's clients send."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> int | float:
        if isinstance(value, str) and _SECONDS.fullmatch(value):
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValidationError('Must be a number of seconds, such as 4 or "4".')
        if not 0 < value <= MAX_SECONDS:
            raise ValidationError(f"Must be above 0 and at most {MAX_SECONDS} seconds.")
        return int(value) if value == int(value) else value

    def json_schema(self, describe: Describe) -> JsonSchema:
        text = {**TEXT, "pattern": f"^{_SECONDS.pattern}$"}
        return any_of({"type": "number", "exclusiveMinimum": 0, "maximum": MAX_SECONDS}, text)


class Reference(fields.Field[Media | str | dict[str, str]]):
    """The input of a video: a file of a form, a link, or an object with a link or a file id.

    Loaded as a file, a link or ``{"file_id": id}``.
    """

    def _deserialize(
        self, value: Any, attr: str | None, data: Any, **options: Any
    ) -> Media | str | dict[str, str]:
        if isinstance(value, Media) or (isinstance(value, str) and value):
            return value
        named = value if isinstance(value, Mapping) else {}
        match named.get("image_url"), named.get("file_id"):
            case str(url), None if url:
                return url
            case None, str(file_id) if file_id:
                return {"file_id": file_id}
        raise ValidationError(
            "Must be a file of a form, a URL, or an object with either image_url or file_id."
        )

    form_schema = BINARY

    def json_schema(self, describe: Describe) -> JsonSchema:
        link = {**LINK, **FILLED}
        names = {"image_url": link, "file_id": FILLED}
        either = [given(name, form) for name, form in names.items()]
        return any_of(link, {**OBJECT, "oneOf": either})


class CreateVideoSchema(BaseSchema):
    """Unknown fields are kept as the bot's parameters."""

    class Meta:
        unknown = INCLUDE

    prompt = fields.String(required=True, validate=validate.Length(1, MAX_PROMPT_CHARS))
    model = optional(fields.String, validate=MODEL_NAME)
    seconds = optional(Seconds)
    size = optional(fields.String, validate=validate.Length(1, 32))
    input_reference = optional(Reference)
    extra_body = optional(Object)


class RemixSchema(BaseSchema):
    """https://platform.openai.com/docs/api-reference/videos/remix"""

    prompt = fields.String(required=True, validate=validate.Length(1, MAX_PROMPT_CHARS))


class SourceSchema(BaseSchema):
    id = fields.String(required=True, validate=validate.Length(1, 200))


class ExtensionSchema(RemixSchema):
    """A video that begins where another one ends, ``seconds`` long."""

    video = fields.Nested(SourceSchema, required=True)
    seconds = optional(Seconds)


class ContentQuerySchema(QuerySchema):
    variant = fields.String(
        load_default="video",
        validate=validate.Equal("video", error="Must be video: bots of Poe give nothing else."),
    )
