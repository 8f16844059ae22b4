"""Serves a reply: whole, or as server-sent events while it comes."""

import logging
import time
from collections.abc import Iterator
from typing import Protocol

from flask import Response, request

from app.api.presence import ClientGone, Presence
from app.api.request_record import RequestRecord, current_record
from app.config import Settings
from app.core.events import Answer, Batch, Event, Finished, fold
from app.errors import ApiError, InternalError
from app.relay import Reply

log = logging.getLogger("poegate")

_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


class Encoder(Protocol):
    """A dialect's stream: events to frames. ``keepalive`` is what its clients count as life."""

    keepalive: bytes

    def start(self) -> bytes: ...

    def step(self, event: Event) -> bytes: ...

    def fail(self, error: ApiError) -> bytes: ...


def whole_answer(reply: Reply) -> Answer:
    """The folded reply. Raises ApiError, or ClientGone once nobody waits for it any more."""
    record = current_record()
    try:
        answer = fold(Presence(request.environ).watch(reply))
    finally:
        reply.close()
    record.note_first_token()
    record.usage = answer.finished.usage
    return answer


def stream_answer(reply: Reply, encoder: Encoder, settings: Settings) -> Response:
    """A streaming response. An error before the headers is raised, so that it can be a status."""
    stream = _Stream(reply, encoder, settings.keepalive_seconds)
    try:
        opening = stream.open(settings.headers_wait)
    except BaseException:
        reply.close()
        raise
    response = Response(stream.frames(opening), mimetype="text/event-stream", headers=_HEADERS)
    # A generator that was never started runs no finally; this runs whatever happens.
    response.call_on_close(reply.close)
    return response


class _Stream:
    """One stream on its way. Made within the view, for Flask's globals end there."""

    def __init__(self, reply: Reply, encoder: Encoder, keepalive_seconds: float) -> None:
        self._reply = reply
        self._encoder = encoder
        self._keepalive_seconds = keepalive_seconds
        self._record: RequestRecord = current_record()
        self._presence = Presence(request.environ)
        self._batches = iter(reply)

    def open(self, seconds: float) -> Batch:
        """The first events, or none after that many seconds without any."""
        until = time.monotonic() + seconds
        for batch in self._presence.watch(self._batches):
            if batch or time.monotonic() >= until:
                return batch
        return []

    def frames(self, opening: Batch) -> Iterator[bytes]:
        """The chunks of the body, one for all events that arrived together."""
        try:
            yield self._encoder.start() + self._encode(opening)
            yield from self._later_frames()
        except ClientGone:
            self._record.error = "client_gone"
        except ApiError as error:
            yield self._fail(error)
        except Exception as error:  # noqa: BLE001 - after the first byte only a frame can tell it
            log.error("unexpected error in request %s", self._record.id, exc_info=error)
            yield self._fail(InternalError("The gateway failed in the middle of this answer."))
        finally:
            self._reply.close()

    def _later_frames(self) -> Iterator[bytes]:
        wrote = time.monotonic()
        for batch in self._presence.watch(self._batches):
            frames = self._encode(batch)
            if not frames and time.monotonic() - wrote >= self._keepalive_seconds:
                frames = self._encoder.keepalive
            if frames:
                yield frames
                wrote = time.monotonic()

    def _encode(self, batch: Batch) -> bytes:
        if batch:
            self._record.note_first_token()
        if batch and isinstance(batch[-1], Finished):
            self._record.usage = batch[-1].usage
        return b"".join(map(self._encoder.step, batch))

    def _fail(self, error: ApiError) -> bytes:
        self._record.error = error.type
        return self._encoder.fail(error)
