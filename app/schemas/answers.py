"""Schemas of answers: fields are always present, except those marked by ``sometimes``."""

from typing import Any

from marshmallow import Schema, fields, validate

from app.schemas.fields import Flag, Whole
from app.schemas.json_form import Describe, JsonSchema, any_of
from app.schemas.loading import BaseSchema

_SOMETIMES = "sometimes"


class AnswerSchema(BaseSchema):
    """A part of an answer, with exactly the fields that the dialects write."""

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        field_obj.required = _SOMETIMES not in field_obj.metadata


class PageSchema(AnswerSchema):
    """First and last id of a page, null where it is empty."""

    has_more = Flag()
    first_id = fields.String(allow_none=True)
    last_id = fields.String(allow_none=True)


class AnyOf(fields.Field[Any]):
    """One of several forms."""

    def __init__(self, *forms: type[Schema] | fields.Field[Any], **options: Any) -> None:
        self._forms = [form() if isinstance(form, type) else form for form in forms]
        super().__init__(**options)

    def json_schema(self, describe: Describe) -> JsonSchema:
        return any_of(*map(describe, self._forms))


def sometimes(field: fields.Field[Any]) -> fields.Field[Any]:
    """Marks a field that some answers lack."""
    field.metadata = {**field.metadata, _SOMETIMES: True}
    return field


def listed(inner: type[Schema] | fields.Field[Any]) -> fields.Field[Any]:
    return fields.List(fields.Nested(inner) if isinstance(inner, type) else inner)


def word(*words: str, **options: Any) -> fields.Field[Any]:
    """A text that is one of these."""
    return fields.String(validate=validate.OneOf(words), **options)


def count(**options: Any) -> fields.Field[Any]:
    """A whole number, zero or more."""
    return Whole(validate=validate.Range(0), **options)


def null() -> fields.Field[Any]:
    """A field that is always null here, and may have a value in the vendor's answers."""
    return fields.Raw(metadata={"type": "null"})


class CostSchema(AnswerSchema):
    """Of an answer, by the prices of Poe's catalog; with COST_IN_USAGE."""

    points = fields.Float()
    estimated = Flag()
