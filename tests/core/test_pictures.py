"""Sizes from the first bytes of pictures, and OpenAI's rule for what they count."""

import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.pictures import picture_tokens, size_of
from app.demo.picture import SIDE, colours_for, draw

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 640, 480)
GIF = b"GIF89a" + struct.pack("<HH", 640, 480)
JPEG = (
    b"\xff\xd8\xff\xe0"
    + struct.pack(">H", 16)
    + bytes(14)
    + b"\xff\xff\xc2"
    + struct.pack(">HBHH", 17, 8, 480, 640)
)
WEBP = b"RIFF\0\0\0\0WEBP"
LOSSY = WEBP + b"VP8 " + bytes(10) + struct.pack("<HH", 640, 480)
LOSSLESS = WEBP + b"VP8L" + bytes(5) + struct.pack("<I", 639 | 479 << 14)
EXTENDED = WEBP + b"VP8X" + bytes(8) + (639).to_bytes(3, "little") + (479).to_bytes(3, "little")


@pytest.mark.parametrize("data", [PNG, GIF, JPEG, LOSSY, LOSSLESS, EXTENDED])
def test_sizes(data: bytes) -> None:
    assert size_of(data) == (640, 480)
    assert size_of(data[:-1]) is None


def test_a_whole_picture() -> None:
    assert size_of(draw(colours_for("x"))) == (SIDE, SIDE)


@pytest.mark.parametrize("data", [b"", b"<svg/>", b"GIF89a\0\0\0\0", b"\xff\xd8ab", WEBP + b"VP9 "])
def test_what_tells_no_size(data: bytes) -> None:
    assert size_of(data) is None


@given(st.sampled_from([PNG, GIF, JPEG, LOSSY, b""]), st.binary(max_size=40))
def test_any_bytes_are_survived(start: bytes, rest: bytes) -> None:
    size_of(start[:9] + rest)
    size_of(start[:3] + rest)


def test_a_jpeg_of_many_segments_takes_no_time() -> None:
    data = b"\xff\xd8" + b"\xff\xe0\0\2" * 5_000_000
    started = time.process_time()
    assert size_of(data) is None
    assert time.process_time() - started < 0.25


@pytest.mark.parametrize(
    ("size", "detail", "tokens"),
    [
        ((1024, 1024), "high", 765),  # the examples of OpenAI's page
        ((2048, 4096), "high", 1105),
        ((4096, 8192), "low", 85),
        ((512, 512), None, 255),
        ((1, 1), "auto", 255),
        ((100_000, 1), None, 85 + 4 * 170),
        (None, None, 765),
    ],
)
def test_tokens(size: tuple[int, int] | None, detail: str | None, tokens: int) -> None:
    assert picture_tokens(size, detail) == tokens
