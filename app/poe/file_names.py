"""Texts and file names in a form that Poe accepts."""

import re

from app.core.conversation import Media
from app.core.encodable import encodable
from app.core.media_types import extension_of

NAME_CHARS = 200

_EXTENSION = re.compile(r"[^./\\\s]\.(?=\d*[a-z])[a-z0-9]{1,10}$", re.IGNORECASE)


def file_name(media: Media) -> str:
    """The file's name, with the extension of its content type if it has none.

    Poe recognises the kind of a file by its name.
    """
    name = encodable(media.name)[-NAME_CHARS:].strip() or "file"
    return name if _EXTENSION.search(name) else name + extension_of(media.content_type)
