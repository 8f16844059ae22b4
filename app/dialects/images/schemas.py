"""OpenAI's Images requests: generations, edits and variations."""

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import INCLUDE, ValidationError, fields, validate

from app.core.conversation import Media
from app.schemas.fields import MODEL_NAME, Flag, Object, Whole, load_each, optional
from app.schemas.json_form import (
    BINARY,
    FILLED,
    LINK,
    OBJECT,
    Describe,
    JsonSchema,
    any_of,
    given,
    list_of,
)
from app.schemas.loading import BaseSchema

MAX_PICTURES = 10
MAX_SOURCES = 16
"""How many input images one edit may have, as at OpenAI."""


Source = Media | str | dict[str, str]
"""A file of a form, a link, or ``{"file_id": id}``."""


class Sources(fields.Field[list[Any]]):
    """Input images: one or a list, loaded as a list of files and links.

    A link is a text, or an object with ``image_url`` or ``url``. A file is part of a form, or was
    uploaded before and is an object with ``file_id``.
    """

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> list[Source]:
        if not isinstance(value, list):
            return [_source(value)]
        if not 1 <= len(value) <= MAX_SOURCES:
            raise ValidationError(f"Must be 1 to {MAX_SOURCES} images.")
        return load_each(value, _source)

    form_schema = list_of(BINARY, 1, MAX_SOURCES)

    def json_schema(self, describe: Describe) -> JsonSchema:
        link = {**LINK, **FILLED}
        linked = {**OBJECT, **given("url", link)}
        plain = {**linked, "not": {"required": ["image_url"]}}
        nested = {**OBJECT, **given("image_url", any_of(link, linked))}
        source = any_of(link, {**OBJECT, **given("file_id", FILLED)}, plain, nested)
        return any_of(source, list_of(source, 1, MAX_SOURCES))


def _source(value: Any) -> Source:
    if isinstance(value, Mapping):
        file_id = value.get("file_id")
        if isinstance(file_id, str) and file_id:
            return {"file_id": file_id}
        value = value.get("image_url", value.get("url"))
    if isinstance(value, Mapping):
        value = value.get("url")
    if isinstance(value, Media) or (isinstance(value, str) and value):
        return value
    raise ValidationError(
        "Must be an image: a file of a form, a URL, or an object with image_url or file_id."
    )


class _PicturesSchema(BaseSchema):
    """Unknown fields are kept as the bot's parameters."""

    class Meta:
        unknown = INCLUDE

    model = optional(fields.String, validate=MODEL_NAME)
    n = optional(Whole, validate=validate.Range(1, MAX_PICTURES))
    response_format = optional(fields.String, validate=validate.OneOf(("url", "b64_json")))
    stream = optional(Flag)
    partial_images = optional(Whole, validate=validate.Range(0, 3))
    extra_body = optional(Object)

    # Parameters of the bot. Each bot accepts values of its own.
    background = optional(fields.String)
    complexity = optional(fields.String)
    frame_count = optional(Whole)
    frame_duration_ms = optional(Whole)
    input_fidelity = optional(fields.String)
    moderation = optional(fields.String)
    output_compression = optional(Whole, validate=validate.Range(0, 100))
    output_format = optional(fields.String)
    quality = optional(fields.String)
    size = optional(fields.String)
    style = optional(fields.String)
    svg = optional(Object)

    # Known, and without a counterpart at Poe.
    safety_identifier = optional(fields.String)
    user = optional(fields.String)


class GenerationSchema(_PicturesSchema):
    prompt = fields.String(required=True, validate=validate.Length(min=1))


class EditSchema(_PicturesSchema):
    """Forms have ``image`` or ``image[]``, JSON has ``images`` or ``image``."""

    also = any_of(given("image"), given("images"))

    prompt = fields.String(required=True, validate=validate.Length(min=1))
    image = optional(Sources)
    images = optional(Sources)
    mask = optional(Sources)
    markup = optional(Sources)


class EditFormSchema(EditSchema):
    """The form in the OpenAPI document, with one name for the images."""

    class Meta(EditSchema.Meta):
        exclude = ("images",)

    also: ClassVar[JsonSchema] = {}

    image = Sources(required=True)


class VariationSchema(_PicturesSchema):
    """OpenAI's variations have no prompt; here a prompt is passed to the bot."""

    prompt = optional(fields.String)
    image = Sources(required=True)
