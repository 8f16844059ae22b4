"""Files as clients send them in any dialect: a URL, a data URL, or base64."""

import base64
import binascii
import io
import re
from urllib.parse import unquote_to_bytes, urlsplit

from app.core.conversation import Media
from app.core.media_types import UNKNOWN, USUAL, canonical, type_of_bytes, type_of_name
from app.core.turns import in_pieces
from app.errors import InvalidRequest

MAX_FILE_BYTES = 50_000_000
"""Poe accepts no larger attachments."""

MAX_HEADER_CHARS = 1_024
"""Of a data URL, up to its comma."""
MAX_ESCAPES = 200_000
"""Percent signs in a data URL that is not base64: each takes some 100 bytes to decode."""


def media_from_url(url: str, kind: str, param: str, name: str | None = None) -> Media:
    """A file behind ``https:``, ``http:`` or ``data:``. Raises InvalidRequest naming ``param``.

    ``kind`` is ``image``, ``video``, ``audio``, ``document`` or ``file``: the content type where
    neither the URL's extension nor the bytes show it.
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
    content_type = type_of_name(path_name) or UNKNOWN
    if content_type == UNKNOWN:
        content_type = USUAL.get(kind, UNKNOWN)
    return Media(content_type, name or path_name or kind, param, url=url)


def _from_data_url(url: str, kind: str, param: str, name: str | None) -> Media:
    header, comma, _ = url[: MAX_HEADER_CHARS + 1].partition(",")
    if not comma:
        raise InvalidRequest(
            f"{param}: Not a valid data URL: no comma within its first {MAX_HEADER_CHARS:,} "
            "characters.",
            param=param,
        )
    named, *options = header.partition(":")[2].split(";")
    if named and "/" not in named:
        message = f"{param}: The data URL has no content type; write data:image/png;base64,..."
        raise InvalidRequest(message, param=param)
    content_type = canonical(named) or USUAL.get(kind, UNKNOWN)
    begin = len(header) + 1
    if any(option.lower().startswith("base64") for option in options):
        return media_from_base64(url, content_type, name or kind, param, begin)
    payload = url[begin:]
    if payload.count("%") > MAX_ESCAPES:
        raise InvalidRequest(
            f"{param}: The data URL has more than {MAX_ESCAPES:,} percent signs. Send the file in "
            "base64.",
            param=param,
        )
    return _checked(unquote_to_bytes(payload), content_type, name or kind, param)


def media_from_base64(
    payload: str, content_type: str | None, name: str, param: str, begin: int = 0
) -> Media:
    """A file in base64, which begins at an index. Without a content type, its name's extension
    counts. Raises InvalidRequest."""
    try:
        data = _decoded(payload, begin)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest(f"{param}: Not valid base64.", param=param) from error
    return _checked(data, content_type or type_of_name(name) or UNKNOWN, name, param)


def _decoded(payload: str, begin: int) -> bytes:
    """Four characters are three bytes, wherever white space lies between them.

    Raises binascii.Error, ValueError.
    """
    data, rest, is_padded = io.BytesIO(), "", False
    for piece in in_pieces(payload, begin):
        text = rest + "".join(piece.split())
        if is_padded and text:
            raise ValueError("something follows the padding")
        whole = len(text) // 4 * 4
        data.write(base64.b64decode(text[:whole], validate=True))
        is_padded = text.endswith("=", 0, whole)
        rest = text[whole:]
    data.write(base64.b64decode(rest, validate=True))
    return data.getvalue()


_ENCODED = re.compile(r"[A-Za-z0-9+/_-]{100,}={0,2}\s*\Z|data:[^,\s]{0,200};base64,")


def is_encoded(text: str) -> bool:
    """Whether a text looks like the bytes of a file in base64, and says nothing to a reader."""
    return _ENCODED.match(text) is not None


_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}")


def checked_type(content_type: str, param: str) -> str:
    """A type as RFC 6838, section 4.2 has it, without parameters: it becomes a header of the
    upload. Raises InvalidRequest."""
    bare = content_type.partition(";")[0].strip()
    if not _TYPE.fullmatch(bare):
        raise InvalidRequest(f"{param}: Not a content type: {bare[:100]!r}.", param=param)
    return bare


def _checked(data: bytes, content_type: str, name: str, param: str) -> Media:
    content_type = checked_type(content_type, param)
    if not data:
        raise InvalidRequest(f"{param}: The file is empty.", param=param)
    if len(data) > MAX_FILE_BYTES:
        limit = MAX_FILE_BYTES // 1_000_000
        raise InvalidRequest(f"{param}: The file is larger than {limit} MB.", param=param)
    return Media(type_of_bytes(content_type, data), name, param, data=data)


def named_file(file_id: str, param: str) -> Media:
    """A file of which only the id is known; ``core/file_ids.py`` completes it.

    If a dialect sets another ``name`` than the id, that name is kept.
    """
    return Media("", file_id, param, file_id=file_id)


def picture_of(source: Media | str | dict[str, str], param: str) -> Media:
    """An input picture of a request: a file of a form, ``{"file_id": id}``, or a link.

    Raises InvalidRequest.
    """
    match source:
        case Media():
            return source
        case {"file_id": file_id}:
            return named_file(file_id, f"{param}.file_id")
        case _:
            return media_from_url(str(source), "image", param)
