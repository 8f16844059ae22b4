"""Answers about the gateway itself."""

from app.schemas.answers import AnswerSchema, word


class AliveSchema(AnswerSchema):
    status = word("ok")


class ReadySchema(AnswerSchema):
    status = word("ready")
    vocabulary = word("loaded")
    poe = word("reachable", "unreachable")
    store = word("usable", "unusable")
