"""Files of bots, as they are passed on: their types, and what became of a broken promise."""

from collections.abc import Iterator

import pytest

from app.config import Settings
from app.core.events import MediaReply
from app.factory import create_app
from app.http.bot_files import content_type_of, send_bot_file
from app.http.request_log import current_record
from app.poe.downloads import Budget


class Opened:
    """Five bytes, of whatever length it says."""

    def __init__(self, content_type: str = "audio/wav", length: int | None = None) -> None:
        self.content_type = content_type
        self.length = length
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        yield b"hel"
        yield b"lo"

    def read(self, budget: Budget) -> bytes:
        return b"hello"

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(
    ("of_server", "of_bot", "told"),
    [
        ("audio/wav", "video/mp4", "audio/wav"),
        ("image/png; charset=x", "", "image/png"),
        ("text/html", "audio/mpeg", "audio/mpeg"),
        ("text/html", "text/html", None),
        ("image/svg+xml", "image/svg+xml", None),
        ("image/svg+xml; charset=utf-8", "text/plain", None),
        ("IMAGE/SVG+XML", "image/SVG+xml", None),
        ("video/whatever+xml", "audio/a+xml+b", None),
        ("image/svg+xml", "image/png", "image/png"),
    ],
)
def test_what_a_file_is_called(of_server: str, of_bot: str, told: str | None) -> None:
    kind = content_type_of(Opened(of_server), MediaReply("https://h.test/a", of_bot, "a"))
    assert kind == (told or "application/octet-stream")


@pytest.mark.parametrize("length", [None, 5, 6])
def test_a_file_is_as_long_as_was_promised(length: int | None) -> None:
    app = create_app(Settings())
    opened = Opened(length=length)
    with app.test_request_context():
        app.preprocess_request()
        response, record = send_bot_file(opened, "audio/wav"), current_record()
    assert response.content_length == length
    if length == 6:
        with pytest.raises(ConnectionResetError):
            b"".join(response.response)  # type: ignore[arg-type]
        assert record.error == "upstream_error"
    else:
        assert b"".join(response.response) == b"hello"  # type: ignore[arg-type]
        assert record.error is None
    response.close()
    assert opened.closed
