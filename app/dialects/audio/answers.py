"""Answers of OpenAI's Audio."""

from marshmallow import fields

from app.schemas.answers import AnswerSchema, CostSchema, count, listed, sometimes, word
from app.schemas.fields import Number, Whole


class UsageSchema(AnswerSchema):
    """Tokens of the texts, counted with o200k_base."""

    type = word("tokens")
    input_tokens = count()
    output_tokens = count()
    total_tokens = count()
    cost_details = sometimes(fields.Nested(CostSchema))


class TranscriptionSchema(AnswerSchema):
    text = fields.String()
    usage = fields.Nested(UsageSchema)


class SegmentSchema(AnswerSchema):
    """The whole recording, because bots report no times. Other values that they do not report are
    0."""

    id = count()
    seek = count()
    start = Number()
    end = Number()
    text = fields.String()
    tokens = listed(Whole())
    temperature = Number()
    avg_logprob = Number()
    compression_ratio = Number()
    no_speech_prob = Number()


class DurationSchema(AnswerSchema):
    type = word("duration")
    seconds = Number()


class VerboseTranscriptionSchema(AnswerSchema):
    """``duration`` is in seconds, 0 where it is not known."""

    task = word("transcribe", "translate")
    language = fields.String()
    duration = Number()
    text = fields.String()
    segments = listed(SegmentSchema)
    usage = fields.Nested(DurationSchema)
