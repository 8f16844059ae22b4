"""Answers of the Files API: OpenAI's, and Anthropic's where the request names its version."""

from marshmallow import fields

from app.dialects.files.schemas import PURPOSES
from app.schemas.answers import AnswerSchema, PageSchema, count, listed, null, word
from app.schemas.fields import Flag


class FileSchema(AnswerSchema):
    id = fields.String()
    object = word("file")
    bytes = count()
    created_at = count()
    expires_at = count()
    filename = fields.String()
    purpose = word(*PURPOSES)
    status = word("processed")
    status_details = null()


class FilesSchema(PageSchema):
    object = word("list")
    data = listed(FileSchema)


class DeletedSchema(AnswerSchema):
    id = fields.String()
    object = word("file")
    deleted = Flag()


class AnthropicFileSchema(AnswerSchema):
    id = fields.String()
    type = word("file")
    filename = fields.String()
    mime_type = fields.String()
    size_bytes = count()
    created_at = fields.DateTime()
    expires_at = fields.DateTime()
    downloadable = Flag()


class AnthropicFilesSchema(PageSchema):
    data = listed(AnthropicFileSchema)
    next_page = fields.String(allow_none=True)


class AnthropicDeletedSchema(AnswerSchema):
    id = fields.String()
    type = word("file_deleted")
