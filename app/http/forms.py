"""Reads forms, with their files, as a payload like one from JSON."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from flask import request
from marshmallow import Schema, fields
from werkzeug.datastructures import FileStorage

from app.core import strict_json
from app.core.conversation import Media
from app.core.media import MAX_FILE_BYTES, checked_type
from app.core.media_types import UNKNOWN, type_of_bytes
from app.errors import InvalidRequest
from app.http.json_bodies import read_json
from app.schemas.fields import Object, TextOrTexts
from app.schemas.parameters import from_form

MAX_DEPTH = 5
"""How deep objects may be nested: ``a[b][c]`` is two deep."""

_Path = tuple[str, ...]
"""The keys of a value: ``a[b]`` and ``a[b][]`` are ``("a", "b")``."""

_NESTED = re.compile(r"([^\[\]]+)\[(.*)\]", re.DOTALL)


def is_form() -> bool:
    """Whether this request has a form as its body."""
    if request.mimetype == "application/x-www-form-urlencoded":
        # curl's -d uses this content type for any body.
        return not request.get_data().lstrip().startswith(b"{")
    return request.mimetype == "multipart/form-data"


def read_payload(schema: Schema) -> Any:
    """The body of this request, a form or JSON. Raises InvalidRequest."""
    return read_form(schema) if is_form() else read_json()


def read_form(schema: Schema) -> dict[str, Any]:
    """The form of this request: texts converted to the schema's types, files as Media.

    ``a[b]`` is a field of an object. Names that end in ``[]`` or occur repeatedly are lists.
    Raises InvalidRequest.
    """
    values: defaultdict[_Path, list[Any]] = defaultdict(list)
    for name, texts in request.form.lists():
        path = _path_of(name)
        values[path] += [_typed(text, path, schema) for text in texts]
    for name, files in request.files.lists():
        path = _path_of(name)
        values[path] += _read_files(name, files, schema, first=len(values[path]))
    if not values:
        raise InvalidRequest("The form is empty, or it is not the form that its boundary says.")
    lists = {_path_of(name) for name in (*request.form, *request.files) if name.endswith("[]")}
    return _nested(
        {
            path: list_ if path in lists or len(list_) > 1 else list_[0]
            for path, list_ in values.items()
        }
    )


def _path_of(name: str) -> _Path:
    """A name with unpaired brackets is taken literally."""
    bare = name.removesuffix("[]")
    found = _NESTED.fullmatch(bare)
    keys = found[2].split("][") if found else []
    if found is None or any("[" in key or "]" in key for key in keys):
        return (bare,)
    if "" in keys or len(keys) > MAX_DEPTH:
        message = f"{name}: At most {MAX_DEPTH} names may be in brackets, and [] only at the end."
        raise InvalidRequest(message, param=name)
    return (found[1], *keys)


def _nested(values: dict[_Path, Any]) -> dict[str, Any]:
    """``{("a", "b"): 1}`` as ``{"a": {"b": 1}}``. Raises InvalidRequest."""
    payload: dict[str, Any] = {}
    for path, value in values.items():
        _check_stands_alone(path, values)
        place = payload
        for key in path[:-1]:
            place = place.setdefault(key, {})
        place[path[-1]] = value
    return payload


def _check_stands_alone(path: _Path, values: dict[_Path, Any]) -> None:
    for length in range(1, len(path)):
        if path[:length] in values:
            name = ".".join(path[:length])
            raise InvalidRequest(f"{name}: Given both as itself and by its parts.", param=name)


def _typed(text: str, path: _Path, schema: Schema) -> Any:
    """A text as the schema's type: "2" is a number for a numeric or unknown field."""
    field, is_part = schema.fields.get(path[0]), len(path) > 1
    if field is None or (is_part and isinstance(field, Object)):
        return from_form(text)
    if is_part or isinstance(field, fields.String | TextOrTexts):
        return text
    try:
        return strict_json.loads(text.lower() if isinstance(field, fields.Boolean) else text)
    except ValueError:
        return text


def _read_files(
    name: str, files: Sequence[FileStorage], schema: Schema, first: int
) -> Iterator[Media]:
    """``first``: how many values of that name precede them."""
    bare = name.removesuffix("[]")
    if bare not in schema.fields:
        raise InvalidRequest(f"{bare}: No file is taken under this name.", param=bare)
    single = name == bare and len(files) == 1
    for index, file in enumerate(files, first):
        yield read_file(file, bare if single else f"{bare}[{index}]")


def read_file(file: FileStorage, param: str) -> Media:
    """An uploaded file. Raises InvalidRequest if it is empty or too large for Poe."""
    data = file.stream.read(MAX_FILE_BYTES + 1)
    if not data:
        raise InvalidRequest(f"{param}: The file is empty.", param=param)
    if len(data) > MAX_FILE_BYTES:
        limit = MAX_FILE_BYTES // 1_000_000
        raise InvalidRequest(f"{param}: The file is larger than {limit} MB.", param=param)
    content_type = type_of_bytes(checked_type(file.mimetype or UNKNOWN, param), data)
    return Media(content_type, bare_name(file) or param, param, data=data)


def bare_name(file: FileStorage) -> str:
    """The file's name without the folders that some clients send. It may be empty."""
    return (file.filename or "").replace("\\", "/").rpartition("/")[2]
