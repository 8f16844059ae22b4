"""Arguments brought to a schema's types."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.tools.coercion import coerced, compact
from tests.lengths import examples

NODE = {
    "type": "object",
    "properties": {"n": {"type": "integer"}, "next": {"$ref": "#/$defs/node"}},
}


def test_it_works() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    assert coerced({"n": "5"}, schema) == {"n": 5}


@pytest.mark.parametrize(
    "value, schema, expected",
    [
        ("5", {"type": "integer"}, 5),
        (" -12\n", {"type": "integer"}, -12),
        ("05", {"type": "integer"}, "05"),
        ("5.0", {"type": "integer"}, "5.0"),
        (5.0, {"type": "integer"}, 5),
        (5.5, {"type": "integer"}, 5.5),
        (True, {"type": "integer"}, True),
        ("9" * 30, {"type": "integer"}, "9" * 30),
        ("2.5e3", {"type": "number"}, 2500.0),
        ("1e999", {"type": "number"}, "1e999"),
        ("nan", {"type": "number"}, "nan"),
        ("7", {"type": "number"}, 7),
        ("True", {"type": "boolean"}, True),
        ("yes", {"type": "boolean"}, "yes"),
        (1, {"type": "boolean"}, 1),
        ("null", {"type": ["string", "null"]}, "null"),
        ("null", {"type": ["integer", "null"]}, None),
        (5, {"type": "string"}, "5"),
        (True, {"type": "string"}, "true"),
        (3.1, {"type": "string"}, 3.1),
        ({"a": 1}, {"type": "string"}, '{"a":1}'),
        ("[1, 2]", {"type": "array"}, [1, 2]),
        ("[1, 2,]", {"type": "array"}, [1, 2]),
        ("{}", {"type": "array"}, "{}"),
        ("<x>1</x><x>2</x>", {"type": "array", "items": {"type": "integer"}}, [1, 2]),
        ("<n>1</n>", {"properties": {"n": {"type": "integer"}}}, {"n": 1}),
        ('["1"]', {"items": {"type": "integer"}}, [1]),
        ({"a": "1"}, {"additionalProperties": {"type": "integer"}}, {"a": 1}),
        ("5", {"anyOf": [{"type": "integer"}, {"type": "null"}]}, 5),
        ("5", {"anyOf": [{"type": "integer"}, {"type": "string"}]}, "5"),
        ("x", {"oneOf": [{"type": "integer"}]}, "x"),
        (
            {"kind": "b", "n": "1"},
            {
                "anyOf": [
                    {"type": "object", "properties": {"kind": {"const": "a"}}},
                    {
                        "type": "object",
                        "properties": {"kind": {"const": "b"}, "n": {"type": "integer"}},
                        "required": ["kind", "n"],
                    },
                ]
            },
            {"kind": "b", "n": 1},
        ),
        ("5", {"allOf": [{"type": "integer"}]}, 5),
        ("2", {"enum": [1, 2]}, 2),
        ("2", {"enum": ["2", 2]}, "2"),
        (
            {"n": "1", "next": {"n": "2"}},
            {**NODE, "$defs": {"node": NODE}},
            {"n": 1, "next": {"n": 2}},
        ),
        ("5", {"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"type": "integer"}}}, 5),
        ("5", {"$ref": "#/nowhere"}, "5"),
        ("5", {"$ref": "other.json"}, "5"),
        ("5", {"$ref": "#"}, "5"),
        ("5", {}, "5"),
        ("5", True, "5"),
        ("5", {"type": 5, "anyOf": 5, "enum": 5, "items": 5, "properties": 5}, "5"),
        ("5", {"type": ["integer", 5, {}]}, 5),
    ],
)
def test_values(value: Any, schema: Any, expected: Any) -> None:
    found = coerced(value, schema)
    assert (type(found), found) == (type(expected), expected)


def test_a_schema_that_is_itself_in_two_ways_ends() -> None:
    schema = {"anyOf": [{"$ref": "#"}, {"$ref": "#"}], "items": {"$ref": "#"}}
    assert coerced([[["5"]] * 100] * 100, schema) == [[["5"]] * 100] * 100


SCHEMAS = st.recursive(
    st.sampled_from([True, None, {"type": "integer"}, {"type": ["null", "array"]}, {"$ref": "#"}]),
    lambda inner: st.dictionaries(
        st.sampled_from(["type", "anyOf", "allOf", "items", "properties", "enum", "const", "$ref"]),
        inner | st.lists(inner) | st.dictionaries(st.sampled_from("ab"), inner),
    ),
    max_leaves=8,
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text("{[<0tn]}\"'"),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=8,
)


@given(VALUES, SCHEMAS)
@settings(max_examples=examples(400), deadline=None)
def test_no_schema_and_no_value_raises(value: Any, schema: Any) -> None:
    coerced(value, schema)


def test_compact_text_can_be_sent() -> None:
    assert compact({"a": ["é", 1]}) == '{"a":["é",1]}'
    assert json.loads(compact("\ud800").encode()) == "\ud800"
    with pytest.raises(ValueError):
        compact(float("inf"))
