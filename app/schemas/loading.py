"""Loads a payload through a schema; what does not fit is an InvalidRequest naming its field."""

from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar

from marshmallow import EXCLUDE, Schema, ValidationError

from app.errors import InvalidRequest
from app.schemas.json_form import JsonSchema


class BaseSchema(Schema):
    """Fields that a format does not know are accepted everywhere, and dropped.

    ``unknown`` stands here because marshmallow does not pass it on to nested schemas at load time.
    """

    class Meta:
        unknown = EXCLUDE

    also: ClassVar[JsonSchema] = {}
    """For the OpenAPI document: what holds between the fields, as far as JSON Schema can say it."""


@cache
def field_names(schema: type[Schema]) -> frozenset[str]:
    """The fields that a format knows."""
    return frozenset(schema().fields)


def load_payload(schema: Schema, payload: Any) -> dict[str, Any]:
    """The payload as the schema reads it. Raises InvalidRequest for its first fault."""
    if not isinstance(payload, dict):
        raise InvalidRequest("The request body must be a JSON object.")
    try:
        loaded: dict[str, Any] = schema.load(payload)
    except ValidationError as error:
        param, message = _first_fault(error.messages)
        raise InvalidRequest(f"{param}: {message}" if param else message, param=param) from error
    except RecursionError as error:
        raise InvalidRequest("The request body is nested too deeply.") from error
    return loaded


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
