"""Files as clients send them, whatever the dialect: a URL, a data URL, or bare base64."""

import base64
import binascii
import mimetypes
import re
from urllib.parse import unquote_to_bytes, urlsplit

from app.core.conversation import Media
from app.errors import InvalidRequest

MAX_FILE_BYTES = 50_000_000
"""Poe takes no larger attachments."""

_DATA_URL = re.compile(r"data:(?P<type>[^;,]*)(?P<options>(?:;[^;,]*)*),", re.IGNORECASE)
_USUAL = {"image": "image/png", "video": "video/mp4", "audio": "audio/mpeg"}


def media_from_url(url: str, kind: str, param: str, name: str | None = None) -> Media:
    """A file behind ``https:``, ``http:`` or ``data:``. Raises InvalidRequest naming ``param``.

    ``kind`` is ``image``, ``video``, ``audio`` or ``file``: what to think of a URL without a
    telling extension.
    """
    scheme = url[:8].partition(":")[0].lower()
    if scheme == "data":
        return _from_data_url(url, kind, param, name)
    if scheme not in ("https", "http"):
        raise InvalidRequest(
            f"{param}: Must be an https: or data: URL, not {scheme!r}.", param=param
        )
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise InvalidRequest(f"{param}: Not a valid URL.", param=param) from error
    if not parts.hostname:
        raise InvalidRequest(f"{param}: The URL names no host.", param=param)
    path_name = parts.path.rpartition("/")[2]
    content_type = mimetypes.guess_type(path_name)[0] or _usual_type(kind)
    return Media(content_type, name or path_name or kind, param, url=url)


def _from_data_url(url: str, kind: str, param: str, name: str | None) -> Media:
    found = _DATA_URL.match(url)
    if found is None:
        raise InvalidRequest(f"{param}: Not a valid data URL.", param=param)
    content_type = found["type"].lower() or _usual_type(kind)
    payload = url[found.end() :]
    if ";base64" in found["options"].lower():
        return media_from_base64(payload, content_type, name or kind, param)
    return _checked(unquote_to_bytes(payload), content_type, name or kind, param)


def media_from_base64(payload: str, content_type: str | None, name: str, param: str) -> Media:
    """A file in base64. Without a content type its name tells. Raises InvalidRequest."""
    try:
        data = base64.b64decode(re.sub(r"\s+", "", payload), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest(f"{param}: Not valid base64.", param=param) from error
    guessed = content_type or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return _checked(data, guessed, name, param)


def _checked(data: bytes, content_type: str, name: str, param: str) -> Media:
    if not data:
        raise InvalidRequest(f"{param}: The file is empty.", param=param)
    if len(data) > MAX_FILE_BYTES:
        limit = MAX_FILE_BYTES // 1_000_000
        raise InvalidRequest(f"{param}: The file is larger than {limit} MB.", param=param)
    return Media(content_type, name, param, data=data)


def _usual_type(kind: str) -> str:
    return _USUAL.get(kind, "application/octet-stream")


def named_file(file_id: str, param: str) -> Media:
    """What a dialect puts where a client names a file by its id; ``core/file_ids.py`` completes it.

    A name that the dialect gives it instead of the id stays.
    """
    return Media("", file_id, param, file_id=file_id)


def picture_of(source: Media | str | dict[str, str], param: str) -> Media:
    """A picture that a request starts from: a file of a form, ``{"file_id": id}``, or a link.

    Raises InvalidRequest.
    """
    match source:
        case Media():
            return source
        case {"file_id": file_id}:
            return named_file(file_id, f"{param}.file_id")
        case _:
            return media_from_url(str(source), "image", param)
