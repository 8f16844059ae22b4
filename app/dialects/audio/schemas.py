"""OpenAI's Audio requests: text to speech, and speech to text."""

from collections.abc import Mapping
from typing import Any

from marshmallow import INCLUDE, ValidationError, fields, validate

from app.schemas.fields import MODEL_NAME, FileOfForm, Flag, Number, Object, TextOrTexts, optional
from app.schemas.json_form import OBJECT, TEXT, Describe, JsonSchema, any_of, given
from app.schemas.loading import BaseSchema
from app.schemas.openai_parts import AudioSchema

MAX_TEXTS = 1_000
"""How many keywords, languages, ... a request may have."""


class Voice(fields.Field[str]):
    """A voice's name, or an object with its ``id``; always loaded as a text."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        name = value.get("id") if isinstance(value, Mapping) else value
        if not isinstance(name, str):
            raise ValidationError("Must be the name of a voice, or an object with its id.")
        return name

    def json_schema(self, describe: Describe) -> JsonSchema:
        return any_of(TEXT, {**OBJECT, **given("id", TEXT)})


class _AudioSchema(BaseSchema):
    """Unknown fields are kept as the bot's parameters."""

    class Meta:
        unknown = INCLUDE

    model = fields.String(required=True, validate=MODEL_NAME)
    extra_body = optional(Object)


class SpeechSchema(_AudioSchema):
    """``voice`` is optional here, because bots have a default voice."""

    input = fields.String(required=True, validate=validate.Length(min=1))
    voice = optional(Voice)
    instructions = optional(fields.String)
    speed = optional(Number, validate=validate.Range(0.25, 4))
    response_format = optional(fields.String)
    stream_format = optional(fields.String, validate=validate.OneOf(("audio", "sse")))


class _RecordingSchema(_AudioSchema):
    """Also of translations, which have fewer fields."""

    language = optional(fields.String)
    languages = optional(TextOrTexts, most=MAX_TEXTS)
    keywords = optional(TextOrTexts, most=MAX_TEXTS)
    prompt = optional(fields.String)
    temperature = optional(Number, validate=validate.Range(0, 1))
    stream = optional(Flag)
    response_format = optional(
        fields.String,
        validate=validate.OneOf(
            ("json", "text", "verbose_json"),
            error="Must be json, text or verbose_json: Poe's bots give no timestamps or speakers.",
        ),
    )

    # Known, and without a counterpart at Poe.
    chunking_strategy = fields.Raw(load_default=None, allow_none=True)
    include = optional(TextOrTexts, most=MAX_TEXTS)
    known_speaker_names = optional(TextOrTexts, most=MAX_TEXTS)
    known_speaker_references = optional(TextOrTexts, most=MAX_TEXTS)
    timestamp_granularities = optional(TextOrTexts, most=MAX_TEXTS)


class TranscriptionSchema(_RecordingSchema):
    """In a form, as OpenAI has it."""

    file = FileOfForm(required=True)


class JsonTranscriptionSchema(_RecordingSchema):
    """As JSON, with the recording in base64. OpenRouter has this form, and Open WebUI sends it."""

    input_audio = fields.Nested(AudioSchema, required=True)
