"""Chat Completions that Poe's own API answers: what can go there, and what its frames mean."""

import re
from collections.abc import Mapping
from typing import Any

from app.core.events import Usage
from app.core.frames import data_frame
from app.core.passed_streams import StreamReader, ToError, object_in, texts_of, tokens_in
from app.core.turns import in_turns
from app.core.upstream import Obstacle, names_file, parts_of
from app.dialects.chat.cursor_shapes import is_responses_body, normalize
from app.errors import ApiError
from app.http.envelopes import openai_envelope


def obstacle_in(body: dict[str, Any]) -> Obstacle | None:
    """What only the gateway can do, of all that the request asks for.

    Poe's API ignores ``n`` above 1 and ``response_format``, and drops audio:
    https://creator.poe.com/docs/external-applications/openai-compatible-api
    """
    count, form, modalities = (body.get(name) for name in ("n", "response_format", "modalities"))
    if isinstance(count, int) and count > 1:
        return Obstacle("n above 1", "n")
    if isinstance(form, dict) and form.get("type") != "text":
        return Obstacle("a response_format", "response_format")
    if body.get("audio") or (isinstance(modalities, list) and "audio" in modalities):
        return Obstacle("audio", "modalities")
    tools = body.get("tools")
    for tool in tools if isinstance(tools, list) else ():
        if isinstance(tool, dict) and tool.get("type") == "custom" and "custom" in tool:
            return Obstacle("custom tools", "tools")
    for part in in_turns(parts_of(body)):
        if part.get("type") == "input_audio":
            return Obstacle("audio", "messages")
        if names_file(part):
            return Obstacle("files by their ids", "messages")
    if is_responses_body(body) or normalize(body) != body:
        return Obstacle("shapes of another API", "messages")
    return None


def usage_in(holder: Mapping[str, Any]) -> Usage | None:
    """Of a whole completion or a chunk; None where it has none."""
    usage = holder.get("usage")
    if not isinstance(usage, dict):
        return None
    return Usage(
        tokens_in(usage, "prompt_tokens"),
        tokens_in(usage, "completion_tokens"),
        tokens_in(usage.get("completion_tokens_details"), "reasoning_tokens"),
        cached=tokens_in(usage.get("prompt_tokens_details"), "cached_tokens"),
    )


class ChatReader(StreamReader):
    """Reads chunks. All of them name the model; one, or none, has the usage."""

    texts = texts_of("content", "arguments")
    marks = (b'usage"', b'error"', b"[DONE]")
    notable = re.compile(rb'"(?:usage|error)"\s*:\s*\{|\[DONE\]')

    def __init__(self, model: str, to_error: ToError) -> None:
        super().__init__(model, to_error)
        self._keepalive = b""
        self._first = b""

    @property
    def keepalive(self) -> bytes:
        """A chunk without content, once there is one to make it of; one line break ends a comment:
        after a blank line, old releases of openai-go would read an empty event and fail."""
        if not self._keepalive and self._first:
            chunk = object_in(self._first)
            empty = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": None}
            names = ("id", "object", "created", "model")
            head = {name: chunk[name] for name in names if name in chunk}
            self._keepalive = data_frame({**head, "choices": [empty]})
        return self._keepalive or super().keepalive

    def fail(self, error: ApiError) -> bytes:
        """SDKs raise at its ``error`` key."""
        return data_frame(openai_envelope(error))

    def pass_on(self, block: bytes) -> bytes:
        block = self.rename(block)
        if not self._first:
            self._first = block
        return block

    def note(self, frame: bytes) -> bytes:
        chunk = object_in(frame)
        if not chunk:
            self.is_whole |= b"[DONE]" in frame
            return frame
        if isinstance(chunk.get("error"), dict):
            self.error = self.to_error(chunk["error"])
            return b""
        self.usage = usage_in(chunk) or self.usage
        return self.pass_on(frame)
