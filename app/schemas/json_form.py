"""What JSON Schema says of our own fields and schemas, where apispec cannot see it by itself.

A field of our own tells its form by a method ``json_schema(describe)``, and how a form carries it,
if otherwise, by ``form_schema``; a schema tells what holds between its fields by ``also``.
"""

from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any

from marshmallow import Schema, fields

JsonSchema = dict[str, Any]
Describe = Callable[[Schema | fields.Field[Any]], JsonSchema]
"""What the document says of an inner field or schema."""

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
    told = {name: bound for name, bound in bounds.items() if bound is not None}
    return {"type": "array", "items": form, **told}


def given(name: str, form: JsonSchema | None = None) -> JsonSchema:
    """The field is there, and not null; with ``form`` it is of that form."""
    return {"required": [name], "properties": {name: form or {"not": NULL}}}


def where(name: str, *values: Any) -> JsonSchema:
    """The field is there, and one of these."""
    return given(name, {"enum": list(values)})


def under_its_type(*kinds: str) -> JsonSchema:
    """What the object holds stands under the name that its type is."""
    return any_of(*({"allOf": [where("type", kind), given(kind)]} for kind in kinds))


def of_type(kind: str, form: JsonSchema, *, default: bool = False) -> JsonSchema:
    """An object of that ``type``. ``default``: one that tells no type is of it too."""
    if default:
        return {"allOf": [form, {"properties": {"type": {"enum": [kind, None]}}}]}
    return {"allOf": [form, where("type", kind)]}


def of_other_type(known: Mapping[str, Schema], pattern: str | None = None) -> JsonSchema:
    """An object of a type that is not known; ``pattern``: what such types look like."""
    kind: JsonSchema = {"type": "string", "not": {"enum": list(known)}}
    if pattern:
        kind["pattern"] = pattern
    return {"type": "object", **given("type", kind)}


def without_null(form: JsonSchema) -> JsonSchema:
    """The form where there is no null: in query strings and in forms."""
    told = dict(form)
    if isinstance(told.get("type"), list):
        [told["type"]] = [kind for kind in told["type"] if kind != "null"]
    if "anyOf" in told:
        told["anyOf"] = [inner for inner in told["anyOf"] if inner != NULL]
    if "enum" in told:
        told["enum"] = [value for value in told["enum"] if value is not None]
    return told
