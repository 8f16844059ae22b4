"""Forms with files, read as the payload that a schema would load from JSON."""

import json
from typing import Any

from flask import request
from marshmallow import Schema, fields
from werkzeug.datastructures import FileStorage

from app.core.conversation import Media
from app.dialects.media import MAX_FILE_BYTES
from app.errors import InvalidRequest

FORM_TYPES = ("multipart/form-data", "application/x-www-form-urlencoded")

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
)


def is_form() -> bool:
    """Whether the request at hand carries a form."""
    return request.mimetype in FORM_TYPES


def read_form(schema: Schema) -> dict[str, Any]:
    """The form of the request at hand: its texts as its schema's types, its files as Media.

    A name that ends in ``[]`` or comes several times has a list. Raises InvalidRequest.
    """
    request.max_form_memory_size = None  # a picture may be a data URL; MAX_BODY_MB holds
    values: dict[str, list[Any]] = {}
    for name, texts in request.form.lists():
        bare = name.removesuffix("[]")
        values.setdefault(bare, []).extend(_typed(text, schema.fields.get(bare)) for text in texts)
    for name, files in request.files.lists():
        bare, first = name.removesuffix("[]"), len(values.get(name.removesuffix("[]"), ()))
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


def _typed(text: str, field: fields.Field[Any] | None) -> Any:
    """A form knows only texts: "2" is a number where the schema has one there."""
    if field is None or isinstance(field, fields.String):
        return text
    try:
        return json.loads(text.lower() if isinstance(field, fields.Boolean) else text)
    except (ValueError, RecursionError):
        return text


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
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _MAGIC if data.startswith(magic)), told)
