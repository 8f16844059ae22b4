"""Query strings of paged lists."""

from typing import Any

from marshmallow import fields, pre_load, validate

from app.schemas.loading import BaseSchema


class QuerySchema(BaseSchema):
    """``?limit=`` counts as not given: forms and some clients write it so."""

    @pre_load
    def drop_empty(self, query: dict[str, str], **options: Any) -> dict[str, str]:
        return {name: value for name, value in query.items() if value != ""}


class OrderedQuerySchema(QuerySchema):
    """OpenAI's."""

    limit = fields.Integer(load_default=20, validate=validate.Range(1, 100))
    order = fields.String(load_default="desc", validate=validate.OneOf(("asc", "desc")))
    after = fields.String(load_default=None)


class ModelsQuerySchema(QuerySchema):
    """Anthropic's: https://docs.claude.com/en/api/models-list."""

    limit = fields.Integer(load_default=20, validate=validate.Range(1, 1000))
    after_id = fields.String(load_default=None)
    before_id = fields.String(load_default=None)


class HistoryQuerySchema(QuerySchema):
    """Poe's: https://creator.poe.com/api-reference/getPointsHistory, its default included."""

    limit = fields.Integer(load_default=20, validate=validate.Range(1, 100))
    starting_after = fields.String(load_default=None)
