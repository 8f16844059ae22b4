"""Answers that tell of models, of points and of the gateway itself."""

from marshmallow import INCLUDE, fields

from app.dialects.files.answers import PageSchema
from app.schemas.answers import AnswerSchema, count, listed, sometimes, word
from app.schemas.fields import Number, Object, Whole


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
    max_input_tokens = sometimes(Whole())
    max_output_tokens = sometimes(Whole())
    max_tokens = sometimes(Whole())
    modalities = sometimes(fields.Nested(ModalitiesSchema))
    input_cost_per_token = sometimes(Number())
    output_cost_per_token = sometimes(Number())
    alias_of = sometimes(fields.String())


class ModelsSchema(PageSchema):
    object = word("list")
    data = listed(ModelSchema)


class PoeSchema(AnswerSchema):
    """Poe's own object, passed on as it is."""

    class Meta:
        unknown = INCLUDE


class BalanceSchema(PoeSchema):
    """Poe's own object; over a pool of keys the sum."""

    current_point_balance = Number()


class EntrySchema(PoeSchema):
    """``creation_time`` is in microseconds."""

    creation_time = Whole()
    query_id = fields.String()
    bot_name = sometimes(fields.String())
    usage_type = sometimes(fields.String())
    cost_points = sometimes(Number())


class HistorySchema(PoeSchema):
    has_more = fields.Boolean()
    length = count()
    data = listed(EntrySchema)


class AliveSchema(AnswerSchema):
    status = word("ok")


class ReadySchema(AnswerSchema):
    status = word("ready")
    vocabulary = word("loaded")
    poe = word("reachable", "unreachable")
    store = word("usable", "unusable")


class DocumentSchema(AnswerSchema):
    """This document."""

    openapi = fields.String()
    info = Object()
    servers = listed(Object())
    tags = listed(Object())
    paths = Object()
    components = Object()
