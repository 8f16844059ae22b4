"""Forms with files, read as the payload that a schema would load from JSON."""

import json
import re
from typing import Any

from flask import request
from marshmallow import Schema, fields
from werkzeug.datastructures import FileStorage

from app.core.conversation import Media
from app.dialects.media import MAX_FILE_BYTES
from app.dialects.parameters import from_form
from app.errors import InvalidRequest
from app.schemas.fields import TextOrTexts

MOST_PARTS = 10_000
"""Each text of a list is a part, and some forms have several lists of up to a thousand."""

_MAGIC = (
    (rb"\x89PNG\r\n\x1a\n", "image/png"),
    (rb"\xff\xd8\xff", "image/jpeg"),
    (rb"GIF8", "image/gif"),
    (rb"RIFF.{4}WEBP", "image/webp"),
    (rb"RIFF.{4}WAVE", "audio/wav"),
    (rb"ID3|\xff[\xf2\xf3\xfa\xfb]", "audio/mpeg"),
    (rb"\xff[\xf0\xf1\xf8\xf9]", "audio/aac"),
    (rb"OggS", "audio/ogg"),
    (rb"fLaC", "audio/flac"),
    (rb".{4}ftypM4A ", "audio/mp4"),
    (rb".{4}ftyp", "video/mp4"),
    (rb"\x1aE\xdf\xa3", "audio/webm"),
)
"""How files begin; the first that fits counts."""


def is_form() -> bool:
    """Whether the request at hand carries a form."""
    if request.mimetype == "application/x-www-form-urlencoded":
        # So curl calls whatever its -d sends.
        return not request.get_data().lstrip().startswith(b"{")
    return request.mimetype == "multipart/form-data"


def read_form(schema: Schema) -> dict[str, Any]:
    """The form of the request at hand: its texts as its schema's types, its files as Media.

    A name that ends in ``[]`` or comes several times has a list. Raises InvalidRequest.
    """
    request.max_form_memory_size = None  # a picture may be a data URL; MAX_BODY_MB holds
    request.max_form_parts = MOST_PARTS
    values: dict[str, list[Any]] = {}
    for name, texts in request.form.lists():
        bare = name.removesuffix("[]")
        values.setdefault(bare, []).extend(_typed(text, bare, schema) for text in texts)
    for name, files in request.files.lists():
        bare, first = name.removesuffix("[]"), len(values.get(name.removesuffix("[]"), ()))
        _check_takes_file(bare, schema)
        single = name == bare and len(files) == 1
        values.setdefault(bare, []).extend(
            read_file(file, bare if single else f"{bare}[{index}]")
            for index, file in enumerate(files, first)
        )
    if not values:
        raise InvalidRequest("The form is empty, or it is not the form that its boundary says.")
    lists = {name[:-2] for name in (*request.form, *request.files) if name.endswith("[]")}
    return {
        name: list_ if name in lists or len(list_) > 1 else list_[0]
        for name, list_ in values.items()
    }


def _typed(text: str, name: str, schema: Schema) -> Any:
    """A form knows only texts: "2" is a number where the schema has one there.

    A name such as ``chunking_strategy[type]`` is a part of an object, and left to the schema.
    """
    field = schema.fields.get(name)
    if "[" in name or isinstance(field, fields.String | TextOrTexts):
        return text
    if field is None:
        return from_form(text)
    try:
        return json.loads(text.lower() if isinstance(field, fields.Boolean) else text)
    except (ValueError, RecursionError):
        return text


def _check_takes_file(name: str, schema: Schema) -> None:
    if name not in schema.fields:
        raise InvalidRequest(f"{name}: No file is taken under this name.", param=name)


def read_file(file: FileStorage, param: str) -> Media:
    """An uploaded file. Raises InvalidRequest for an empty one and one too large for Poe."""
    data = file.stream.read(MAX_FILE_BYTES + 1)
    if not data:
        raise InvalidRequest(f"{param}: The file is empty.", param=param)
    if len(data) > MAX_FILE_BYTES:
        limit = MAX_FILE_BYTES // 1_000_000
        raise InvalidRequest(f"{param}: The file is larger than {limit} MB.", param=param)
    name = (file.filename or "").replace("\\", "/").rpartition("/")[2]
    return Media(_content_type(file, data), name or param, param, data=data)


def _content_type(file: FileStorage, data: bytes) -> str:
    """What the form says, unless it says nothing: the openai SDK sends bare bytes so."""
    told = file.mimetype or "application/octet-stream"
    if told != "application/octet-stream":
        return told
    return next((kind for magic, kind in _MAGIC if re.match(magic, data, re.DOTALL)), told)
