"""Records facts of each request, for response headers and one log line."""

import json
import logging
import re
import time
import uuid
from collections.abc import Iterator
from typing import Any

from flask import Flask, Response, g, request

from app.core.events import Usage
from app.http.presence import not_delivered
from app.log_format import REQUESTS

log = logging.getLogger(REQUESTS)
_SANE_ID = re.compile(r"[\w.:-]{1,128}\Z", re.ASCII)


class RequestRecord:
    """Facts of one request, without secrets and prompts. Lives until its stream ends."""

    def __init__(self, method: str, path: str, request_id: str) -> None:
        self.id = request_id
        self.model: str | None = None
        self.status = 0
        self.error: str | None = None
        self.usage: Usage | None = None
        self.warnings: list[str] = []
        self.delivered = True
        self._method = method
        self._path = path
        self._started = time.monotonic()
        self._first_token_ms: int | None = None

    def elapsed_ms(self) -> int:
        return round((time.monotonic() - self._started) * 1000)

    def note_first_token(self) -> None:
        if self._first_token_ms is None:
            self._first_token_ms = self.elapsed_ms()

    def write(self) -> None:
        """Writes the log line, after the last byte is sent or the client has left."""
        facts = {
            "request_id": self.id,
            "method": self._method,
            "path": self._path,
            "status": self.status,
            "error": self.error if self.delivered else self.error or not_delivered(),
            "model": self.model,
            "first_token_ms": self._first_token_ms,
            "total_ms": self.elapsed_ms(),
            "prompt_tokens": self.usage and self.usage.prompt,
            "completion_tokens": self.usage and self.usage.completion,
        }
        log.info(json.dumps({name: fact for name, fact in facts.items() if fact is not None}))


def current_record() -> RequestRecord:
    """The record of this request. Stream generators get it as an argument instead."""
    record: RequestRecord = g.record
    return record


def register_records(app: Flask) -> None:
    app.before_request(_open_record)
    app.after_request(_close_record)


def _open_record() -> None:
    asked = request.headers.get("x-request-id", "")
    request_id = asked if _SANE_ID.match(asked) else f"req_{uuid.uuid4().hex}"
    path = request.environ.get("poegate.path", request.path)
    g.record = RequestRecord(request.method, path, request_id)


def _close_record(response: Response) -> Response:
    record = current_record()
    record.status = response.status_code
    response.headers["x-request-id"] = record.id
    response.headers["request-id"] = record.id
    response.headers["openai-processing-ms"] = str(record.elapsed_ms())
    if record.warnings:
        response.headers["x-poegate-warning"] = "; ".join(record.warnings)
    response.headers["openai-version"] = "2020-10-01"
    if isinstance(response.response, list) and request.method != "HEAD":
        response.response = _Noted(response.response, record)
    response.call_on_close(record.write)
    return response


class _Noted(list[Any]):
    """A body in memory. Its record says whether the last piece was written.

    The server asks for the next piece when it has written one, and for one more at the end.
    """

    def __init__(self, pieces: list[Any], record: RequestRecord) -> None:
        super().__init__(pieces)
        self._record = record

    def __iter__(self) -> Iterator[Any]:
        self._record.delivered = False
        yield from super().__iter__()
        self._record.delivered = True
