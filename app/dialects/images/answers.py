"""Answers of OpenAI's Images."""

from marshmallow import fields

from app.schemas.answers import AnswerSchema, CostSchema, count, listed, sometimes


class PictureSchema(AnswerSchema):
    """``url`` or ``b64_json``, as requested. ``revised_prompt``: the bot's text."""

    url = sometimes(fields.String())
    b64_json = sometimes(fields.String())
    revised_prompt = sometimes(fields.String())


class TokenDetailsSchema(AnswerSchema):
    text_tokens = count()
    image_tokens = count()


class UsageSchema(AnswerSchema):
    """Tokens of the texts, counted with o200k_base."""

    input_tokens = count()
    input_tokens_details = fields.Nested(TokenDetailsSchema)
    output_tokens = count()
    output_tokens_details = fields.Nested(TokenDetailsSchema)
    total_tokens = count()
    cost_details = sometimes(fields.Nested(CostSchema))


class ImagesSchema(AnswerSchema):
    created = count()
    data = listed(PictureSchema)
    usage = fields.Nested(UsageSchema)
