"""Request bodies that are compressed (RFC 9110, section 8.4), decoded while they are read."""

import io
import zlib
from collections.abc import Iterator
from functools import cached_property
from typing import IO

import gevent
import zstandard
from flask import Request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType

ENCODINGS = ("gzip", "deflate", "zstd")
PIECE_BYTES = 65_536
OUTPUT_BYTES = 1_048_576
"""At most this much is decoded before other greenlets have their turn: about 3 ms of work."""

MAX_WINDOW_BYTES = 8_388_608
"""RFC 8878, section 3.1.1.1.2: what every decoder of zstd should take."""


class DecodingRequest(Request):
    """A request whose body is read decoded, up to MAX_BODY_MB of decoded size."""

    @cached_property
    def stream(self) -> IO[bytes]:
        """Raises UnsupportedMediaType for an encoding that is not read here."""
        source = super().stream
        named = self.headers.get("Content-Encoding", "").lower().split(",")
        encodings = [name.strip() for name in named if name.strip() not in ("", "identity")]
        if not encodings:
            return source
        encoding = encodings[0].removeprefix("x-")
        if len(encodings) > 1 or encoding not in ENCODINGS:
            raise UnsupportedMediaType(
                f"Content-Encoding: {', '.join(encodings)[:100]} is not read here. Send the body "
                f"as it is, or in one of {', '.join(ENCODINGS)}."
            )
        limit = self.max_content_length
        return io.BufferedReader(_Decoded(source, encoding, limit), OUTPUT_BYTES)


class _Decoded(io.RawIOBase):
    """The decoded bytes of a stream. Reading raises RequestEntityTooLarge above ``limit`` bytes,
    and BadRequest where the bytes are not of that encoding."""

    def __init__(self, source: IO[bytes], encoding: str, limit: int | None) -> None:
        self._limit = limit
        self._decoded = 0
        reader = _read_zstd if encoding == "zstd" else _read_zlib
        self._pieces = reader(source)
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
        gevent.sleep(0)
        try:
            piece = next(self._pieces, None)
        except (zlib.error, zstandard.ZstdError) as error:
            raise BadRequest("The request body is not of its Content-Encoding.") from error
        self._decoded += len(piece or b"")
        if self._limit is not None and self._decoded > self._limit:
            raise RequestEntityTooLarge
        return piece


def _read_zlib(source: IO[bytes]) -> Iterator[bytes]:
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


def _read_zstd(source: IO[bytes]) -> Iterator[bytes]:
    decoder = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)
    with decoder.stream_reader(source, PIECE_BYTES, read_across_frames=True) as reader:
        while piece := reader.read(OUTPUT_BYTES):
            yield piece
