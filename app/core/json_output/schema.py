"""Whether a schema can be used, and what is wrong with a value under it.

The draft is the one that ``$schema`` names, else 2020-12. As there, ``format`` is a remark and no
rule. No reference is followed out of the schema.
"""

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import regex
from jsonschema.exceptions import (  # type: ignore[import-untyped]
    SchemaError,
    UnknownType,
    ValidationError,
)
from referencing import Registry, Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from app.core.json_output.bounded_schema import SCHEMA_FORMATS, kind_of, limited_time, work

MAX_VIOLATIONS = 10
MAX_MESSAGE_CHARS = 300


def check_schema(schema: Mapping[str, Any]) -> str | None:
    """Why the schema cannot be used; None where it can."""
    with limited_time():
        try:
            return _fault(dict(schema))
        except SchemaError as error:
            return _told(error)
        except TimeoutError:
            return "The schema takes too long to check."
        except RecursionError:
            return "The schema is nested too deeply."


def _fault(schema: dict[str, Any]) -> str | None:
    kind_of(schema).check_schema(schema, format_checker=SCHEMA_FORMATS)
    text = json.dumps(schema)
    if '"patternProperties":' in text and '"unevaluatedProperties":' in text:
        # The one place where jsonschema's own search for a pattern cannot be replaced.
        return "unevaluatedProperties next to patternProperties is not supported."
    root = Resource.from_contents(schema, default_specification=DRAFT202012)
    resolver = Registry().with_resource("", root).crawl().resolver()
    for reference in _unresolvable(root, resolver):
        return f"{reference!r} leads nowhere: it must stay within the schema."
    return None


def _unresolvable(resource: Resource[Any], resolver: Any) -> Iterator[str]:
    """The references in a schema, and in those within it, that lead nowhere."""
    resolver = resolver.in_subresource(resource)
    if isinstance(resource.contents, dict):
        for keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
            reference = resource.contents.get(keyword, "#")
            work().go_on()
            try:
                resolver.lookup(reference)
            except Unresolvable:
                yield reference
    for inner in resource.subresources():
        yield from _unresolvable(inner, resolver)


_UNCHECKABLE = (
    *(Unresolvable, UnknownType, regex.error),  # a reference to what is no schema
    *(ArithmeticError, AttributeError, LookupError, TypeError, ValueError),
)


def violations_of(value: Any, schema: Mapping[str, Any]) -> tuple[str, ...]:
    """What is wrong with the value, in short; empty where it is good under the schema."""
    try:
        validator = kind_of(schema)(dict(schema), registry=Registry())
        return tuple(map(_told, islice(validator.iter_errors(value), MAX_VIOLATIONS)))
    except TimeoutError:
        return ("$: it takes too long to check",)
    except RecursionError:
        return ("$: it is nested too deeply",)
    except _UNCHECKABLE as error:
        return (f"$: it cannot be checked ({type(error).__name__})",)


def _told(error: ValidationError | SchemaError) -> str:
    """The error and where it is; the middle of a long message, mostly a value, is left out."""
    message = f"{error.message} ({error.cause})" if error.cause else error.message
    if len(message) > MAX_MESSAGE_CHARS:
        half = MAX_MESSAGE_CHARS // 2
        message = f"{message[:half]} … {message[-half:]}"
    return f"{error.json_path}: {message}"
