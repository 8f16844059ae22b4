"""A small AVI whose file name says all that is needed to shoot it, so that nothing is stored.

Uncompressed, so that its bytes are known to the last one, and any player can show it.
"""

import struct

from app.demo.picture import ramp, read_colours

SIDE = 64
"""Width and height in pixels; a row of three bytes a pixel must be a multiple of four bytes."""
FRAMES = 12
"""A second of film."""

_FRAME_BYTES = 3 * SIDE * SIDE
_HAS_INDEX = 0x10
_KEY_FRAME = 0x10


def shoot(colours: str) -> bytes:
    """A film of a ramp between the two colours that moves by a pixel a frame.

    ``colours``: twelve hex digits, as of ``colours_for``. ValueError for others.
    """
    frames = [_chunk(b"00db", frame) for frame in _frames(colours)]
    header = _list(b"hdrl", _chunk(b"avih", _main_header()), _list(b"strl", *_stream()))
    film = _list(b"movi", *frames)
    return _chunk(b"RIFF", b"AVI " + header + film + _chunk(b"idx1", _index(frames)))


def _frames(colours: str) -> list[bytes]:
    start, end = read_colours(colours)
    blend = ramp(start[::-1], end[::-1], SIDE + FRAMES - 1)  # as BGR
    return [blend[3 * number : 3 * (number + SIDE)] * SIDE for number in range(FRAMES)]


def _main_header() -> bytes:
    microseconds, rate, streams = 1_000_000 // FRAMES, FRAMES * _FRAME_BYTES, 1
    facts = (microseconds, rate, 0, _HAS_INDEX, FRAMES, 0, streams, _FRAME_BYTES, SIDE, SIDE)
    return struct.pack("<10I16x", *facts)


def _stream() -> tuple[bytes, bytes]:
    """Its header, and the format of its pictures: a Windows bitmap's."""
    facts = (0, 0, 0, 0, 1, FRAMES, 0, FRAMES, _FRAME_BYTES, 0, 0, 0, 0, SIDE, SIDE)
    header = struct.pack("<4s4sI2H8I4H", b"vids", b"DIB ", *facts)
    bitmap = struct.pack("<3I2H6I", 40, SIDE, SIDE, 1, 24, 0, _FRAME_BYTES, 0, 0, 0, 0)
    return _chunk(b"strh", header), _chunk(b"strf", bitmap)


def _index(frames: list[bytes]) -> bytes:
    """Where each frame begins, counted from the word ``movi``."""
    return b"".join(
        struct.pack("<4s3I", b"00db", _KEY_FRAME, 4 + number * len(frame), _FRAME_BYTES)
        for number, frame in enumerate(frames)
    )


def _list(kind: bytes, *chunks: bytes) -> bytes:
    return _chunk(b"LIST", kind + b"".join(chunks))


def _chunk(kind: bytes, body: bytes) -> bytes:
    """All bodies here are of even length, so that none needs padding."""
    return kind + struct.pack("<I", len(body)) + body
