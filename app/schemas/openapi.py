"""marshmallow's schemas as OpenAPI 3.1 describes them, by apispec."""

import re
from inspect import cleandoc
from typing import Any

from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.common import resolve_schema_cls
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import Schema, fields

from app.schemas.json_form import NULL, JsonSchema, any_of, without_null

_FOLDERS = re.compile(r"app\.(?:schemas|dialects)\.|\.schemas$")


def name_of(schema: Any) -> str:
    """``chat.Message``: formats have schemas of the same names."""
    kind: Any = resolve_schema_cls(schema)
    return f"{_FOLDERS.sub('', kind.__module__)}.{kind.__name__.removesuffix('Schema')}"


class Converter(OpenAPIConverter):
    """apispec's converter, which also uses the JSON Schema that our fields and schemas give."""

    def field2property(self, field: fields.Field[Any]) -> JsonSchema:
        if not hasattr(field, "json_schema"):
            return super().field2property(field)
        form: JsonSchema = field.json_schema(self.describe)
        result = any_of(form, NULL) if field.allow_none else form
        return {**self.metadata2properties(field), **result}

    def metadata2properties(self, field: fields.Field[Any], **options: Any) -> JsonSchema:
        """apispec passes on only some of the keywords of JSON Schema that OpenAPI 3.1 allows."""
        result: JsonSchema = super().metadata2properties(field, **options)
        encoding = field.metadata.get("contentEncoding")
        return {**result, **({"contentEncoding": encoding} if encoding else {})}

    def field2default(self, field: fields.Field[Any], **options: Any) -> JsonSchema:
        """Null means "not given" here, which need not be documented as a default."""
        default = super().field2default(field, **options)
        return default if default.get("default") is not None else {}

    def field2pattern(self, field: fields.Field[Any], **options: Any) -> JsonSchema:
        """Python anchors the whole text by ``\\Z``, JSON Schema by ``^`` and ``$``."""
        result: JsonSchema = super().field2pattern(field, **options)
        if "pattern" in result:
            result["pattern"] = f"^{result['pattern'].removesuffix(chr(92) + 'Z')}$"
        return result

    def schema2jsonschema(self, schema: Any) -> JsonSchema:
        result: JsonSchema = super().schema2jsonschema(schema)  # type: ignore[no-untyped-call]
        words = cleandoc(type(schema).__doc__ or "")
        return {**({"description": words} if words else {}), **result, **schema.also}

    def describe(self, what: Schema | fields.Field[Any]) -> JsonSchema:
        """A field inline, a schema as a reference."""
        if isinstance(what, Schema):
            return self.resolve_nested_schema(what)  # type: ignore[no-any-return, no-untyped-call]
        return self.field2property(what)

    def describe_form(self, schema: Schema) -> JsonSchema:
        """The schema as a form carries it: without nulls, and with files."""
        result = self.schema2jsonschema(schema)
        for field in schema.fields.values():
            name = field.data_key or field.name
            form = getattr(field, "form_schema", result["properties"][name])
            result["properties"][name] = without_null(form)
        return result

    def describe_query(self, schema: Schema) -> list[JsonSchema]:
        """The parameters of a QuerySchema. An empty parameter counts as not given."""
        parameters: list[JsonSchema] = self.schema2parameters(schema, location="query")
        return [
            {**result, "schema": without_null(result["schema"]), "allowEmptyValue": True}
            for result in parameters
        ]


class SchemasPlugin(MarshmallowPlugin):
    """For APISpec: names and converter are ours."""

    Converter = Converter

    def __init__(self) -> None:
        super().__init__(schema_name_resolver=name_of)
