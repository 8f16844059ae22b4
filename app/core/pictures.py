"""How large a picture is, read from the first bytes of its file, and the tokens that it counts.

The rule is OpenAI's for its chat models: https://platform.openai.com/docs/guides/images-vision,
"Calculating costs": 85 tokens, and 170 for each tile of 512 pixels square.
"""

import math
import struct

LOW_DETAIL_TOKENS = 85
TILE_TOKENS = 170
TILE_PIXELS = 512
MAX_SIDE = 2_048
SHORT_SIDE = 768
"""A picture is scaled down to MAX_SIDE, and then until its shorter side is SHORT_SIDE."""

USUAL_SIZE = (1_024, 1_024)
"""Of a picture that cannot be looked at, such as one behind a link."""

MAX_SEGMENTS = 200
"""Of a JPEG, before the one that tells its size. Real files have about ten."""

_SIZE_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG's start-of-frame markers (ITU-T T.81, table B.1)."""


def picture_tokens(size: tuple[int, int] | None, detail: str | None = None) -> int:
    """``size``: width and height in pixels. ``detail``: the client's wish, ``low`` or any other."""
    if detail == "low":
        return LOW_DETAIL_TOKENS
    width, height = size or USUAL_SIZE
    scale = min(1.0, MAX_SIDE / max(width, height))
    scale = min(scale, SHORT_SIDE / min(width, height))
    across, down = (max(1, math.ceil(side * scale / TILE_PIXELS)) for side in (width, height))
    return LOW_DETAIL_TOKENS + TILE_TOKENS * across * down


def size_of(data: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG, JPEG, GIF or WebP; None where the bytes do not tell them."""
    try:
        size = _size_of(data)
    except (struct.error, IndexError):
        return None
    return size if size and min(size) > 0 else None


def _size_of(data: bytes) -> tuple[int, int] | None:
    """Raises struct.error or IndexError where the bytes end too soon."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return struct.unpack(">II", data[16:24])
    if data.startswith((b"GIF87a", b"GIF89a")):
        return struct.unpack("<HH", data[6:10])
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp_size(data)
    return _jpeg_size(data) if data.startswith(b"\xff\xd8") else None


def _webp_size(data: bytes) -> tuple[int, int] | None:
    """https://developers.google.com/speed/webp/docs/riff_container: three kinds of chunks."""
    kind = data[12:16]
    if kind == b"VP8X":
        low, high = struct.unpack("<IH", data[24:30])
        return (low & 0xFFFFFF) + 1, (low >> 24 | high << 8) + 1
    if kind == b"VP8L":
        bits = struct.unpack("<I", data[21:25])[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", data[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """The segments' lengths lead from one to the next."""
    at = 2
    for _ in range(MAX_SEGMENTS):
        mark, marker, length = struct.unpack(">BBH", data[at : at + 4])
        if mark != 0xFF:
            return None
        if marker in _SIZE_MARKERS:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 1 if marker == 0xFF else 2 + length
    return None
