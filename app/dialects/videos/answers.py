"""Answers of OpenAI's Videos."""

from marshmallow import fields

from app.schemas.answers import AnswerSchema, PageSchema, count, listed, word
from app.schemas.fields import Flag


class ErrorSchema(AnswerSchema):
    code = fields.String()
    message = fields.String()
    type = fields.String()
    param = fields.String(allow_none=True)


class VideoSchema(AnswerSchema):
    """``progress`` is 0 or 100 where a bot makes it, for bots do not report it.

    ``error``: why it failed.
    """

    id = fields.String()
    object = word("video")
    status = word("queued", "in_progress", "completed", "failed")
    model = fields.String()
    prompt = fields.String()
    seconds = fields.String()
    size = fields.String()
    created_at = count()
    completed_at = count(allow_none=True)
    expires_at = count()
    error = fields.Nested(ErrorSchema, allow_none=True)
    progress = count()
    remixed_from_video_id = fields.String(allow_none=True)


class VideosSchema(PageSchema):
    object = word("list")
    data = listed(VideoSchema)


class DeletedSchema(AnswerSchema):
    id = fields.String()
    object = word("video.deleted")
    deleted = Flag()
