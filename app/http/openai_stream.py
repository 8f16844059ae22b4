"""The common parts of OpenAI's streams."""

from app.core.frames import data_frame
from app.errors import ApiError
from app.http.envelopes import openai_envelope


class OpenAIStream:
    """Start, keep-alive and failure of OpenAI's streams.

    Not that of Responses, whose clients ignore comments. One line break ends the comment: after a
    blank line, old releases of openai-go would read an empty event and fail.
    """

    keepalive = b": keep-alive\n"

    def start(self) -> bytes:
        return self.keepalive

    def fail(self, error: ApiError) -> bytes:
        """The one frame after which the stream ends; SDKs raise at its ``error`` key."""
        return data_frame(openai_envelope(error))
