"""Schemas that nobody should trust: which can be used, what they say, and how long it takes."""

import json
import socket
from typing import Any

import pytest

from app.core.json_output.schema import check_schema
from app.core.json_output.settle import settle_json
from app.core.json_output.verdict import Verdict

PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
DRAFTS = [
    "http://json-schema.org/draft-04/schema#",
    "http://json-schema.org/draft-06/schema#",
    "http://json-schema.org/draft-07/schema",
    "https://json-schema.org/draft/2019-09/schema",
    "https://json-schema.org/draft/2020-12/schema",
]


def settle(text: str, schema: dict[str, Any] | None = None) -> Verdict:
    return settle_json(text, {"type": "object"} if schema is None else schema)


def violations(value: Any, schema: dict[str, Any]) -> tuple[str, ...]:
    assert check_schema(schema) is None
    return settle(json.dumps(value), schema).violations


def test_the_path_names_odd_keys() -> None:
    schema = {"additionalProperties": {"type": "string"}}
    assert violations({"a b": 1}, schema) == ("$['a b']: 1 is not of type \"string\"",)


# What a schema may be


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "objekt"}, '$.type: "objekt" is not valid'),
        ({"properties": {"a": {"required": "b"}}}, '$.properties.a.required: "b" is not of type'),
        ({"$schema": 5}, "$['$schema']: 5 is not"),
        ({"pattern": "("}, '$.pattern: "(" is not a "regex"'),
        ({"pattern": "(?=a)b"}, 'is not a "regex"'),
        ({"pattern": r"(a)\1"}, 'is not a "regex"'),
        ({"pattern": "(?&name)"}, 'is not a "regex"'),
        ({"patternProperties": {"[": {}}}, '"[" is not a "regex"'),
        ({"$ref": "https://example.com/schema"}, "it must stay within the schema"),
        ({"items": {"$ref": "file:///etc/passwd"}}, "it must stay within the schema"),
        ({"$ref": "#/$defs/none"}, "'/$defs/none' does not exist"),
        ({"$dynamicRef": "#none"}, "none"),
    ],
)
def test_a_schema_that_cannot_be_used(schema: dict[str, Any], words: str) -> None:
    fault = check_schema(schema)
    assert fault and words in fault


@pytest.mark.parametrize(
    "schema",
    [
        {},
        PERSON,
        {"$schema": "https://example.com/unknown"},
        {"pattern": r"^[\p{L}\d_-]{1,64}$"},
        {"pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"},
        {"properties": {"$ref": {"type": "string"}}},
        {"properties": {"patternProperties": {}, "unevaluatedProperties": {}}},
        {"unevaluatedProperties": False, "patternProperties": {"a": {}}},
        {"$ref": "#/definitions/A", "definitions": {"A": {"type": "object"}}},
        {"$id": "https://example.com/x", "$ref": "x#/$defs/a", "$defs": {"a": {}}},
        {"$defs": {"a": {"$anchor": "b"}}, "items": {"$ref": "#b"}},
        {"$defs": {"tree": {"items": {"$ref": "#/$defs/tree"}}}, "$ref": "#/$defs/tree"},
    ],
)
def test_a_schema_that_can(schema: dict[str, Any]) -> None:
    assert check_schema(schema) is None
    assert settle("[[], []]", schema).text == "[[], []]"


@pytest.mark.parametrize("draft", DRAFTS)
def test_every_draft(draft: str) -> None:
    schema = {"$schema": draft, "properties": {"a": {"type": "integer"}, "b": {"$ref": "#"}}}
    assert violations({"a": 1, "b": {"a": 2}}, schema) == ()
    assert violations({"b": {"a": "x"}}, schema) == ('$.b.a: "x" is not of type "integer"',)


def test_the_draft_is_the_one_that_is_named() -> None:
    array = {"items": [{"type": "integer"}]}
    assert violations(["x"], {"$schema": DRAFTS[3], **array})
    assert check_schema(array)
    assert violations(["x"], {"prefixItems": array["items"]})
    assert not violations(["x"], {"$schema": DRAFTS[3], "prefixItems": array["items"]})


def test_nothing_is_fetched() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/schema"
        for schema in ({"$ref": url}, {"$ref": "#/hidden", "hidden": {"$ref": url}}):
            assert "it must stay within the schema" in (check_schema(schema) or "")
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.mark.parametrize(
    "hidden",
    [5, [1], {"type": 5}, {"type": "q"}, {"required": 5}, {"maxProperties": "x"}],
)
def test_a_reference_to_what_is_no_schema_is_a_violation(hidden: Any) -> None:
    verdict = settle('{"a": 1}', {"$ref": "#/hidden", "hidden": hidden})
    assert verdict.violations[0].startswith("$: it cannot be checked")


# What is wrong with a value


@pytest.mark.parametrize(
    ("value", "schema", "expected"),
    [
        ("abc", {"pattern": "b"}, ()),
        ("abc", {"pattern": "^b"}, ('$: "abc" does not match "^b"',)),
        (5, {"pattern": "^b"}, ()),
        ({"ab": 1}, {"patternProperties": {"^a": {"type": "integer"}}}, ()),
        (
            {"ab": 1},
            {"patternProperties": {"^a": {"type": "string"}}},
            ('$.ab: 1 is not of type "string"',),
        ),
        (
            {"p": 1, "ab": 1, "x": 1},
            {
                "properties": {"p": {}},
                "patternProperties": {"^a": {}},
                "additionalProperties": False,
            },
            ("$: Additional properties are not allowed ('x' was unexpected)",),
        ),
        ([1, 1.0], {"uniqueItems": True}, ("$: [1,1.0] has non-unique elements",)),
        ([1, True, "1", [1], [True], {"a": 1}, {"a": True}, {}, []], {"uniqueItems": True}, ()),
        ([{"a": 1, "b": [0]}, {"b": [0.0], "a": 1}], {"uniqueItems": False}, ()),
        (
            {"a": 1, "b": 2},
            {"properties": {"a": {}}, "unevaluatedProperties": False},
            ("$: Unevaluated properties are not allowed ('b' was unexpected)",),
        ),
    ],
)
def test_keywords(value: Any, schema: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert violations(value, schema) == expected
