"""Server-sent events as the dialects write them: compact JSON, in ASCII."""

import json
from typing import Any

from app.errors import ApiError, openai_envelope

compact_json = json.JSONEncoder(separators=(",", ":")).encode


def data_frame(data: dict[str, Any]) -> bytes:
    """One event without a name."""
    return b"data: " + compact_json(data).encode("ascii") + b"\n\n"


def named_frame(data: dict[str, Any]) -> bytes:
    """One event under the name that its ``type`` is: without it Anthropic's SDKs read nothing."""
    return f"event: {data['type']}\ndata: {compact_json(data)}\n\n".encode("ascii")


class OpenAIStream:
    """What an encoder of OpenAI's streams begins with, is kept alive and fails with.

    Not that of Responses, whose clients ignore comments.
    """

    keepalive = b": keep-alive\n\n"

    def start(self) -> bytes:
        return self.keepalive

    def fail(self, error: ApiError) -> bytes:
        """The one frame after which the stream ends; SDKs raise at its ``error`` key."""
        return data_frame(openai_envelope(error))
