"""Fields for objects whose ``type`` selects their schema: alone, or a text or a list of them."""

from collections.abc import Callable, Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields

from app.schemas.fields import load_each
from app.schemas.json_form import (
    TEXT,
    Describe,
    JsonSchema,
    any_of,
    list_of,
    of_other_type,
    of_type,
)
from app.schemas.loading import BaseSchema


class TypedObject(fields.Field[Any]):
    """An object, checked by the schema of its type: a discriminated union.

    Loaded as a ``(type, object)`` pair; with ``flat`` as the object, its type among its fields.
    """

    def __init__(
        self,
        schemas: Mapping[str, Schema],
        noun: str = "object",
        *,
        others: bool = False,
        default: str | None = None,
        flat: bool = False,
        **options: Any,
    ) -> None:
        """``noun``: what errors call such an object. ``others``: objects of unknown types are
        loaded as they are. ``default``: the type of an object that has none."""
        self.noun = noun
        self._schemas = schemas
        self._others = others
        self._default = default
        self._flat = flat
        super().__init__(**options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if not isinstance(value, dict):
            raise ValidationError(f"Must be an object with a type: the {self.noun}.")
        kind = self.type_of(value)
        if kind is None:
            raise ValidationError({"type": ["Missing data for required field."]})
        if not isinstance(kind, str):
            raise ValidationError({"type": ["Not a valid string."]})
        schema = self._schemas.get(kind)
        loaded = self.load_other(kind, value) if schema is None else schema.load(value)
        return {"type": kind, **loaded} if self._flat else (kind, loaded)

    def type_of(self, value: dict[str, Any]) -> Any:
        kind = value.get("type")
        return self._default if kind is None else kind

    def load_other(self, kind: str, value: dict[str, Any]) -> dict[str, Any]:
        """An object of none of the types. Raises ValidationError where it is not accepted."""
        if self._others and kind not in self.known_types():
            return value
        known = ", ".join(self._schemas)
        message = f"Unknown type of {self.noun}: {kind!r}. Must be one of: {known}."
        raise ValidationError({"type": [message]})

    def known_types(self) -> Mapping[str, Schema]:
        """Types of which no object is loaded as it is."""
        return self._schemas

    def json_schema(self, describe: Describe) -> JsonSchema:
        known = [
            of_type(kind, describe(schema), default=kind == self._default)
            for kind, schema in self._schemas.items()
        ]
        return any_of(*known, *self.other_forms())

    def other_forms(self) -> tuple[JsonSchema, ...]:
        """The forms of objects that ``load_other`` accepts."""
        return (of_other_type(self.known_types()),) if self._others else ()


class TextOrObjects(fields.Field[Any]):
    """A text, or a list of typed objects."""

    def __init__(
        self,
        inner: TypedObject,
        from_text: Callable[[str], Any] = lambda text: text,
        **options: Any,
    ) -> None:
        """``from_text``: what a text is loaded as."""
        self._inner = inner
        self._from_text = from_text
        super().__init__(**options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if isinstance(value, str):
            return self._from_text(value)
        if not isinstance(value, list):
            raise ValidationError(f"Must be a text or a list of {self._inner.noun}s.")
        return load_each(value, self._inner.deserialize)

    def json_schema(self, describe: Describe) -> JsonSchema:
        return any_of(TEXT, list_of(describe(self._inner)))


class WordOrNested(fields.Field[Any]):
    """One of some words, loaded as it is, or an object of a schema."""

    def __init__(self, words: tuple[str, ...], schema: type[BaseSchema], **options: Any) -> None:
        self._words = words
        self._schema = schema()
        super().__init__(load_default=None, allow_none=True, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if isinstance(value, dict):
            return self._schema.load(value)
        if value not in self._words:
            raise ValidationError(f"Must be an object or one of: {', '.join(self._words)}.")
        return value

    def json_schema(self, describe: Describe) -> JsonSchema:
        return any_of({"enum": list(self._words)}, describe(self._schema))
