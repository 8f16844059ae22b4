"""Loads a payload through a schema. An InvalidRequest names the field that does not fit."""

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any, ClassVar

from marshmallow import EXCLUDE, Schema, ValidationError, missing

from app.errors import InvalidRequest
from app.schemas.json_form import JsonSchema

MAX_NARROWED = 512

MAX_FIELDS = 1_000
"""Of a request. Those that a format does not know are the bot's parameters."""


class BaseSchema(Schema):
    """Unknown fields are accepted everywhere and dropped.

    ``unknown`` is set here because marshmallow does not pass it on to nested schemas at load time.
    """

    class Meta:
        unknown = EXCLUDE

    also: ClassVar[JsonSchema] = {}
    """For the OpenAPI document: constraints between fields, as far as JSON Schema can state
    them."""


@cache
def field_names(schema: type[Schema]) -> frozenset[str]:
    """The names of a schema's fields."""
    return frozenset(schema().fields)


def load_payload(schema: Schema, payload: Any) -> dict[str, Any]:
    """The payload as the schema reads it. Raises InvalidRequest for its first fault."""
    if not isinstance(payload, dict):
        raise InvalidRequest("The request body must be a JSON object.")
    if len(payload) > MAX_FIELDS:
        raise InvalidRequest(f"The request body has more than {MAX_FIELDS:,} fields.")
    narrow, defaults = _narrowed(type(schema), frozenset(payload).intersection(schema.load_fields))
    try:
        loaded: dict[str, Any] = {**defaults, **narrow.load(payload)}
    except ValidationError as error:
        param, message = _first_fault(error.messages)
        raise InvalidRequest(f"{param}: {message}" if param else message, param=param) from error
    except RecursionError as error:
        raise InvalidRequest("The request body is nested too deeply.") from error
    return loaded


@lru_cache(maxsize=MAX_NARROWED)
def _narrowed(kind: type[Schema], sent: frozenset[str]) -> tuple[Schema, dict[str, Any]]:
    """The schema without the optional fields that were not sent, and what they are then.

    A request sends 5 of a format's 50 fields, and marshmallow takes as long for one that is absent
    as for one that is there. Schemas with steps of their own get all their fields.
    """
    schema = kind()
    if any(schema._hooks.values()):
        return schema, {}
    absent = {
        name: field
        for name, field in schema.load_fields.items()
        if name not in sent
        and not field.required
        and field.data_key is None
        and not callable(field.load_default)
    }
    defaults = {
        field.attribute or name: field.load_default
        for name, field in absent.items()
        if field.load_default is not missing
    }
    return kind(only=schema.load_fields.keys() - absent.keys()), defaults


def _first_fault(messages: Any) -> tuple[str | None, str]:
    """The path to the first fault, such as ``messages[2].role``, and what is wrong there."""
    path = ""
    while isinstance(messages, Mapping):
        key, messages = next(iter(messages.items()))
        if isinstance(key, int):
            path += f"[{key}]"
        elif key != "_schema":
            path += f".{key}" if path else str(key)
    return path or None, str(messages[0] if isinstance(messages, list) else messages)
