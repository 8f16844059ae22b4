"""Whether a schema can be used, and what is wrong with a value under it.

The draft is the one that ``$schema`` names (4, 6, 7, 2019-09, 2020-12), else 2020-12. As there,
``format`` is an annotation and no rule. No reference is followed out of the schema. Patterns are
read by an engine that takes linear time; it has no look-around and no back references.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

import jsonschema_rs
from jsonschema_rs import RegexOptions, ValidationError

MAX_VIOLATIONS = 10
MAX_MESSAGE_CHARS = 300
MAX_COMPILED = 64
"""An agent sends the same schema at each turn; compiling is most of a check."""

_DRAFTS = (
    "json-schema.org/draft-04/schema",
    "json-schema.org/draft-06/schema",
    "json-schema.org/draft-07/schema",
    "json-schema.org/draft/2019-09/schema",
    "json-schema.org/draft/2020-12/schema",
)


class SchemaFault(ValueError):
    """Why a schema cannot be used."""


def check_schema(schema: Mapping[str, Any]) -> str | None:
    """Why the schema cannot be used; None where it can."""
    try:
        _compiled(json.dumps(schema))
    except SchemaFault as fault:
        return str(fault)
    except RecursionError:
        return "The schema is nested too deeply."
    return None


def violations_of(value: Any, schema: Mapping[str, Any]) -> tuple[str, ...]:
    """What is wrong with the value, in short; empty where it is good under the schema."""
    try:
        errors = _compiled(json.dumps(schema)).iter_errors(value)
        return tuple(map(_message, islice(errors, MAX_VIOLATIONS)))
    except SchemaFault as fault:
        return (f"$: it cannot be checked: {fault}",)
    except (RecursionError, ValueError):
        return ("$: it is nested too deeply",)


@lru_cache(maxsize=MAX_COMPILED)
def _compiled(text: str) -> Any:
    """The validator of a schema's JSON. Raises SchemaFault."""
    schema = json.loads(text)
    draft = schema.get("$schema")
    if isinstance(draft, str) and draft.rstrip("#").partition("://")[2] not in _DRAFTS:
        del schema["$schema"]
    try:
        return jsonschema_rs.validator_for(
            schema, validate_formats=False, retriever=_refuse, pattern_options=RegexOptions()
        )
    except ValidationError as error:
        raise SchemaFault(_message(error)) from error
    except ValueError as error:
        raise SchemaFault("The schema is nested too deeply.") from error


def _refuse(uri: str) -> Any:
    """The library would fetch references over the network and from files."""
    raise ValueError("it must stay within the schema")


def _message(error: ValidationError) -> str:
    """The error and where it is; the middle of a long message, mostly a value, is left out."""
    message = error.message
    if len(message) > MAX_MESSAGE_CHARS:
        half = MAX_MESSAGE_CHARS // 2
        message = f"{message[:half]} … {message[-half:]}"
    return f"{_path(error.instance_path)}: {message}"


def _path(steps: list[str | int]) -> str:
    """``$.a[0]['b c']``"""
    return "$" + "".join(
        f"[{step}]"
        if isinstance(step, int)
        else f".{step}"
        if step.isidentifier()
        else f"[{step!r}]"
        for step in steps
    )
