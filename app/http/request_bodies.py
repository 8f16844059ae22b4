"""Request bodies as they are read: decoded, counted, and not too slowly.

Encodings are those of RFC 9110, section 8.4. All bodies that a worker holds in memory at once share
one budget (MAX_BODIES_MB), so that many large or unfinished ones cannot exhaust it.
"""

import io
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from typing import IO, Any

import gevent
import zstandard
from flask import Request, Response, current_app, request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import (
    BadRequest,
    ClientDisconnected,
    RequestEntityTooLarge,
    UnsupportedMediaType,
)

from app.core import turns
from app.errors import RateLimited, RequestTooSlow

ENCODINGS = ("gzip", "deflate", "zstd")
PIECE_BYTES = 65_536
OUTPUT_BYTES = 1_048_576
"""At most this much is decoded before other greenlets have their turn: about 3 ms of work."""

MAX_WINDOW_BYTES = 8_388_608
"""RFC 8878, section 3.1.1.1.2: what every decoder of zstd should take."""

MAX_FORM_PARTS = 10_000
"""Each text of a list is a part, and some forms have several lists of up to a thousand."""

MAX_FORM_ESCAPES = 500_000
"""Percent signs in a form that is no multipart: each takes 100 bytes and a third of a microsecond
to decode, all in one step."""

COUNTED_BYTES = 1_000_000
"""A body of this size counts as long as its request is answered, a smaller one while it is read."""

SILENCE_SECONDS = 20.0
GRACE_SECONDS = 10.0
LEAST_BYTES_A_SECOND = 1_000
"""After GRACE_SECONDS, on average. The slowest mobile networks are ten times as fast."""

RETRY_SECONDS = "2"


class BodyBudget:
    """What the bodies in memory may have together. One for the worker.

    A body alone always passes; of several, one client's may have at most half.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._held: Counter[str] = Counter()
        self._total = 0

    def take(self, client: str, count: int) -> None:
        """Raises RateLimited where there is no room for so many bytes more."""
        others = self._total - self._held[client]
        own = self._held[client] + count
        if others and (own + others > self._max_bytes or own > self._max_bytes // 2):
            raise RateLimited(
                "Too many large request bodies at once (MAX_BODIES_MB). Try again in a moment.",
                retry_after=RETRY_SECONDS,
            )
        self._held[client] = own
        self._total += count

    def give_back(self, client: str, count: int) -> None:
        self._held[client] -= count
        self._total -= count
        if not self._held[client]:
            del self._held[client]


class BoundedRequest(Request):
    """A request whose body is read decoded, up to MAX_BODY_MB of decoded size.

    What was read of it counts in the BodyBudget to the end of the answer, for what it says is held
    in memory as long; a small one only until ``release_if_small``.
    """

    max_form_parts = MAX_FORM_PARTS
    max_form_memory_size = None  # a picture may be a data URL; MAX_BODY_MB holds

    @cached_property
    def stream(self) -> IO[bytes]:
        """Raises UnsupportedMediaType for an encoding that is not read here."""
        body = _CountedBody(super().stream, self._budget, self._client)
        self._counted = body
        encoding = self._encoding()
        pieces = _DECODERS[encoding](body) if encoding else body.pieces()
        return io.BufferedReader(_BodyReader(pieces, body, self.max_content_length), PIECE_BYTES)

    def release_if_small(self) -> None:
        """Once the body is read: a thousand streams whose histories are small may go on at once."""
        if self.body_bytes < COUNTED_BYTES:
            self.release_body()

    def release_body(self) -> None:
        counted: _CountedBody | None = self.__dict__.get("_counted")
        if counted is not None:
            counted.release()

    @property
    def body_bytes(self) -> int:
        """What was read of the body by now, decoded."""
        counted: _CountedBody | None = self.__dict__.get("_counted")
        return counted.decoded if counted else 0

    def _load_form_data(self) -> None:
        if self.mimetype == "application/x-www-form-urlencoded" and "form" not in self.__dict__:
            data = self.get_data(cache=True, parse_form_data=False)
            if data.count(b"&") >= MAX_FORM_PARTS or data.count(b"%") > MAX_FORM_ESCAPES:
                raise RequestEntityTooLarge
        super()._load_form_data()

    @property
    def _budget(self) -> BodyBudget:
        budget: BodyBudget = current_app.extensions["poegate.bodies"]
        return budget

    @property
    def _client(self) -> str:
        """Whoever sends the body. It may be an invented key: the total holds all the same."""
        return self.headers.get("Authorization") or self.headers.get("x-api-key") or ""

    def _encoding(self) -> str:
        named = self.headers.get("Content-Encoding", "").lower().split(",")
        encodings = [name.strip() for name in named if name.strip() not in ("", "identity")]
        if not encodings:
            return ""
        encoding = encodings[0].removeprefix("x-")
        if len(encodings) > 1 or encoding not in ENCODINGS:
            raise UnsupportedMediaType(
                f"Content-Encoding: {', '.join(encodings)[:100]} is not read here. Send the body "
                f"as it is, or in one of {', '.join(ENCODINGS)}."
            )
        return encoding


def body_bytes() -> int:
    """The size of this request's body, decoded, as far as it was read."""
    return request.body_bytes if isinstance(request, BoundedRequest) else 0


