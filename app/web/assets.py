"""The files of the page, read and compressed once, and the digest that names their version."""

import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import brotli

FOLDER = Path(__file__).parent / "static"
INDEX = "index.html"

_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
"""Not left to ``mimetypes``, which reads the machine's own tables: modules need their type."""

_BROTLI_QUALITY = 6
"""All files together take about 50 ms; 11 would take 2 s and save a tenth."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file and its compressed forms by name of the encoding; ``""`` is the file as it is."""

    content_type: str
    bodies: Mapping[str, bytes] = field(repr=False)
    etag: str


@dataclass(frozen=True, slots=True)
class Assets:
    """``digest`` changes with any byte of any file, so URLs that hold it can be kept for ever."""

    digest: str
    index: str
    files: Mapping[str, Asset]


@cache
def load_assets() -> Assets:
    """Read the folder. ``files`` are named by their path within it, such as ``views/play.js``."""
    contents = {
        path.relative_to(FOLDER).as_posix(): path.read_bytes()
        for path in sorted(FOLDER.rglob("*"))
        if path.is_file()
    }
    digest = hashlib.sha256()
    for name, content in contents.items():
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    index = contents.pop(INDEX).decode()
    files = {name: compressed(content, content_type(name)) for name, content in contents.items()}
    return Assets(digest.hexdigest()[:16], index, files)


def compressed(content: bytes, type_: str) -> Asset:
    """The content with a form of it for each encoding that browsers accept."""
    bodies = {
        "br": brotli.compress(content, mode=brotli.MODE_TEXT, quality=_BROTLI_QUALITY),
        "gzip": gzip.compress(content, 6, mtime=0),
        "": content,
    }
    return Asset(type_, bodies, hashlib.sha256(content).hexdigest()[:16])


def content_type(name: str) -> str:
    guessed = _TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "text/plain"
    return f"{guessed}; charset=utf-8"
