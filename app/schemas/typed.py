"""Objects whose ``type`` says what else they hold, as Anthropic writes blocks and tools."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from app.schemas.fields import Flag, Object
from app.schemas.json_form import (
    Describe,
    JsonSchema,
    any_of,
    of_other_type,
    of_type,
)
from app.schemas.loading import BaseSchema


class TypedObject(fields.Field[tuple[str, dict[str, Any]]]):
    """An object, checked by the schema of its type and loaded as a ``(type, object)`` pair."""

    def __init__(
        self,
        schemas: Mapping[str, Schema],
        *,
        others: bool = False,
        default: str | None = None,
        **options: Any,
    ) -> None:
        """``others``: other types are taken as they are. ``default``: the type if none is told."""
        self._schemas = schemas
        self._others = others
        self._default = default
        super().__init__(**options)

    def _deserialize(
        self, value: Any, attr: str | None, data: Any, **options: Any
    ) -> tuple[str, dict[str, Any]]:
        if not isinstance(value, dict):
            raise ValidationError("Must be an object with a type.")
        kind = self._kind(value)
        if kind in self._schemas:
            return kind, self._schemas[kind].load(value)
        if not self._others or kind in self._known():
            known = ", ".join(self._schemas)
            raise ValidationError({"type": [f"Must be one of: {known}; not {kind!r}."]})
        return kind, value

    def json_schema(self, describe: Describe) -> JsonSchema:
        known = [
            of_type(kind, describe(schema), default=kind == self._default)
            for kind, schema in self._schemas.items()
        ]
        return any_of(*known, *([of_other_type(self._known())] if self._others else ()))

    def _known(self) -> Mapping[str, Schema]:
        """Of these types no object is taken as it is."""
        return self._schemas

    def _kind(self, value: dict[str, Any]) -> str:
        kind = value.get("type")
        kind = self._default if kind is None else kind
        if kind is None:
            raise ValidationError({"type": ["Missing data for required field."]})
        if not isinstance(kind, str):
            raise ValidationError({"type": ["Not a valid string."]})
        return kind


class CustomToolSchema(BaseSchema):
    """A tool of the client's own. All others are the vendor's, and known to no bot."""

    name = fields.String(
        required=True,
        validate=validate.Regexp(r"[A-Za-z0-9_.:-]{1,128}\Z", error="Not a valid name of a tool."),
    )
    description = fields.String(load_default=None, allow_none=True)
    input_schema = Object(required=True)
    defer_loading = Flag(load_default=False, allow_none=True)


TOOLS: dict[str, Schema] = {"custom": CustomToolSchema()}


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
