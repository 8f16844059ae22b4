"""Texts and names of files in the form in which Poe can take them."""

import mimetypes
import re

from app.core.conversation import Media

NAME_CHARS = 200

_MORE_EXTENSIONS = {
    "audio/flac": ".flac",
    "audio/m4a": ".m4a",
    "audio/mp3": ".mp3",
    "audio/mp4": ".m4a",
    "audio/ogg": ".ogg",
    "audio/wav": ".wav",
    "audio/webm": ".webm",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/octet-stream": "",
    "application/xml": ".xml",
    "text/markdown": ".md",
}
"""What Python's own table lacks or answers oddly. Octet-stream says nothing of what a file is."""

_own_table = mimetypes.MimeTypes()  # not the machine's, which differs from box to box
_EXTENSION = re.compile(r"[^./\\\s]\.(?=\d*[a-z])[a-z0-9]{1,10}$", re.IGNORECASE)


def encodable(text: str) -> str:
    """The text, lone surrogates replaced: JSON can carry them, UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def file_name(media: Media) -> str:
    """The file's name, with the extension of its content type where it has none of its own.

    Poe tells the kind of a file by its name.
    """
    name = encodable(media.name)[-NAME_CHARS:].strip() or "file"
    return name if _EXTENSION.search(name) else name + _extension_of(media.content_type)


def _extension_of(content_type: str) -> str:
    kind = content_type.partition(";")[0].strip().lower()
    if kind in _MORE_EXTENSIONS:
        return _MORE_EXTENSIONS[kind]
    return _own_table.guess_extension(kind, strict=False) or ""
