"""Answers about the gateway itself."""

from marshmallow import fields

from app.schemas.answers import AnswerSchema, word


class AliveSchema(AnswerSchema):
    status = word("ok")


class ReadySchema(AnswerSchema):
    status = word("ready")
    vocabulary = word("loaded")
    poe = word("reachable", "unreachable")
    store = word("usable", "unusable")


class VersionSchema(AnswerSchema):
    name = word("poegate")
    version = fields.String()
