"""What the operator sends."""

from typing import ClassVar

from marshmallow import RAISE, fields, validate

from app.access.rules import LIMITS, MAX_AMOUNT, NO_SUCH_RULE, is_whole
from app.schemas.fields import Flag, Whole
from app.schemas.loading import BaseSchema
from app.schemas.paging import QuerySchema

MAX_NAME_CHARS = 64
_AMOUNT = validate.Range(0, MAX_AMOUNT)


class RulesSchema(BaseSchema):
    """All may be left out; null takes a rule away. The values are checked as those of the file.

    Unknown names are refused: a mistyped limit would be none.
    """

    error_messages: dict[str, str] = {"unknown": NO_SUCH_RULE}

    class Meta:
        unknown = RAISE
        include: ClassVar = {
            name: (Whole if is_whole(name) else fields.Float)(allow_none=True, validate=_AMOUNT)
            for name in LIMITS
        }

    models = fields.List(fields.String(), allow_none=True)
    expires = fields.String(allow_none=True, metadata={"format": "date"})
    blocked = Flag()
    note = fields.String(allow_none=True)


class NewTokenSchema(RulesSchema):
    name = fields.String(required=True, validate=validate.Length(1, MAX_NAME_CHARS))


class RequestsQuerySchema(QuerySchema):
    """``after`` and ``before`` are values of ``seq``. ``model`` and ``token``: parts of names."""

    limit = fields.Integer(load_default=100, validate=validate.Range(1, 1000))
    after = fields.Integer(load_default=None)
    before = fields.Integer(load_default=None)
    status = fields.String(load_default=None, validate=validate.Regexp(r"[1-5](?:\d\d|xx)\Z"))
    model = fields.String(load_default=None)
    token = fields.String(load_default=None)
    key = fields.Integer(load_default=None)
    errors = fields.Boolean(load_default=False)
