"""A small PNG whose file name says all that is needed to draw it, so that nothing is stored."""

import hashlib
import re
import struct
import zlib

SIDE = 128
"""Width and height of every picture, in pixels."""

_COLOURS = re.compile(r"[0-9a-f]{12}")
_STEPS = 2 * SIDE - 1  # diagonals from one corner to the other
_TRUECOLOUR = 2


def colours_for(prompt: str) -> str:
    """Two RGB colours as twelve hex digits, the same for the same prompt."""
    return hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def draw(colours: str) -> bytes:
    """A PNG that runs from the first colour, top left, to the second. ValueError for no colours."""
    start, end = read_colours(colours)
    blend = ramp(start, end, _STEPS)
    # A row is the one above it moved on by one diagonal; 0 says that it is stored unfiltered.
    rows = b"".join(b"\0" + blend[3 * y : 3 * (y + SIDE)] for y in range(SIDE))
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, _TRUECOLOUR, 0, 0, 0)
    chunks = _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def read_colours(colours: str) -> tuple[bytes, bytes]:
    """The two colours, three bytes each. ValueError for what ``colours_for`` never says."""
    if not _COLOURS.fullmatch(colours):
        raise ValueError("expected twelve lower-case hex digits")
    return bytes.fromhex(colours[:6]), bytes.fromhex(colours[6:])


def ramp(start: bytes, end: bytes, steps: int) -> bytes:
    """The colours from one to the other, in so many steps, channel by channel."""
    last = steps - 1
    return bytes(
        (a * (last - step) + b * step) // last
        for step in range(steps)
        for a, b in zip(start, end, strict=True)
    )


def _chunk(kind: bytes, body: bytes) -> bytes:
    checksum = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)
