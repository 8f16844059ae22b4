"""Answers of the Models API."""

from marshmallow import INCLUDE, fields

from app.schemas.answers import AnswerSchema, PageSchema, count, listed, null, sometimes, word
from app.schemas.fields import Number, Whole


class ModalitiesSchema(AnswerSchema):
    input = sometimes(fields.List(fields.String()))
    output = sometimes(fields.List(fields.String()))


class ModelSchema(AnswerSchema):
    """One object for the clients of both vendors. Poe's other fields are kept as they are."""

    class Meta:
        unknown = INCLUDE

    id = fields.String()
    object = word("model")
    created = count()
    owned_by = fields.String()
    type = word("model")
    display_name = fields.String()
    created_at = fields.DateTime()
    lifecycle = word("active")
    context_window = sometimes(Whole())
    context_length = sometimes(Whole())
    max_input_tokens = sometimes(Whole(allow_none=True))
    max_output_tokens = sometimes(Whole())
    max_tokens = sometimes(Whole(allow_none=True))
    modalities = sometimes(fields.Nested(ModalitiesSchema))
    input_cost_per_token = sometimes(Number())
    output_cost_per_token = sometimes(Number())
    capabilities = sometimes(null())
    line = sometimes(null())
    deprecated_at = sometimes(null())
    retires_at = sometimes(null())
    alias_of = sometimes(fields.String())


class ModelsSchema(PageSchema):
    object = word("list")
    data = listed(ModelSchema)
    models = sometimes(fields.List(fields.Dict()))  # Codex's catalog, where it asks for one
