"""Server-sent events as the dialects write them: compact JSON in ASCII."""

import json
from collections.abc import Callable
from json.encoder import encode_basestring_ascii
from typing import Any

compact_json = json.JSONEncoder(separators=(",", ":")).encode

_MARK = "\0text"
_ENCODED_MARK = encode_basestring_ascii(_MARK)


def data_frame(data: dict[str, Any]) -> bytes:
    """One event without a name."""
    return b"data: " + compact_json(data).encode("ascii") + b"\n\n"


def named_frame(data: dict[str, Any]) -> bytes:
    """One event, named after its ``type``: Anthropic's SDKs ignore events without a name."""
    return f"event: {data['type']}\ndata: {compact_json(data)}\n\n".encode("ascii")


class TextFrames:
    """Frames that differ in one text. All else is encoded once, for a stream has thousands.

    The text is escaped by the standard library's function in C: orjson is no faster for a token,
    writes no ASCII, and refuses halves of a surrogate pair.
    """

    def __init__(self, frame: Callable[[str], bytes]) -> None:
        """``frame`` makes the frame of a text, which is the last one in it."""
        self._head, _, self._tail = frame(_MARK).decode("ascii").rpartition(_ENCODED_MARK)

    def __call__(self, text: str) -> bytes:
        return f"{self._head}{encode_basestring_ascii(text)}{self._tail}".encode("ascii")
