"""JSON Schema for our own fields and schemas, where apispec cannot derive it.

A field of our own has a method ``json_schema(describe)``, and an attribute ``form_schema`` where a
form carries it differently; a schema states constraints between its fields in ``also``.
"""

from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any

from marshmallow import Schema, fields

JsonSchema = dict[str, Any]
Describe = Callable[[Schema | fields.Field[Any]], JsonSchema]
"""Gives the JSON Schema of an inner field or schema."""

NULL: JsonSchema = {"type": "null"}
TEXT: JsonSchema = {"type": "string"}
FILLED: JsonSchema = {"type": "string", "minLength": 1}
OBJECT: JsonSchema = {"type": "object"}
LINK: JsonSchema = {"type": "string", "format": "uri"}
"""``https:``, ``http:`` or ``data:``."""
BASE64: JsonSchema = {"type": "string", "contentEncoding": "base64"}
BINARY: JsonSchema = {"type": "string", "format": "binary"}


def any_of(*forms: JsonSchema) -> JsonSchema:
    alternatives = (form["anyOf"] if form.keys() == {"anyOf"} else [form] for form in forms)
    return {"anyOf": list(chain.from_iterable(alternatives))}


def list_of(form: JsonSchema, least: int = 0, most: int | None = None) -> JsonSchema:
    bounds = {"minItems": least or None, "maxItems": most}
    result = {name: bound for name, bound in bounds.items() if bound is not None}
    return {"type": "array", "items": form, **result}


def given(name: str, form: JsonSchema | None = None) -> JsonSchema:
    """The field is present and not null; with ``form``, it matches that form."""
    return {"required": [name], "properties": {name: form or {"not": NULL}}}


def where(name: str, *values: Any) -> JsonSchema:
    """The field is present, and its value is one of these."""
    return given(name, {"enum": list(values)})


def under_its_type(*kinds: str) -> JsonSchema:
    """The object's content is under the key that its ``type`` names."""
    return any_of(*({"allOf": [where("type", kind), given(kind)]} for kind in kinds))


def of_type(kind: str, form: JsonSchema, *, default: bool = False) -> JsonSchema:
    """An object of that ``type``. ``default``: also an object without a type."""
    if default:
        return {"allOf": [form, {"properties": {"type": {"enum": [kind, None]}}}]}
    return {"allOf": [form, where("type", kind)]}


def of_other_type(known: Mapping[str, Schema], pattern: str | None = None) -> JsonSchema:
    """An object of an unknown type; ``pattern``: what such types look like."""
    kind: JsonSchema = {"type": "string", "not": {"enum": list(known)}}
    if pattern:
        kind["pattern"] = pattern
    return {"type": "object", **given("type", kind)}


def without_null(form: JsonSchema) -> JsonSchema:
    """The form without null, for query strings and forms."""
    result = dict(form)
    if isinstance(result.get("type"), list):
        [result["type"]] = [kind for kind in result["type"] if kind != "null"]
    if "anyOf" in result:
        result["anyOf"] = [inner for inner in result["anyOf"] if inner != NULL]
    if "enum" in result:
        result["enum"] = [value for value in result["enum"] if value is not None]
    return result
