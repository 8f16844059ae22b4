"""The Files API: OpenAI's, and Anthropic's under the same path."""

from typing import Any

from marshmallow import ValidationError, fields, pre_load, validate, validates_schema

from app.schemas.fields import FileOfForm
from app.schemas.loading import BaseSchema
from app.schemas.paging import OrderedQuerySchema, QuerySchema

PURPOSES = ("assistants", "batch", "evals", "fine-tune", "user_data", "vision")
"""OpenAI's purposes. They have no effect here, but clients filter their files by them."""

HOUR, DAY = 3_600, 86_400


class UploadSchema(BaseSchema):
    """The fields beside the file. Each vendor's SDK writes the lifetime in its own way."""

    also = {"dependentRequired": {"expires_after[anchor]": ["expires_after[seconds]"]}}

    purpose = fields.String(required=True, validate=validate.OneOf(PURPOSES))
    anchor = fields.String(
        data_key="expires_after[anchor]",
        load_default=None,
        validate=validate.Equal("created_at"),
    )
    seconds = fields.Integer(
        data_key="expires_after[seconds]",
        load_default=None,
        validate=validate.Range(HOUR, 30 * DAY),
    )
    expires_in_seconds = fields.Integer(load_default=None, validate=validate.Range(HOUR, 90 * DAY))

    @pre_load
    def drop_empty(self, form: dict[str, str], **options: Any) -> dict[str, str]:
        return {name: value for name, value in form.items() if value != ""}

    @validates_schema
    def check_anchor(self, form: dict[str, Any], **options: Any) -> None:
        if form["anchor"] and form["seconds"] is None:
            raise ValidationError("Missing data for required field.", "expires_after[seconds]")


class UploadFormSchema(UploadSchema):
    """The form with its file. Without an ``anthropic-version`` header, ``purpose`` is required."""

    purpose = fields.String(validate=validate.OneOf(PURPOSES))
    file = FileOfForm(required=True)


class FilesQuerySchema(OrderedQuerySchema):
    limit = fields.Integer(load_default=10_000, validate=validate.Range(1, 10_000))
    purpose = fields.String(load_default=None)


class AnthropicFilesQuerySchema(QuerySchema):
    """Anthropic's query: ``page`` is the ``next_page`` of the answer before."""

    limit = fields.Integer(load_default=20, validate=validate.Range(1, 1000))
    page = fields.String(load_default=None)
    after_id = fields.String(load_default=None)
    before_id = fields.String(load_default=None)
