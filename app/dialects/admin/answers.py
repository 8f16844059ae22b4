"""What the operator gets."""

from typing import ClassVar

from marshmallow import fields

from app.access.resting import KEY_STATES
from app.access.rules import LIMITS, is_whole
from app.schemas.answers import AnswerSchema, count, listed, sometimes, word
from app.schemas.fields import Flag, Number, Object, Whole


def maybe_text() -> fields.String:
    return fields.String(allow_none=True)


def maybe_whole() -> Whole:
    return Whole(allow_none=True)


def maybe_number() -> Number:
    return Number(allow_none=True)


class TokenSchema(AnswerSchema):
    """Rules that are not set are null. ``secret`` is shown once, when it is made."""

    class Meta:
        include: ClassVar = {
            name: maybe_whole() if is_whole(name) else maybe_number() for name in LIMITS
        }

    object = word("token")
    name = fields.String()
    source = word("environment", "file", "stored")
    editable = Flag()
    status = word("active", "blocked", "expired")
    note = fields.String()
    blocked = Flag()
    expires = maybe_text()
    models = fields.List(fields.String(), allow_none=True)
    created_at = maybe_whole()
    last_used_at = maybe_whole()
    points_today = Number()
    points_this_month = Number()
    secret = sometimes(fields.String())


class TokensSchema(AnswerSchema):
    object = word("list")
    data = listed(TokenSchema)
    stored_tokens = Flag()


class DeletedTokenSchema(AnswerSchema):
    object = word("token")
    name = fields.String()
    deleted = Flag()


class KeyBotSchema(AnswerSchema):
    bot = fields.String()
    reason = fields.String()
    until = Whole()


class BalanceSchema(AnswerSchema):
    """``at``: when Poe was asked."""

    current_point_balance = maybe_number()
    plan_points_balance = maybe_number()
    addon_point_balance = maybe_number()
    total_balance_usd = fields.Raw(allow_none=True)
    next_grant_at = maybe_whole()
    at = Whole()


class RateLimitSchema(AnswerSchema):
    limit = Whole()
    remaining = Whole()
    reset_seconds = Whole()
    at = Whole()


class KeySchema(AnswerSchema):
    """``state`` of the whole key; it may rest for single ``bots`` all the same."""

    object = word("key")
    number = count()
    state = word(*KEY_STATES)
    reason = maybe_text()
    until = maybe_whole()
    bots = listed(KeyBotSchema)
    requests_last_hour = count()
    errors_last_hour = count()
    points_last_hour = Number()
    rate_limit = fields.Nested(RateLimitSchema, allow_none=True)
    balance = fields.Nested(BalanceSchema, allow_none=True)


class KeysSchema(AnswerSchema):
    object = word("list")
    data = listed(KeySchema)


class KeyErrorSchema(AnswerSchema):
    status = Whole()
    type = fields.String()
    message = fields.String()


class KeyTestSchema(AnswerSchema):
    object = word("key_test")
    number = count()
    ok = Flag()
    milliseconds = count()
    balance = fields.Nested(BalanceSchema, allow_none=True)
    error = fields.Nested(KeyErrorSchema, allow_none=True)


class RequestSchema(AnswerSchema):
    """Never a body. ``seq`` grows with each request that ends."""

    seq = count()
    time = Number()
    request_id = fields.String()
    token = maybe_text()
    address = maybe_text()
    method = fields.String()
    path = fields.String()
    dialect = maybe_text()
    model = maybe_text()
    stream = Flag()
    status = Whole()
    error = maybe_text()
    key = maybe_whole()
    attempts = maybe_whole()
    first_token_ms = maybe_whole()
    total_ms = maybe_whole()
    prompt_tokens = maybe_whole()
    completion_tokens = maybe_whole()
    points = maybe_number()
    points_estimated = Flag()
    bytes_in = maybe_whole()
    bytes_out = maybe_whole()


class RequestsSchema(AnswerSchema):
    object = word("list")
    has_more = Flag()
    latest = count()
    data = listed(RequestSchema)


class WarningSchema(AnswerSchema):
    code = fields.String()
    message = fields.String()


class HealthSchema(AnswerSchema):
    object = word("health")
    version = fields.String()
    mode = word("token", "pass-through")
    started_at = Whole()
    uptime_seconds = count()
    workers = count()
    requests_in_progress = count()
    state = Object()
    ledger = Object()
    poe = word("reachable", "unreachable")
    keys = Object()
    tokens = Object()
    warnings = listed(WarningSchema)
