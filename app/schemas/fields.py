"""Fields as strict as JSON: marshmallow's own read "0.5" as a number and 1 as true."""

import json
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, TypeVar

import orjson
from cachetools import LRUCache
from marshmallow import ValidationError, fields, validate

from app.config import MAX_FALLBACKS
from app.core.conversation import Media
from app.core.encodable import is_encodable
from app.core.turns import in_turns
from app.schemas.json_form import (
    BINARY,
    OBJECT,
    TEXT,
    Describe,
    JsonSchema,
    any_of,
    list_of,
)

MAX_REMEMBERED = 64
MAX_STOP_CHARS = 1_000
"""Of a stop sequence, which is looked for in all that a bot writes."""

MAX_STOPS = 16
"""Where the format itself has no limit."""

Loaded = TypeVar("Loaded")


def _check_name(text: str) -> None:
    """A name cannot hold lone surrogates; ``..`` would change the URL."""
    if text in (".", ".."):
        raise ValidationError("Not the name of a model.")
    if not is_encodable(text):
        raise ValidationError("Not a valid string.")


MODEL_NAME = (validate.Length(min=1, max=256), _check_name)
"""Checks of a model's name, which becomes part of a URL and of log lines."""


def is_model_name(value: Any) -> bool:
    """Whether a value passes the checks of MODEL_NAME."""
    if not isinstance(value, str):
        return False
    try:
        for check in MODEL_NAME:
            check(value)
    except ValidationError:
        return False
    return True


INT64 = validate.Range(-(2**63), 2**63 - 1)


TOOL_NAME = validate.Regexp(r"[A-Za-z0-9_.:-]{1,128}\Z", error="Not a valid name of a tool.")
"""Wider than the vendors' own patterns: MCP servers' tools have dots and colons in their names."""


class Number(fields.Float):
    """A finite JSON number."""

    def _validated(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValidationError("Not a valid number.")
        number: float = super()._validated(value)
        return number


class Whole(fields.Integer):
    """A JSON number without a fraction; 1.0 counts as one."""

    def __init__(self, **options: Any) -> None:
        super().__init__(strict=True, **options)

    def _validated(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValidationError("Not a valid integer.")
        # orjson reads integers beyond 64 bits as floats, which have lost their last digits.
        whole = isinstance(value, float) and value.is_integer() and abs(value) < 2**63
        number: int = super()._validated(int(value) if whole else value)
        return number


class Limit(Whole):
    """A whole number, ``least`` or more; loaded as None where the client sends one of
    ``unlimited``, by which it means that there is no limit."""

    least: int
    unlimited: tuple[int | str, ...]

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=validate.Range(self.least), **options)

    def deserialize(  # type: ignore[override]
        self, value: Any, attr: str | None = None, data: Any = None, **options: Any
    ) -> int | None:
        if value in self.unlimited and not isinstance(value, bool):
            return None
        limit: int | None = super().deserialize(value, attr, data, **options)
        return limit

    def json_schema(self, describe: Describe) -> JsonSchema:
        return any_of({"type": "integer", "minimum": self.least}, {"enum": list(self.unlimited)})


class TokenLimit(Limit):
    """A number of tokens. -1 is no limit in n8n, LangChain, LM Studio and Open WebUI, -2 in
    Ollama's options; forms send ""."""

    least = 1
    unlimited = (-1, -2, "")


class TopK(Limit):
    """Of how many tokens the next one is chosen. -1 is all of them in vLLM and llama.cpp, whose
    clients send it elsewhere too."""

    least = 0
    unlimited = (-1,)


class Flag(fields.Boolean):
    """true or false."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("Not a valid boolean.")
        return value


class Object(fields.Field[dict[str, Any]]):
    """A JSON object whose content is not checked."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Any, **options: Any
    ) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValidationError("Not a valid object.")
        return value

    def json_schema(self, describe: Describe) -> JsonSchema:
        return OBJECT


class TextOrTexts(fields.Field[tuple[str, ...]]):
    """A text, or a list of at most ``most`` texts; always loaded as a tuple.

    ``longest``: characters that one text may have.
    """

    def __init__(self, *, most: int, longest: int | None = None, **options: Any) -> None:
        self._most = most
        self._longest = longest
        super().__init__(**options)

    def _deserialize(
        self, value: Any, attr: str | None, data: Any, **options: Any
    ) -> tuple[str, ...]:
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise ValidationError("Must be a text or a list of texts.")
        if len(texts) > self._most:
            raise ValidationError(f"Must have at most {self._most} texts.")
        if self._longest is not None and any(len(text) > self._longest for text in texts):
            raise ValidationError(f"Longer than maximum length {self._longest}.")
        return tuple(texts)

    def json_schema(self, describe: Describe) -> JsonSchema:
        least = 1 if self.required else 0
        return any_of(TEXT, list_of(TEXT, least, self._most))


class Remembered(fields.Field[Any]):
    """A field whose values recur in many requests, such as an agent's tools: each is checked once.

    Loaded values are shared between requests and must not be changed.
    """

    def __init__(self, inner: fields.Field[Any], **options: Any) -> None:
        self._inner = inner
        self._known: LRUCache[bytes, Any] = LRUCache(maxsize=MAX_REMEMBERED)
        super().__init__(load_default=None, allow_none=True, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        key = blake2b(_encoded(value), digest_size=16).digest()
        if key not in self._known:
            self._known[key] = self._inner.deserialize(value, attr, data)
        return self._known[key]

    def json_schema(self, describe: Describe) -> JsonSchema:
        return describe(self._inner)


def _encoded(value: Any) -> bytes:
    """JSON by orjson, which is ten times as fast but refuses lone surrogates and huge numbers."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value).encode()


class FileOfForm(fields.Field[Media]):
    """A file sent in a form."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Media:
        if not isinstance(value, Media):
            raise ValidationError("Must be one file, sent as a part of the form with a filename.")
        return value

    def json_schema(self, describe: Describe) -> JsonSchema:
        return BINARY


def load_each(values: list[Any], load: Callable[[Any], Loaded]) -> list[Loaded]:
    """The values of a list, each loaded. Raises ValidationError: the first fault, by its index."""
    loaded = []
    for index, value in enumerate(in_turns(values)):
        try:
            loaded.append(load(value))
        except ValidationError as fault:
            raise ValidationError({index: fault.messages}) from fault
    return loaded


class Each(fields.List[Any]):
    """A list that is checked up to its first fault, and yields to other clients meanwhile."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if not isinstance(value, list):
            raise self.make_error("invalid")
        return load_each(value, lambda each: self.inner.deserialize(each, **options))


def model_names() -> Any:
    """The models that may answer in place of the one that is asked."""
    names = fields.String(validate=MODEL_NAME)
    return optional(fields.List, cls_or_instance=names, validate=validate.Length(max=MAX_FALLBACKS))


def optional(field: type[fields.Field[Any]], **options: Any) -> Any:
    """A field that may be null, which SDKs send for "not given"."""
    return field(load_default=None, allow_none=True, **options)
