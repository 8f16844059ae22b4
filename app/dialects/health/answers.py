"""Answers about the gateway itself."""

from marshmallow import fields

from app.schemas.answers import AnswerSchema, listed, word


class AliveSchema(AnswerSchema):
    status = word("ok")


class ReadySchema(AnswerSchema):
    status = word("ready", "degraded")
    vocabulary = word("loaded")
    poe = word("reachable", "unreachable")
    store = word("usable", "unusable")
    reasons = listed(fields.String())


class VersionSchema(AnswerSchema):
    name = word("poegate")
    version = fields.String()
