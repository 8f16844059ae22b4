"""The index of the routes as an answer."""

from marshmallow import fields

from app.schemas.answers import AnswerSchema, listed, word


class RouteSchema(AnswerSchema):
    path = fields.String()
    methods = listed(fields.String())
    summary = fields.String()


class IndexSchema(AnswerSchema):
    name = word("poegate")
    version = fields.String()
    openapi = fields.String()
    routes = listed(fields.Nested(RouteSchema))
