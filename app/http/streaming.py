"""Serves a reply: whole, or as server-sent events while it arrives."""

import logging
import time
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

from flask import Response, request

from app.config import Settings
from app.core.events import Answer, Event, Finished, Usage, fold_choices
from app.core.passed_streams import StreamReader
from app.errors import ApiError, InternalError
from app.http.presence import ClientGone, Presence, not_delivered
from app.http.request_log import RequestRecord, current_record
from app.relay.passing import PassedAnswer

log = logging.getLogger("poegate")

_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


_Event_contra = TypeVar("_Event_contra", contravariant=True)
_Event = TypeVar("_Event")


class Encoder(Protocol[_Event_contra]):
    """A dialect's stream: events to frames. ``keepalive`` is a frame that keeps its clients
    waiting."""

    @property
    def keepalive(self) -> bytes: ...

    def start(self) -> bytes: ...

    def step(self, event: _Event_contra, /) -> bytes: ...

    def fail(self, error: ApiError) -> bytes: ...


class Batched(Protocol[_Event]):
    """A reply, or several in parallel."""

    @property
    def warnings(self) -> list[str]:
        """Deviations from the request so far, for a header."""

    def __iter__(self) -> Iterator[list[_Event]]: ...

    def close(self) -> None: ...


def whole_answers(reply: Batched[Event], choices: int = 1) -> list[Answer]:
    """The folded reply, by choice. Raises ApiError, and ClientGone once the client has left."""
    record = current_record()
    try:
        answers = fold_choices(Presence(request.environ).watch(reply), choices)
    finally:
        reply.close()
    record.note_first_token()
    record.warnings = reply.warnings
    record.usage = sum((answer.finished.usage for answer in answers), Usage(0, 0))
    return answers


class PassedEncoder:
    """Blocks of frames that another server encoded, as they are; what the gateway itself adds is
    that of the answer's reader."""

    def __init__(self, answer: PassedAnswer) -> None:
        self._answer = answer

    @property
    def keepalive(self) -> bytes:
        return self._answer.reader.keepalive

    def start(self) -> bytes:
        return b""

    def step(self, block: bytes) -> bytes:
        return block

    def fail(self, error: ApiError) -> bytes:
        reader = self._answer.reader
        return reader.fail(error) if isinstance(reader, StreamReader) else b""


def whole_body(answer: PassedAnswer) -> bytes:
    """The body of an answer that is one JSON object. Raises as ``whole_answers`` does."""
    try:
        blocks = [block for blocks in Presence(request.environ).watch(answer) for block in blocks]
    finally:
        answer.close()
    current_record().note_first_token()
    return b"".join(blocks)


def stream_answer(
    reply: Batched[_Event], new_encoder: Callable[[], Encoder[_Event]], settings: Settings
) -> Response:
    """A streaming response. An error before the headers is raised, so that it becomes a status.

    ``new_encoder`` is called once it is known which bot answers.
    """
    stream = _Stream(reply, settings.keepalive_seconds)
    try:
        opening = stream.open(settings.headers_wait)
    except BaseException:
        reply.close()
        raise
    current_record().warnings = reply.warnings
    frames = stream.frames(opening, new_encoder())
    response = Response(frames, mimetype="text/event-stream", headers=_HEADERS)
    # A generator that was never started runs no finally block; this runs always.
    response.call_on_close(reply.close)
    return response


class _Stream(Generic[_Event]):
    """One stream. Created within the view, because Flask's globals end there."""

    def __init__(self, reply: Batched[_Event], keepalive_seconds: float) -> None:
        self._reply = reply
        self._keepalive_seconds = keepalive_seconds
        self._record: RequestRecord = current_record()
        self._presence = Presence(request.environ)
        self._batches = iter(reply)

    def open(self, seconds: float) -> list[_Event]:
        """The first events, or none after that many seconds."""
        until = time.monotonic() + seconds
        for batch in self._presence.watch(self._batches):
            if batch or time.monotonic() >= until:
                return batch
        return []

    def frames(self, opening: list[_Event], encoder: Encoder[_Event]) -> Iterator[bytes]:
        """The chunks of the body, one for all events that arrived together."""
        self._encoder = encoder
        try:
            first = self._encoder.start() + self._encode(opening) or self._encoder.keepalive
            self._record.note_bytes(len(first))
            yield first
            yield from self._later_frames()
        except ClientGone:
            self._record.error = "client_gone"
        except ApiError as error:
            yield self._fail(error)
        except Exception as error:  # noqa: BLE001 - after the first byte only a frame can tell it
            log.error("unexpected error in request %s", self._record.id, exc_info=error)
            yield self._fail(InternalError("The gateway failed in the middle of this answer."))
        except GeneratorExit:  # the last chunk could not be written: lost, or blocked too long
            self._record.error = not_delivered()
            raise
        finally:
            self._reply.close()

    def _later_frames(self) -> Iterator[bytes]:
        wrote = time.monotonic()
        for batch in self._presence.watch(self._batches):
            frames = self._encode(batch)
            if not frames and time.monotonic() - wrote >= self._keepalive_seconds:
                frames = self._encoder.keepalive
            if frames:
                self._record.note_bytes(len(frames))
                yield frames
                wrote = time.monotonic()

    def _encode(self, batch: list[_Event]) -> bytes:
        if batch:
            self._record.note_first_token()
        if batch and isinstance(batch[-1], Finished):
            self._record.usage = batch[-1].usage
        return b"".join(map(self._encoder.step, batch))

    def _fail(self, error: ApiError) -> bytes:
        self._record.error = error.code or error.type
        return self._encoder.fail(error)
