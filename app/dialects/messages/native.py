"""Messages that Poe's own API answers: what can go there, and what its frames mean."""

import re
from collections.abc import Mapping
from typing import Any

from app.core.events import Usage
from app.core.frames import named_frame
from app.core.passed_streams import StreamReader, ToError, object_in, texts_of, tokens_in
from app.core.turns import in_turns
from app.core.upstream import Obstacle, names_file, parts_of
from app.errors import ApiError
from app.http.envelopes import anthropic_envelope


def obstacle_in(body: dict[str, Any]) -> Obstacle | None:
    """What only the gateway can do, of all that the request asks for."""
    if any(names_file(part) for part in in_turns(parts_of(body))):
        return Obstacle("files by their ids", "messages")
    return None


def usage_in(holder: Mapping[str, Any]) -> Usage | None:
    """Of a whole message. Tokens that come from the cache or go there are tokens of the prompt."""
    usage = holder.get("usage")
    if not isinstance(usage, dict):
        return None
    cached = tokens_in(usage, "cache_read_input_tokens")
    written = tokens_in(usage, "cache_creation_input_tokens")
    prompt = tokens_in(usage, "input_tokens") + cached + written
    return Usage(prompt, tokens_in(usage, "output_tokens"), cached=cached, written=written)


class MessagesReader(StreamReader):
    """Reads a message's events: its start names the model, its last delta has the usage."""

    texts = texts_of("text", "thinking", "partial_json")
    marks = (b'"message_', b'"error"')
    notable = re.compile(rb'"type"\s*:\s*"(?:message_start|message_delta|message_stop|error)"')
    keepalive = b'event: ping\ndata: {"type": "ping"}\n\n'

    def __init__(self, model: str, to_error: ToError, request_id: str) -> None:
        super().__init__(model, to_error)
        self._request_id = request_id
        self._usage: dict[str, Any] = {}

    def fail(self, error: ApiError) -> bytes:
        """SDKs raise at its name."""
        return named_frame(anthropic_envelope(error, self._request_id))

    def note(self, frame: bytes) -> bytes:
        event = object_in(frame)
        match event:
            case {"type": "message_start", "message": dict(message)}:
                self._add_usage(message)
                return self.renamed(frame, event, message)
            case {"type": "message_delta"}:
                self._add_usage(event)
                self.usage = usage_in({"usage": self._usage})
            case {"type": "message_stop"}:
                self.is_whole = True
            case {"type": "error", "error": dict(failure)}:
                self.error = self.to_error(failure)
                return b""
        return frame

    def _add_usage(self, holder: Mapping[str, Any]) -> None:
        """The last numbers count: those of the end may leave out what the start has told."""
        usage = holder.get("usage")
        if isinstance(usage, dict):
            self._usage |= {name: count for name, count in usage.items() if count is not None}
