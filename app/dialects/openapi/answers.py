"""The OpenAPI document as an answer."""

from marshmallow import fields

from app.schemas.answers import AnswerSchema, listed
from app.schemas.fields import Object


class DocumentSchema(AnswerSchema):
    """This document."""

    openapi = fields.String()
    info = Object()
    servers = listed(Object())
    tags = listed(Object())
    paths = Object()
    components = Object()
