"""Responses that Poe's own API gives: what can go there, and what its frames mean."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from app.core.events import Usage
from app.core.frames import named_frame
from app.core.passed_streams import StreamReader, ToError, object_in, texts_of, tokens_in
from app.core.turns import in_turns
from app.core.upstream import Obstacle, names_file, parts_of
from app.dialects.responses.stream import failure_code, failure_message
from app.errors import ApiError

_SEQUENCE = re.compile(rb'"sequence_number"\s*:\s*(\d{1,15})')
_ENDS = ("completed", "incomplete")
_BEGINNINGS = ("queued", "created", "in_progress")


def obstacle_in(body: dict[str, Any]) -> Obstacle | None:
    """What only the gateway can do, of all that the request asks for."""
    if any(names_file(part) for part in in_turns(parts_of(body))):
        return Obstacle("files by their ids", "input")
    return None


def references_in(body: dict[str, Any]) -> list[str]:
    """The ids of earlier responses and items that the request goes on from, each once."""
    found = [body.get("previous_response_id")]
    items = body.get("input")
    for item in in_turns(items if isinstance(items, list) else ()):
        if isinstance(item, dict) and is_reference(item):
            found.append(item.get("id"))
    return list(dict.fromkeys(name for name in found if isinstance(name, str) and name))


def is_reference(item: dict[str, Any]) -> bool:
    """Whether an item stands for one that was kept: some clients leave its type out."""
    return item.get("type") == "item_reference" or set(item) - {"type"} == {"id"}


def ids_of(response: Mapping[str, Any]) -> list[str]:
    """By which later requests may refer to the response and to its items."""
    items = response.get("output")
    found = [response.get("id")]
    for item in items if isinstance(items, list) else ():
        found.append(item.get("id") if isinstance(item, dict) else None)
    return [name for name in found if isinstance(name, str) and name]


def usage_in(holder: Mapping[str, Any]) -> Usage | None:
    """Of a response object."""
    usage = holder.get("usage")
    if not isinstance(usage, dict):
        return None
    return Usage(
        tokens_in(usage, "input_tokens"),
        tokens_in(usage, "output_tokens"),
        tokens_in(usage.get("output_tokens_details"), "reasoning_tokens"),
        cached=tokens_in(usage.get("input_tokens_details"), "cached_tokens"),
    )


class ResponsesReader(StreamReader):
    """Reads a response's events: only those that hold the response object, and errors.

    ``keep`` gets the response before its last frame is passed on, so that a client that has seen
    the end can refer to it.
    """

    texts = texts_of("delta")
    marks = (b'response"', b'error"')
    notable = re.compile(rb'"response"\s*:\s*\{|"type"\s*:\s*"error"')

    def __init__(
        self, model: str, to_error: ToError, keep: Callable[[Mapping[str, Any]], None]
    ) -> None:
        super().__init__(model, to_error)
        self._keep = keep
        self._response: dict[str, Any] = {}
        self._last = b""

    @property
    def keepalive(self) -> bytes:
        """The response as it was at its start, once that came: Codex's idle timer counts only
        events. The number of the last event is repeated, for the next one is Poe's."""
        if not self._response:
            return super().keepalive
        return self._state("response.in_progress", self._response, self._number())

    def fail(self, error: ApiError) -> bytes:
        """A failed response, because Codex ignores ``error`` events."""
        failure = {"code": failure_code(error), "message": failure_message(error)}
        begun = self._response or {"object": "response", "model": self.rename.model, "output": []}
        response = {**begun, "status": "failed", "error": failure}
        return self._state("response.failed", response, self._number() + 1)

    def pass_on(self, block: bytes) -> bytes:
        self._last = block
        return block

    def note(self, frame: bytes) -> bytes:
        event = object_in(frame)
        kind = str(event.get("type")).removeprefix("response.")
        response = event.get("response")
        if kind == "error":
            nested = event.get("error")
            self.error = self.to_error(nested if isinstance(nested, dict) else event)
            return b""
        if not isinstance(response, dict):
            return self.pass_on(frame)
        self.usage = usage_in(response) or self.usage
        if kind == "failed":
            failure = response.get("error")
            self.error = self.to_error(failure if isinstance(failure, dict) else {})
            return b""
        if kind in _ENDS:
            self.is_whole = True
            self._keep(response)
        frame = self.pass_on(self.renamed(frame, event, response))
        if kind in _BEGINNINGS:
            self._response = {**response, "model": self.rename.model}
        return frame

    def _number(self) -> int:
        numbers = _SEQUENCE.findall(self._last)
        return int(numbers[-1]) if numbers else 0

    def _state(self, kind: str, response: Mapping[str, Any], number: int) -> bytes:
        return named_frame({"type": kind, "sequence_number": number, "response": response})
