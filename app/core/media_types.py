"""Kinds of files: one table of content types, extensions and the bytes that files begin with.

A new kind of file is one row. Poe recognises a file by its name and bots by its content type.
Clients get both wrong, so the first bytes are compared where there are any.
"""

import mimetypes
import re
from dataclasses import dataclass
from os.path import splitext

UNKNOWN = "application/octet-stream"
"""The label of a file of which nothing is known."""

HEAD_BYTES = 32
"""How many bytes of a file are looked at: no ``magic`` reaches beyond them."""


@dataclass(frozen=True, slots=True)
class FileType:
    """``extensions``: the first one is added to names that have none.

    ``aliases``: other names that clients use for the type. ``magic``: a pattern of the first
    HEAD_BYTES of such files. ``shares``: other types whose files begin with the same bytes; a label
    that names one of them is believed.
    """

    content_type: str
    extensions: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    magic: bytes | None = None
    shares: tuple[str, ...] = ()


_OFFICE = "application/vnd.openxmlformats-officedocument"
_OGG = ("application/ogg", "audio/opus", "audio/vorbis", "video/ogg")
_MP4 = ("audio/mp4", "video/mp4", "video/quicktime", "video/3gpp", "image/avif", "image/heic")
_MATROSKA = ("audio/webm", "video/webm", "audio/x-matroska", "video/x-matroska")

FILE_TYPES = (
    FileType("image/png", (".png",), ("image/x-png",), rb"\x89PNG\r\n\x1a\n"),
    FileType("image/jpeg", (".jpg", ".jpeg"), ("image/jpg", "image/pjpeg"), rb"\xff\xd8\xff"),
    FileType("image/gif", (".gif",), (), rb"GIF8[79]a"),
    FileType("image/webp", (".webp",), (), rb"RIFF.{4}WEBP"),
    FileType("image/avif", (".avif",), (), rb".{4}ftypavi[fs]"),
    FileType("image/heic", (".heic", ".heif"), ("image/heif",), rb".{4}ftyp(?:hei[cx]|mif1)"),
    FileType("image/svg+xml", (".svg",)),
    FileType("audio/wav", (".wav",), ("audio/x-wav", "audio/wave"), rb"RIFF.{4}WAVE"),
    FileType("audio/mpeg", (".mp3",), ("audio/mp3",), rb"ID3|\xff[\xf2\xf3\xfa\xfb]"),
    FileType("audio/aac", (".aac",), ("audio/x-aac",), rb"\xff[\xf0\xf1\xf8\xf9]"),
    FileType("audio/flac", (".flac",), ("audio/x-flac",), rb"fLaC"),
    FileType("audio/ogg", (".ogg", ".oga", ".opus"), (), rb"OggS", _OGG),
    FileType("audio/mp4", (".m4a",), ("audio/m4a", "audio/x-m4a"), rb".{4}ftypM4A ", _MP4),
    FileType("video/mp4", (".mp4", ".m4v"), (), rb".{4}ftyp(?!qt)", _MP4),
    FileType("video/quicktime", (".mov",), (), rb".{4}ftypqt", _MP4),
    FileType("video/webm", (".webm",), (), None, _MATROSKA),
    FileType("audio/webm", (".webm",), (), rb"\x1aE\xdf\xa3", _MATROSKA),
    FileType("video/x-matroska", (".mkv",)),
    FileType("application/pdf", (".pdf",), ("application/x-pdf",), rb"%PDF-"),
    FileType("application/xml", (".xml",)),
    FileType("text/plain", (".txt",)),
    FileType("text/markdown", (".md",), ("text/x-markdown",)),
    FileType(f"{_OFFICE}.wordprocessingml.document", (".docx",)),
    FileType(f"{_OFFICE}.spreadsheetml.sheet", (".xlsx",)),
    FileType(f"{_OFFICE}.presentationml.presentation", (".pptx",)),
    FileType(UNKNOWN, ()),
)
"""The first row that fits a name or the bytes of a file counts."""

USUAL = {
    "image": "image/png",
    "video": "video/mp4",
    "audio": "audio/mpeg",
    "document": "application/pdf",
}
"""The type of a file by its role in a request, where nothing else is known of it."""

_python_table = mimetypes.MimeTypes()  # not the machine's, which differs from box to box
_by_name = {
    name: file_type
    for file_type in reversed(FILE_TYPES)
    for name in (file_type.content_type, *file_type.aliases)
}
_by_extension = {
    extension: file_type for file_type in reversed(FILE_TYPES) for extension in file_type.extensions
}
_magic = tuple(
    (re.compile(file_type.magic, re.DOTALL), file_type)
    for file_type in FILE_TYPES
    if file_type.magic
)
_COMPARED = ("image/", "audio/", "video/", "application/pdf", UNKNOWN)
"""Labels that bytes can contradict. A text may begin with any bytes, such as "GIF89a"."""


def canonical(content_type: str) -> str:
    """The standard name of a type, in lower case and without parameters: ``image/JPG`` becomes
    ``image/jpeg``."""
    bare = content_type.partition(";")[0].strip().lower()
    known = _by_name.get(bare)
    return known.content_type if known else bare


def type_of_name(file_name: str) -> str | None:
    """The content type of a file's extension; None for an unknown or missing one."""
    known = _by_extension.get(splitext(file_name)[1].lower())
    return known.content_type if known else _python_table.guess_type(file_name)[0]


def type_of_bytes(label: str, data: bytes) -> str:
    """The content type of a labelled file: that of its first bytes where they contradict the label
    or the label is UNKNOWN, else the label."""
    label = canonical(label) or UNKNOWN
    if not label.startswith(_COMPARED):
        return label
    head = data[:HEAD_BYTES]
    for pattern, file_type in _magic:
        if pattern.match(head):
            return label if label in file_type.shares else file_type.content_type
    return label


def extension_of(content_type: str) -> str:
    """The extension for a file of the type, with its dot; "" where none is known."""
    bare = canonical(content_type)
    known = _by_name.get(bare)
    if known:
        return known.extensions[0] if known.extensions else ""
    return _python_table.guess_extension(bare, strict=False) or ""
