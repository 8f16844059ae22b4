"""What a client may know of its own token."""

from typing import ClassVar

from marshmallow import fields

from app.access.rules import LIMITS, LimitKind
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


_SCHEMAS: dict[LimitKind, type[AnswerSchema]] = {
    "window": WindowSchema,
    "parallel": ParallelSchema,
    "budget": BudgetSchema,
}


class KeyLimitsSchema(AnswerSchema):
    """Null where there is no such limit."""

    class Meta:
        include: ClassVar = {
            name: fields.Nested(_SCHEMAS[kind], allow_none=True) for name, kind in LIMITS.items()
        }


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
