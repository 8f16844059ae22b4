"""Kinds of files: what their names, labels and first bytes say of them."""

import base64

import pytest

from app.core.media import media_from_base64, media_from_url
from app.core.media_types import (
    FILE_TYPES,
    HEAD_BYTES,
    UNKNOWN,
    FileType,
    canonical,
    extension_of,
    type_of_bytes,
    type_of_name,
)
from app.errors import InvalidRequest

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
JPEG = b"\xff\xd8\xff\xe0\0\x10"
WEBP = b"RIFF\x10\0\0\0WEBPVP8 "
WAV = b"RIFF\x10\0\0\0WAVEfmt "
MP3 = b"ID3\x04"
MP4 = b"\0\0\0 ftypisom"
M4A = b"\0\0\0 ftypM4A "
MOV = b"\0\0\0 ftypqt  "
HEIC = b"\0\0\0 ftypheic"
WEBM = b"\x1aE\xdf\xa3"
PDF = b"%PDF-1.7"


@pytest.mark.parametrize(
    ("label", "data", "expected"),
    [
        ("image/png", WEBP, "image/webp"),
        ("image/jpg", JPEG, "image/jpeg"),
        ("image/jpg", b"cut", "image/jpeg"),
        ("IMAGE/PNG; a=b", PNG, "image/png"),
        ("image/png", PDF, "application/pdf"),
        ("application/pdf", PNG, "image/png"),
        ("image/jpeg", HEIC, "image/heic"),
        ("audio/mpeg", WAV, "audio/wav"),
        ("audio/mp3", MP3, "audio/mpeg"),
        ("audio/x-wav", WAV, "audio/wav"),
        ("audio/mp4", MP4, "audio/mp4"),
        ("video/mp4", M4A, "video/mp4"),
        ("video/mp4", MOV, "video/mp4"),
        ("audio/webm", WEBM, "audio/webm"),
        ("video/webm", WEBM, "video/webm"),
        ("video/ogg", b"OggS", "video/ogg"),
        ("image/svg+xml", b"<svg/>", "image/svg+xml"),
        ("text/plain", b"GIF89a is a format", "text/plain"),
        ("application/zip", PNG, "application/zip"),
        *[(UNKNOWN, data, kind) for data, kind in ((PNG, "image/png"), (M4A, "audio/mp4"))],
        *[("", data, kind) for data, kind in ((MOV, "video/quicktime"), (b"?", UNKNOWN))],
    ],
)
def test_bytes_are_looked_at(label: str, data: bytes, expected: str) -> None:
    assert type_of_bytes(label, data) == expected
    assert type_of_bytes(label, data[:HEAD_BYTES]) == expected


@pytest.mark.parametrize("row", FILE_TYPES, ids=lambda row: row.content_type)
def test_each_row_is_found(row: FileType) -> None:
    assert {canonical(name.upper()) for name in (row.content_type, *row.aliases)} == {
        row.content_type
    }
    for extension in row.extensions:
        assert extension_of(type_of_name(f"a{extension}") or "") == row.extensions[0]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.PNG", "image/png"),
        ("song.opus", "audio/ogg"),
        ("film.webm", "video/webm"),
        ("page.html", "text/html"),
        ("Makefile", None),
        ("", None),
    ],
)
def test_names(name: str, expected: str | None) -> None:
    assert type_of_name(name) == expected


def test_a_data_url_without_a_type() -> None:
    encoded = base64.b64encode(PNG).decode()
    with pytest.raises(InvalidRequest, match="no content type") as caught:
        media_from_url(f"data:base64,{encoded}", "image", "messages[0].content[0].image_url")
    assert caught.value.param == "messages[0].content[0].image_url"
    for url in (f"data:;base64,{encoded}", f"data:image/jpg;base64,{encoded}"):
        assert media_from_url(url, "image", "p").content_type == "image/png"
    assert media_from_url("data:,hello", "file", "p").data == b"hello"


def test_base64_is_looked_at() -> None:
    encoded = base64.b64encode(WEBP).decode()
    assert media_from_base64(encoded, "image/png", "image", "p").content_type == "image/webp"
    assert media_from_base64(encoded, None, "a.txt", "p").content_type == "text/plain"
