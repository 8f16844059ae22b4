"""Opens the files that bots made, for endpoints that return more than their links."""

import errno
import re
from collections.abc import Iterator
from typing import Protocol

from flask import Response, request

from app.config import Settings
from app.core.events import MediaReply
from app.core.media import media_from_url
from app.core.media_types import UNKNOWN
from app.errors import ApiError, InvalidRequest, UpstreamError
from app.http.presence import ClientGone, Presence
from app.http.request_log import RequestRecord, current_record
from app.poe.downloads import BLOCK_BYTES, Budget, open_download
from app.poe.links import Origin

_MEDIA_TYPE = re.compile(r"(?:image|video|audio)/(?![\w.+-]*\+xml)[\w.+-]+", re.ASCII)
"""No XML, such as SVG, which may contain scripts."""


class SentFile(Protocol):
    """A file that is read once. ``length``: its size in bytes, if known."""

    content_type: str
    length: int | None

    def __iter__(self) -> Iterator[bytes]: ...

    def close(self) -> None: ...


class BotFile(SentFile, Protocol):
    """One that can also be read as a whole."""

    def read(self, budget: Budget) -> bytes: ...


class _Carried:
    """A file from a data URL."""

    def __init__(self, content_type: str, data: bytes) -> None:
        self.content_type = content_type
        self.length: int | None = len(data)
        self._data = data

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, len(self._data), BLOCK_BYTES):
            yield self._data[start : start + BLOCK_BYTES]

    def read(self, budget: Budget) -> bytes:
        budget.spend(len(self._data))
        return self._data

    def close(self) -> None:
        pass


def open_bot_file(url: str, settings: Settings, home: Origin | None) -> BotFile:
    """``home``: as ``home_of_bot``. Raises UpstreamError, because the link is the bot's."""
    if url[:5].lower() != "data:":
        return open_download(url, settings, home)
    try:
        media = media_from_url(url, "file", "file")
    except InvalidRequest as error:
        raise UpstreamError("The bot's file could not be read from its data URL.") from error
    return _Carried(media.content_type, media.data or b"")


def open_for_client(url: str, settings: Settings, home: Origin | None) -> BotFile:
    """A file that the client of this request waits for.

    Raises ClientGone once it has left, and UpstreamError.
    """
    with Presence(request.environ).awaited():
        return open_bot_file(url, settings, home)


def content_type_of(opened: SentFile, file: MediaReply) -> str:
    """The content type by its server or its bot, if it is a picture, a sound or a video.

    Other types are not passed on: a browser might run what a bot has written.
    """
    matched = _MEDIA_TYPE.match(opened.content_type) or _MEDIA_TYPE.match(file.content_type)
    return matched[0] if matched else UNKNOWN


def send_bot_file(opened: SentFile, content_type: str) -> Response:
    """Passes the file on as it arrives. If it breaks off, the body does too."""
    body = _passed_on(opened, current_record(), Presence(request.environ))
    response = Response(body, mimetype=content_type)
    if opened.length is not None:
        response.content_length = opened.length
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.call_on_close(opened.close)
    return response


def _passed_on(opened: SentFile, record: RequestRecord, presence: Presence) -> Iterator[bytes]:
    """Raises ConnectionResetError for a file that breaks off: gunicorn closes the connection."""
    try:
        yield from _whole(_watched(opened, presence), opened.length)
    except ApiError as error:
        record.error = error.code or error.type
        raise ConnectionResetError(errno.ECONNRESET, error.message) from error
    except ClientGone as error:
        record.error = "client_gone"
        raise ConnectionResetError(errno.ECONNRESET, "The client has left.") from error


def _watched(opened: SentFile, presence: Presence) -> Iterator[bytes]:
    """The same blocks, as long as the client is connected."""
    blocks = iter(opened)
    while True:
        with presence.awaited():
            block = next(blocks, b"")
        if not block:
            return
        yield block


def _whole(blocks: Iterator[bytes], length: int | None) -> Iterator[bytes]:
    """The same blocks. Raises UpstreamError if they end before ``length``."""
    received = 0
    for block in blocks:
        received += len(block)
        yield block
    if received < (length or 0):
        raise UpstreamError("The bot's file ended too early.")
