"""What a client may know of its own token."""

from marshmallow import fields

from app.http.usage_reports import TotalsSchema
from app.schemas.answers import AnswerSchema, count, word
from app.schemas.fields import Number, Whole


class WindowSchema(AnswerSchema):
    limit = count()
    remaining = count()
    reset_seconds = count()


class ParallelSchema(AnswerSchema):
    limit = count()
    in_use = count()


class BudgetSchema(AnswerSchema):
    limit = Number()
    used = Number()
    remaining = Number()
    resets_at = Whole()


class KeyLimitsSchema(AnswerSchema):
    """Null where there is no such limit."""

    requests_per_minute = fields.Nested(WindowSchema, allow_none=True)
    tokens_per_minute = fields.Nested(WindowSchema, allow_none=True)
    max_parallel = fields.Nested(ParallelSchema, allow_none=True)
    points_per_day = fields.Nested(BudgetSchema, allow_none=True)
    points_per_month = fields.Nested(BudgetSchema, allow_none=True)


class KeyUsageSchema(AnswerSchema):
    """Of this day, this ISO week and this month, in UTC."""

    day = fields.Nested(TotalsSchema)
    week = fields.Nested(TotalsSchema)
    month = fields.Nested(TotalsSchema)


class OwnKeySchema(AnswerSchema):
    object = word("key")
    name = fields.String()
    mode = word("token", "pass-through")
    status = word("active")
    expires = fields.String(allow_none=True)
    models = fields.List(fields.String(), allow_none=True)
    note = fields.String()
    limits = fields.Nested(KeyLimitsSchema)
    usage = fields.Nested(KeyUsageSchema)
