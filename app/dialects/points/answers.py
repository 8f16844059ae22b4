"""Answers about points: Poe's own objects."""

from marshmallow import INCLUDE, fields

from app.schemas.answers import AnswerSchema, count, listed, sometimes
from app.schemas.fields import Number, Whole


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
    requests = sometimes(Whole())
    points_estimated = sometimes(fields.Boolean())


class HistorySchema(PoeSchema):
    has_more = fields.Boolean()
    length = count()
    data = listed(EntrySchema)
