"""Records facts of each request, for response headers and one log line."""

import json
import logging
import re
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from flask import Flask, Response, current_app, g, request

from app.access.client import Client
from app.core.events import Usage
from app.http.presence import not_delivered
from app.log_format import REQUESTS

log = logging.getLogger(REQUESTS)
_SANE_ID = re.compile(r"[\w.:-]{1,128}\Z", re.ASCII)
_OBSERVERS = "poegate.request_observers"


class RequestRecord:
    """Facts of one request, without secrets and prompts. Lives until its stream ends.

    ``dialect`` is the wire format's name; ``started_at`` is in seconds since the epoch.
    ``upstream``: which way it went and why, where settings leave a choice.
    """

    def __init__(self, method: str, path: str, request_id: str) -> None:
        self.id = request_id
        self.client: Client | None = None
        self.dialect = ""
        self.route = ""
        self.model: str | None = None
        self.status = 0
        self.error: str | None = None
        self.usage: Usage | None = None
        self.is_stream = False
        self.bytes_in: int | None = None
        self.bytes_out: int | None = None
        self.address = ""
        self.started_at = time.time()
        self.first_token_ms: int | None = None
        self.total_ms = 0
        self.warnings: list[str] = []
        self.delivered = True
        self.upstream: str | None = None
        self._method = method
        self._path = path
        self._started = time.monotonic()

    def elapsed_ms(self) -> int:
        return round((time.monotonic() - self._started) * 1000)

    def note_first_token(self) -> None:
        if self.first_token_ms is None:
            self.first_token_ms = self.elapsed_ms()

    def note_bytes(self, sent: int) -> None:
        self.bytes_out = (self.bytes_out or 0) + sent

    def facts(self) -> dict[str, Any]:
        """For the log and the list of the last requests; None is not known."""
        client = self.client
        visit = client.visit if client else None
        usage = (visit.usage if visit else None) or self.usage
        points = visit.points if visit else None
        return {
            "request_id": self.id,
            "token": client.name if client else None,
            "address": self.address or None,
            "method": self._method,
            "path": self._path,
            "dialect": self.dialect or None,
            "model": self.model,
            "stream": self.is_stream,
            "upstream": self.upstream,
            "status": self.status,
            "error": self.error if self.delivered else self.error or not_delivered(),
            "key": (visit.key or None) if visit else None,
            "attempts": (visit.attempts or None) if visit else None,
            "first_token_ms": self.first_token_ms,
            "total_ms": self.total_ms,
            "prompt_tokens": usage.prompt if usage else None,
            "completion_tokens": usage.completion if usage else None,
            "points": None if points is None else round(points, 4),
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
            "upstream_request_id": _upstream_id(client),
            "traceparent": visit.traceparent if visit else None,
        }


class InProgress:
    """How many requests this worker serves: ``count``."""

    def __init__(self) -> None:
        self.count = 0


Observer = Callable[[RequestRecord], None]
"""Hears of each request when its last byte is out, or its client has left."""


def current_record() -> RequestRecord:
    """The record of this request. Stream generators get it as an argument instead."""
    record: RequestRecord = g.record
    return record


def register_records(app: Flask, in_progress: InProgress, *observers: Observer) -> None:
    """``observers`` are called in their order, after ``write_line``."""

    def end(record: RequestRecord) -> None:
        in_progress.count -= 1

    def begin() -> None:
        in_progress.count += 1

    app.extensions[_OBSERVERS] = (end, write_line, *observers)
    app.before_request(begin)
    app.before_request(_open_record)
    app.after_request(_close_record)


def write_line(record: RequestRecord) -> None:
    facts = record.facts()
    log.info(json.dumps({name: fact for name, fact in facts.items() if fact is not None}))


def _open_record() -> None:
    asked = request.headers.get("x-request-id", "")
    request_id = asked if _SANE_ID.match(asked) else f"req_{uuid.uuid4().hex}"
    path = request.environ.get("poegate.path", request.path)
    record = g.record = RequestRecord(request.method, path, request_id)
    record.dialect = request.blueprint or ""
    record.route = request.url_rule.rule if request.url_rule else ""
    record.address = request.remote_addr or "local"
    record.bytes_in = request.content_length


def _close_record(response: Response) -> Response:
    record = current_record()
    record.status = response.status_code
    record.is_stream = response.mimetype == "text/event-stream"
    if not response.is_streamed:
        record.bytes_out = response.content_length
    response.headers["x-request-id"] = record.id
    response.headers["request-id"] = record.id
    response.headers["openai-processing-ms"] = str(record.elapsed_ms())
    if record.warnings:
        response.headers["x-poegate-warning"] = "; ".join(record.warnings)
    if record.upstream:
        response.headers["x-poegate-upstream"] = record.upstream
    response.headers["openai-version"] = "2020-10-01"
    if isinstance(response.response, list) and request.method != "HEAD":
        response.response = _Noted(response.response, record)
    observers: tuple[Observer, ...] = current_app.extensions[_OBSERVERS]
    response.call_on_close(lambda: _finish(record, observers))
    return response


def _finish(record: RequestRecord, observers: tuple[Observer, ...]) -> None:
    record.total_ms = record.elapsed_ms()
    for observer in observers:
        observer(record)


def _upstream_id(client: Client | None) -> str | None:
    """By which Poe names the request in its own log."""
    found = client and client.visit.poe_headers.get("x-request-id")
    return found if found and _SANE_ID.match(found) else None


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