def release_if_small() -> None:
    """For this request's body, once it is read."""
    if isinstance(request, BoundedRequest):
        request.release_if_small()


def release_at_the_end(response: Response) -> Response:
    """For each request."""
    if isinstance(request, BoundedRequest):
        response.call_on_close(request.release_body)
    return response


class _CountedBody:
    """The bytes that the client sends. Reading raises RequestTooSlow and BadRequest."""

    def __init__(self, source: IO[bytes], budget: BodyBudget, client: str) -> None:
        self._source = source
        self._budget = budget
        self._client = client
        self._started = time.monotonic()
        self._received = 0
        self._taken = 0
        self.decoded = 0

    def read(self, size: int) -> bytes:
        try:
            with gevent.Timeout(SILENCE_SECONDS, _too_slow()):
                piece = self._source.read(size)
        except (ParseException, ClientDisconnected) as error:
            # The words of gunicorn's error repeat what came.
            raise BadRequest("The request body is not as long as its headers say.") from error
        self._received += len(piece)
        seconds = time.monotonic() - self._started
        if seconds > GRACE_SECONDS and self._received < seconds * LEAST_BYTES_A_SECOND:
            raise _too_slow()
        return piece

    def pieces(self) -> Iterator[bytes]:
        while piece := self.read(PIECE_BYTES):
            yield piece

    def count(self, decoded: int) -> None:
        """Raises RateLimited."""
        self._budget.take(self._client, decoded)
        self._taken += decoded
        self.decoded += decoded

    def release(self) -> None:
        self._budget.give_back(self._client, self._taken)
        self._taken = 0


def _too_slow() -> RequestTooSlow:
    return RequestTooSlow(
        f"The request body came too slowly: send at least {LEAST_BYTES_A_SECOND:,} bytes a second."
    )


class _BodyReader(io.RawIOBase):
    """The decoded bytes of a body. Reading raises RequestEntityTooLarge above ``limit`` bytes,
    and BadRequest where the bytes are not of their encoding."""

    def __init__(self, pieces: Iterator[bytes], body: _CountedBody, limit: int | None) -> None:
        self._pieces = pieces
        self._body = body
        self._limit = limit
        self._decoded = 0
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override]
        while not self._rest:
            piece = self._next_piece()
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def _next_piece(self) -> bytes | None:
        turns.give_way()
        try:
            piece = next(self._pieces, None)
        except (zlib.error, zstandard.ZstdError) as error:
            raise BadRequest("The request body is not of its Content-Encoding.") from error
        self._decoded += len(piece or b"")
        if self._limit is not None and self._decoded > self._limit:
            raise RequestEntityTooLarge
        self._body.count(len(piece or b""))
        return piece


def _read_zlib(source: _CountedBody) -> Iterator[bytes]:
    """gzip, of one or several members, or deflate; some clients send it without zlib's header."""
    waiting = source.read(PIECE_BYTES)
    bare = bool(waiting) and waiting[:2] != b"\x1f\x8b" and waiting[0] & 0x0F != zlib.DEFLATED
    while waiting:
        decoder = zlib.decompressobj(-zlib.MAX_WBITS if bare else zlib.MAX_WBITS | 32)
        while not decoder.eof:
            yield decoder.decompress(waiting, OUTPUT_BYTES)
            waiting = decoder.unconsumed_tail
            if not waiting and not decoder.eof:
                waiting = source.read(PIECE_BYTES)
                if not waiting:
                    raise zlib.error("the stream ends in the middle")
        waiting = decoder.unused_data or source.read(PIECE_BYTES)


def _read_zstd(source: Any) -> Iterator[bytes]:
    decoder = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)
    with decoder.stream_reader(source, PIECE_BYTES, read_across_frames=True) as reader:
        while piece := reader.read(OUTPUT_BYTES):
            yield piece


_DECODERS = {"gzip": _read_zlib, "deflate": _read_zlib, "zstd": _read_zstd}
