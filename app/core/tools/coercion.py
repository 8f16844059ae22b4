"""Arguments brought to the types of a tool's JSON schema, where that loses nothing."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from app.core.tools.elements import gathered, read_elements
from app.core.tools.mending import read_json, tidied

_STEPS = 100_000
_DEPTH = 64
_HOPS = 8
_UNCHANGED = object()
_INTEGER = re.compile(r"-?(?:0|[1-9]\d{0,17})\Z")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,17})(?:\.\d{1,17})?(?:[eE][+-]?\d{1,3})?\Z")
_WORDS: dict[str, dict[str, Any]] = {
    "boolean": {"true": True, "false": False},
    "null": {"null": None, "none": None},
}


def compact(value: Any) -> str:
    """JSON without blanks. Lone surrogates, which no UTF-8 can hold, stay escaped.

    Raises ValueError for infinity and NaN.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"))
    return text


def coerced(value: Any, schema: Any) -> Any:
    """The value, its parts brought to the types that the schema tells; it may be any schema."""
    return _Coercion(schema).bring(value, schema, 0)


class _Coercion:
    """One walk over value and schema, bounded in steps: a schema may refer to itself."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._steps = _STEPS

    def bring(self, value: Any, schema: Any, depth: int) -> Any:
        self._steps -= 1
        schema = self._resolved(schema)
        if not isinstance(schema, Mapping) or self._steps < 0 or depth > _DEPTH:
            return value
        for part in _schemas(schema.get("allOf")):
            value = self.bring(value, part, depth + 1)
        for key in ("anyOf", "oneOf"):
            value = self._bring_to_any(value, _schemas(schema.get(key)), depth)
        value = _to_option(_to_types(value, _types(schema)), schema.get("enum"))
        if isinstance(value, dict):
            return self._bring_members(value, schema, depth)
        items = schema.get("items")
        if isinstance(value, list) and isinstance(items, Mapping):
            return [self.bring(item, items, depth + 1) for item in value]
        return value

    def _bring_members(self, value: dict[str, Any], schema: Any, depth: int) -> dict[str, Any]:
        known = schema.get("properties")
        known = known if isinstance(known, Mapping) else {}
        others = schema.get("additionalProperties")
        return {
            key: self.bring(member, known.get(key, others), depth + 1)
            for key, member in value.items()
        }

    def _bring_to_any(self, value: Any, schemas: Sequence[Any], depth: int) -> Any:
        """To the alternative whose type it has; else to the first that it can be brought to."""
        self._steps -= len(schemas)
        alternatives = [self._resolved(schema) for schema in schemas]
        fitting = [schema for schema in alternatives if _fits(value, schema)]
        if fitting:
            return self.bring(value, fitting[0], depth + 1)
        for schema in alternatives:
            brought = self.bring(value, schema, depth + 1)
            if _fits(brought, schema):
                return brought
        return value

    def _resolved(self, schema: Any) -> Any:
        """The schema that a ``$ref`` within the same schema means."""
        for _ in range(_HOPS):
            reference = schema.get("$ref") if isinstance(schema, Mapping) else None
            if not isinstance(reference, str) or not reference.startswith("#"):
                return schema
            schema = self._pointed_at(reference[1:])
        return schema

    def _pointed_at(self, pointer: str) -> Any:
        place = self._root
        for step in pointer.split("/")[1:]:
            step = step.replace("~1", "/").replace("~0", "~")
            place = place.get(step) if isinstance(place, Mapping) else None
        return place


def _schemas(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _types(schema: Mapping[str, Any]) -> list[str]:
    """The names of the types; where only properties or items are told, that says it too."""
    told = schema.get("type")
    if isinstance(told, str):
        return [told]
    if isinstance(told, list | tuple):
        return [name for name in told if isinstance(name, str)]
    if isinstance(schema.get("properties"), Mapping):
        return ["object"]
    return ["array"] if isinstance(schema.get("items"), Mapping) else []


def _fits(value: Any, schema: Any) -> bool:
    """Whether the value has the type, and an object the members that tell alternatives apart."""
    if not isinstance(schema, Mapping):
        return schema is True
    types = _types(schema)
    if types and not any(_is_of(value, name) for name in types):
        return False
    options = [schema["const"]] if "const" in schema else schema.get("enum")
    if isinstance(options, list) and value not in options:
        return False
    if not isinstance(value, dict):
        return True
    required, properties = schema.get("required"), schema.get("properties")
    if not all(isinstance(key, str) and key in value for key in _schemas(required)):
        return False
    known = properties if isinstance(properties, Mapping) else {}
    return all(
        not (isinstance(known.get(key), Mapping) and "const" in known[key])
        or known[key]["const"] == member
        for key, member in value.items()
    )


def _is_of(value: Any, name: str) -> bool:
    match name:
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "null":
            return value is None
        case "array":
            return isinstance(value, list)
        case "object":
            return isinstance(value, dict)
    return True


def _to_types(value: Any, types: list[str]) -> Any:
    if not types or any(_is_of(value, name) for name in types):
        return value
    for name in types:
        brought = _to_type(value, name)
        if brought is not _UNCHANGED:
            return brought
    return value


def _to_type(value: Any, name: str) -> Any:
    if name == "string":
        # Not a float: 3.10 was read as 3.1.
        return compact(value) if isinstance(value, bool | int | list | dict) else _UNCHANGED
    if name == "integer" and isinstance(value, float):
        whole = value.is_integer() and abs(value) < 2**53
        return int(value) if whole else _UNCHANGED
    if not isinstance(value, str):
        return _UNCHANGED
    text = value.strip()
    if name in _WORDS:
        return _WORDS[name].get(text.lower(), _UNCHANGED)
    if name in ("integer", "number"):
        return _to_number(text, name)
    return _to_container(text, name)


def _to_number(text: str, name: str) -> Any:
    if _INTEGER.match(text):
        return int(text)
    if name == "number" and _NUMBER.match(text) and math.isfinite(float(text)):
        return float(text)
    return _UNCHANGED


def _to_container(text: str, name: str) -> Any:
    """An array or object from its JSON, or from child elements."""
    if text.startswith(("{", "[")):
        value = read_json(text)
        value = tidied(text) if value is None else value
        return value if _is_of(value, name) else _UNCHANGED
    elements = read_elements(text) if text.startswith("<") else None
    if elements is None or name not in ("array", "object"):
        return _UNCHANGED
    return gathered(elements) if name == "object" else [value for _, value in elements]


def _to_option(value: Any, options: Any) -> Any:
    """The option that the text spells, where the options are no texts."""
    if not isinstance(value, str) or not isinstance(options, list) or value in options:
        return value
    spelt = (option for option in options if isinstance(option, bool | int | None))
    return next((option for option in spelt if compact(option) == value.strip()), value)
